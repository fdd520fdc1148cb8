import { mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import type { TokenStatus } from '../chathub/company-token.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { Diagnosis } from '../contract/organization.ts'
import { type FailureCode, isFailure } from '../errors.ts'
import { type OperatorLists, operatorsKey } from './operator-lists.ts'
import type { Organizations } from './organizations.ts'
import type { Roster } from './roster.ts'

type Advice = Diagnosis['advice'][number]

const sentences = {
  'organization.unknown':
    'Check the organization id: GET /v1/organizations lists those that this credential may touch.',
  'organization.access':
    'If it exists in ChatHub, make sure that the company token has access to it and that this client lists it.',
  'token.refused':
    'ChatHub refuses the gateway’s credential: its operators have to replace the company token or the login.',
  'operators.none':
    'The organization has no operators yet; add some with POST /v1/organizations/{org}/operators.',
  'scope.missing': 'This credential cannot add operators: it lacks the scope operators:write.',
  ok: 'Nothing is wrong: the organization is known, its list is readable, and this credential may add operators.',
}

/**
 * « Dépannage »: why a list is empty or an add fails. An organization that the caller may not touch is diagnosed just
 * like one that does not exist.
 */
export const createDiagnose =
  (options: {
    organizations: Organizations
    lists: OperatorLists
    cache: Cache<Roster>
    token: () => TokenStatus
    /** False: calls to ChatHub fail at once, whatever is remembered. */
    reachable: () => boolean
    clock: Clock
  }) =>
  async (caller: Caller, organization: number, context: CallContext): Promise<Diagnosis> => {
    const { organizations, lists, cache, clock } = options
    const found: Advice[] = []
    const advise = (code: keyof typeof sentences) => found.push({ code, text: sentences[code] })
    const failed = (code: FailureCode) =>
      found.push({
        code,
        text: `ChatHub could not be asked, so writes fail too; see /docs/problems/${code}.`,
      })

    const known =
      mayTouch(caller, organization) &&
      (await organizations.get(caller, organization, context).then(
        () => true,
        (error) => {
          if (!isFailure(error)) throw error
          if (error.code !== 'organization.unknown') failed(error.code)
          return false
        },
      ))
    if (!known && found.length === 0) {
      advise('organization.unknown')
      advise('organization.access')
    }
    if (known) {
      const failure = await lists.read(caller, organization, context).then(
        // An old copy in place of an answer says that none came.
        ({ freshness }) => freshness.how === 'stale-after-failure' || !options.reachable(),
        (error) => error,
      )
      if (failure === true) failed('chathub.unavailable')
      else if (isFailure(failure)) failed(failure.code)
      else if (failure) throw failure
    }
    if (options.token().state === 'refused') advise('token.refused')
    const copy = known ? cache.remembered(operatorsKey(organization)) : undefined
    if (copy?.value.operators.length === 0) advise('operators.none')
    if (!caller.scopes.has('operators:write')) advise('scope.missing')
    if (found.length === 0) advise('ok')
    return {
      known,
      allowed: known,
      operators: copy ? copy.value.operators.length : null,
      lastAsked: copy ? new Date(clock.wall() - (clock.now() - copy.askedAt)).toISOString() : null,
      advice: found,
    }
  }
