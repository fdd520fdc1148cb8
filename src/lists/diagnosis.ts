import type { Caller } from '../access/caller.ts'
import type { TokenStatus } from '../chathub/company-token.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { Diagnosis } from '../contract/organization.ts'
import { Failure, type FailureCode, isFailure } from '../errors.ts'
import type { OperatorLists } from './operator-lists.ts'
import type { Organizations } from './organizations.ts'

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

export type Diagnose = (caller: Caller, organization: number, context: CallContext) => Promise<Diagnosis>

/**
 * « Dépannage »: why a list is empty or an add fails. An organization that the caller may not touch gets the answer of
 * one that does not exist.
 */
export const createDiagnose =
  (options: {
    organizations: Organizations
    lists: OperatorLists
    tokenStatus: () => TokenStatus
    /** False while calls to ChatHub fail at once. */
    isReachable: () => boolean
    clock: Clock
  }): Diagnose =>
  async (caller, organization, context) => {
    const { organizations, lists, clock } = options
    const advice: Diagnosis['advice'] = []
    const advise = (code: keyof typeof sentences) => advice.push({ code, text: sentences[code] })
    const adviseOn = (code: FailureCode) => {
      const text = `ChatHub could not be asked, so writes fail too; see /docs/problems/${code}.`
      advice.push({ code, text })
    }

    const unknown = await failureOf(organizations.get(caller, organization, context))
    const known = unknown === undefined
    if (unknown === 'organization.unknown') {
      advise('organization.unknown')
      advise('organization.access')
    } else if (unknown) adviseOn(unknown)
    if (known) {
      const reading = lists.read(caller, organization, context).then(({ freshness }) => {
        if (freshness.how === 'stale-after-failure' || !options.isReachable())
          throw new Failure('chathub.unavailable')
      })
      const failure = await failureOf(reading)
      if (failure) adviseOn(failure)
    }
    if (options.tokenStatus().state === 'refused') advise('token.refused')
    const copy = known ? lists.remembered(caller, organization) : undefined
    const operators = copy ? copy.value.operators.length : null
    if (operators === 0) advise('operators.none')
    if (!caller.scopes.has('operators:write')) advise('scope.missing')
    if (advice.length === 0) advise('ok')
    const lastAsked = copy ? new Date(clock.wall() - (clock.now() - copy.askedAt)).toISOString() : null
    return { known, allowed: known, operators, lastAsked, advice }
  }

/** Undefined when the call succeeds. */
const failureOf = (call: Promise<unknown>): Promise<FailureCode | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => {
      if (isFailure(error)) return error.code
      throw error
    },
  )
