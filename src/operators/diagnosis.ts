import { type Caller, mayTouch } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import type { Errand } from '../chathub/exchange.ts'
import type { TokenStatus } from '../chathub/token.ts'
import type { Clock } from '../clock.ts'
import type { Diagnosis } from '../contract/organization.ts'
import { isFailure } from '../errors.ts'
import { type Lists, operatorsKey } from './list.ts'
import type { Organizations } from './organizations.ts'
import type { Roster } from './roster.ts'

type Advice = Diagnosis['advice'][number]
const advice = (code: string, text: string): Advice => ({ code, text })

/**
 * « Dépannage »: why a list is empty or an add fails. An organization that the caller may not touch is diagnosed just
 * like one that does not exist.
 */
export const createDiagnose =
  (options: {
    organizations: Organizations
    lists: Lists
    cache: Cache<Roster>
    token: () => TokenStatus
    /** False: calls to ChatHub fail at once, whatever is remembered. */
    reachable: () => boolean
    clock: Clock
  }) =>
  async (caller: Caller, organization: number, errand: Errand): Promise<Diagnosis> => {
    const { organizations, lists, cache, clock } = options
    const found: Advice[] = []
    const known =
      mayTouch(caller, organization) &&
      (await organizations.find(organization, errand).then(
        () => true,
        (error) => {
          if (!isFailure(error)) throw error
          if (error.code !== 'organization.unknown') found.push(failed(error.code))
          return false
        },
      ))
    if (!known && found.length === 0)
      found.push(
        advice(
          'organization.unknown',
          'Check the organization id: GET /v1/organizations lists those that this credential may touch.',
        ),
        advice(
          'organization.access',
          'If it exists in ChatHub, make sure that the company token has access to it and that this client lists it.',
        ),
      )
    if (known) {
      const failure = await lists.read(organization, errand).then(
        // An old copy in place of an answer says that none came.
        ({ freshness }) => freshness.how === 'stale-after-failure' || !options.reachable(),
        (error) => error,
      )
      if (failure === true) found.push(failed('chathub.unavailable'))
      else if (isFailure(failure)) found.push(failed(failure.code))
      else if (failure) throw failure
    }
    if (options.token().state === 'refused')
      found.push(
        advice(
          'token.refused',
          'ChatHub refuses the gateway’s credential: its operators have to replace the company token or the login.',
        ),
      )
    const copy = known ? cache.remembered(operatorsKey(organization)) : undefined
    if (copy && copy.value.operators.length === 0)
      found.push(
        advice(
          'operators.none',
          'The organization has no operators yet; add some with POST /v1/organizations/{org}/operators.',
        ),
      )
    if (!caller.scopes.has('operators:write'))
      found.push(
        advice('scope.missing', 'This credential cannot add operators: it lacks the scope operators:write.'),
      )
    if (found.length === 0)
      found.push(
        advice(
          'ok',
          'Nothing is wrong: the organization is known, its list is readable, and this credential may add operators.',
        ),
      )
    return {
      known,
      allowed: known,
      operators: copy ? copy.value.operators.length : null,
      lastAsked: copy ? new Date(clock.wall() - (clock.now() - copy.askedAt)).toISOString() : null,
      advice: found,
    }
  }

const failed = (code: string): Advice =>
  advice(code, `ChatHub could not be asked, so writes fail too; see /docs/problems/${code}.`)
