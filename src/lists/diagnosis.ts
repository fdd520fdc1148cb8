import { hasScope } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Freshness } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { Diagnosis } from '../contract/organization.ts'
import { type FailureCode, failures, isFailure } from '../errors.ts'
import type { ChatHubState } from '../throttle/health.ts'
import type { OperatorLists } from './operator-lists.ts'
import type { Organizations } from './organizations.ts'
import type { Roster } from './roster.ts'

export type Diagnose = (caller: Caller, organization: number, context: CallContext) => Promise<Diagnosis>

/**
 * « Dépannage »: why a list is empty or an add fails. ChatHub is asked unless its state was proven within the last seconds.
 * An organization that the caller may not touch gets the answer of one that does not exist.
 */
export const createDiagnose =
  (options: {
    organizations: Organizations
    lists: OperatorLists
    checkChatHub: (context: CallContext) => Promise<ChatHubState>
    /** Operators that ChatHub added long after the request was given up. */
    lateOperators: (caller: Caller, organization: number) => readonly number[]
    clock: Clock
  }): Diagnose =>
  async (caller, organization, context) => {
    const { organizations, lists, checkChatHub, lateOperators, clock } = options
    const chathub = await checkChatHub(context)
    const rights = hasScope(caller, 'operators:write') ? [] : [adviceFor('scope.missing')]
    const unlisted = await failureOf(organizations.get(caller, organization, context))
    if (unlisted === 'organization.unknown') {
      const unknown = [adviceFor('organization.unknown'), adviceFor('organization.access')]
      const advice = [...unknown, ...upstreamAdvice(chathub), ...rights]
      return { known: false, allowed: false, operators: null, lastAsked: null, advice }
    }
    const read = await lists
      .read(caller, organization, context)
      .then(({ freshness }) => freshness.how, codeOf)
    const copy = lists.remembered(caller, organization)
    const operators = copy ? copy.value.operators.length : null
    const late = lateAdvice(copy?.value, () => lateOperators(caller, organization))
    const advice = [
      ...upstreamAdvice(chathub, read),
      ...late,
      ...(operators === 0 ? [adviceFor('operators.none')] : []),
      ...rights,
    ]
    return {
      known: unlisted === undefined || copy !== undefined || null,
      allowed: true,
      operators,
      lastAsked: copy ? new Date(clock.wall() - (clock.now() - copy.askedAt)).toISOString() : null,
      advice: advice.length > 0 ? advice : [adviceFor('ok')],
    }
  }

type Advice = Diagnosis['advice'][number]

const texts = {
  'organization.unknown':
    'Check the organization id: GET /v1/organizations lists those that this credential may touch.',
  'organization.access':
    'If it exists in ChatHub, make sure that the company token has access to it and that this client lists it.',
  'operators.none':
    'The organization has no operators yet; add some with POST /v1/organizations/{org}/operators.',
  'scope.missing': 'This credential cannot add operators: it lacks the scope operators:write.',
  'token.refused':
    'ChatHub refuses the gateway’s credential, so writes fail. The operators of the gateway have to replace the company token or the login.',
  'chathub.unavailable':
    'ChatHub cannot be reached, so writes fail. Lists that are remembered are still served, with their age.',
  'list.stale': 'ChatHub answers, but the last try to read this list failed. An old copy is served.',
  ok: 'Nothing is wrong: the organization is known, its list is readable, and this credential may add operators.',
}
const adviceFor = (code: keyof typeof texts): Advice => ({ code, text: texts[code] })

/** What ChatHub's state and the last read of the list say. */
const upstreamAdvice = (chathub: ChatHubState, read?: Freshness['how'] | FailureCode): Advice[] => {
  if (chathub === 'refused') return [adviceFor('token.refused')]
  if (chathub === 'unavailable') return [adviceFor('chathub.unavailable')]
  if (read === 'stale-after-failure') return [adviceFor('list.stale')]
  if (read === undefined || !(read in failures)) return []
  return [
    { code: read, text: `ChatHub answers, but this list could not be read; see /docs/problems/${read}.` },
  ]
}

/** What to do about operators that ChatHub added late, while the list has them and they are not deleted. */
const lateAdvice = (roster: Roster | undefined, lateOperators: () => readonly number[]): Advice[] => {
  if (!roster) return []
  const ids = lateOperators().filter((id) => (roster.byId(id)?.status ?? 'deleted') !== 'deleted')
  const text = `ChatHub added operators ${ids.join(', ')} long after the request was given up, so names may exist twice. Compare them in the list, and delete those that are too many.`
  return ids.length > 0 ? [{ code: 'write.late', text }] : []
}

/** The code of the failure, or undefined when the call succeeds. */
const failureOf = (call: Promise<unknown>): Promise<FailureCode | undefined> =>
  call.then(() => undefined, codeOf)

const codeOf = (error: unknown): FailureCode => {
  if (isFailure(error)) return error.code
  throw error
}
