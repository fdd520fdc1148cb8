import type { Caller } from '../access/caller.ts'
import type { TokenStatus } from '../chathub/company-token.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { Diagnosis } from '../contract/organization.ts'
import { Failure, type FailureCode, isFailure } from '../errors.ts'
import type { OperatorLists } from './operator-lists.ts'
import type { Organizations } from './organizations.ts'
import type { Roster } from './roster.ts'

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
    /** Operators that ChatHub added long after the request was given up. */
    lateOperators: (caller: Caller, organization: number) => readonly number[]
    clock: Clock
  }): Diagnose =>
  async (caller, organization, context) => {
    const { organizations, lists, tokenStatus, isReachable, lateOperators, clock } = options
    const readList = async (): Promise<void> => {
      const { freshness } = await lists.read(caller, organization, context)
      if (freshness.how === 'stale-after-failure' || !isReachable()) throw new Failure('chathub.unavailable')
    }
    const unknown = await failureOf(organizations.get(caller, organization, context))
    const known = unknown === undefined
    const failure = unknown ?? (await failureOf(readList()))
    const copy = known ? lists.remembered(caller, organization) : undefined
    const operators = copy ? copy.value.operators.length : null
    const lastAsked = copy ? new Date(clock.wall() - (clock.now() - copy.askedAt)).toISOString() : null
    const isMissing = failure === 'organization.unknown'
    // biome-ignore format: a table reads best one row a line
    const advice = [
      isMissing && advise('organization.unknown', 'Check the organization id: GET /v1/organizations lists those that this credential may touch.'),
      isMissing && advise('organization.access', 'If it exists in ChatHub, make sure that the company token has access to it and that this client lists it.'),
      !isMissing && failure && advise(failure, `ChatHub could not be asked, so writes fail too; see /docs/problems/${failure}.`),
      tokenStatus().state === 'refused' && advise('token.refused', 'ChatHub refuses the gateway’s credential: its operators have to replace the company token or the login.'),
      ...lateAdvice(copy?.value, () => lateOperators(caller, organization)),
      operators === 0 && advise('operators.none', 'The organization has no operators yet; add some with POST /v1/organizations/{org}/operators.'),
      !caller.scopes.has('operators:write') && advise('scope.missing', 'This credential cannot add operators: it lacks the scope operators:write.'),
    ].flatMap((applies) => applies || [])
    if (advice.length === 0)
      advice.push(
        advise(
          'ok',
          'Nothing is wrong: the organization is known, its list is readable, and this credential may add operators.',
        ),
      )
    return { known, allowed: known, operators, lastAsked, advice }
  }

/** What to do about operators that ChatHub added late, while the list has them and they are not deleted. */
const lateAdvice = (roster: Roster | undefined, lateOperators: () => readonly number[]) => {
  if (!roster) return []
  const ids = lateOperators().filter((id) => (roster.byId(id)?.status ?? 'deleted') !== 'deleted')
  const text = `ChatHub added operators ${ids.join(', ')} long after the request was given up, so names may exist twice. Compare them in the list, and delete those that are too many.`
  return ids.length > 0 ? [advise('write.late', text)] : []
}

const advise = (code: string, text: string) => ({ code, text })

/** The code of the failure, or undefined when the call succeeds. */
const failureOf = (call: Promise<unknown>): Promise<FailureCode | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => {
      if (isFailure(error)) return error.code
      throw error
    },
  )
