import { authorize } from '../access/authorize.ts'
import { type Caller, minterOf } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { AssignChat, Assignment } from '../contract/assignment.ts'
import { Failure } from '../errors.ts'
import type { OperatorLists } from '../lists/operator-lists.ts'
import type { Quotas } from '../redis/quotas.ts'
import type { AssignmentRequest, Choice, HeldChat } from './assign.ts'

/** How long an assignment lives after its last use. */
export const holdMs = 30 * 24 * 3600 * 1000

/**
 * Stored assignments and rotations; chats are named by the text of their id. Each step is atomic.
 * @throws Failure `redis.unavailable`
 */
export type AssignmentStore = {
  /** Reading an assignment is using it. */
  find(organization: number, chat: string): Promise<HeldChat | undefined>
  /**
   * Chooses as `assign` does and stores the choice; undefined when there is no candidate, and nothing is stored. `held`
   * is what `find` returned; an assignment made meanwhile by another caller counts instead.
   */
  assign(organization: number, request: AssignmentRequest): Promise<Choice | undefined>
  /** @returns false when the chat was not assigned */
  release(organization: number, chat: string): Promise<boolean>
}

/** @throws Failure `organization.unknown`; `redis.unavailable` before ChatHub is asked for the list */
export type Assignments = {
  /** @throws Failure `operator.none-active`, `quota.exceeded` */
  assign(caller: Caller, organization: number, request: AssignChat, context: CallContext): Promise<Assignment>
  /** @throws Failure `assignment.unknown` */
  find(caller: Caller, organization: number, chat: string, context: CallContext): Promise<Assignment>
  /** @throws Failure `assignment.unknown` */
  release(caller: Caller, organization: number, chat: string, context: CallContext): Promise<void>
}

/** Assigns chats to active operators; the cached list says who is active. */
export const createAssignments = (
  lists: OperatorLists,
  store: AssignmentStore,
  quotas: Quotas,
  clock: Clock,
): Assignments => ({
  assign: async (caller, organization, { chatId, strategy, exclude }, context) => {
    authorize(caller, { organization })
    const held = await store.find(organization, String(chatId))
    const { copy, freshness } = await lists.read(caller, organization, context)
    const counted = keptOf(caller, organization, String(chatId))
    if (!held) await quotas.take([{ ...counted, keepMs: holdMs }])
    const active = copy.value.active()
    const excluded = new Set(exclude)
    const candidates = excluded.size > 0 ? active.filter((id) => !excluded.has(id)) : active
    const request = { chatId, strategy, active, candidates, held, now: clock.wall() }
    const assigned = await store.assign(organization, request)
    // A list that is no longer fresh is loaded again for the next call.
    if (!assigned) {
      if (!held) await quotas.release([counted])
      throw new Failure('operator.none-active', { retryAfterMs: Math.max(1000, freshness.ttlMs) })
    }
    const explain = { ...assigned.why, active: active.length, candidates: candidates.length }
    return shown(chatId, assigned.hold, explain)
  },
  find: async (caller, organization, chat, context) => {
    authorize(caller, { organization })
    const hold = await store.find(organization, chat)
    const active = (await lists.read(caller, organization, context)).copy.value.active()
    if (!hold) throw new Failure('assignment.unknown')
    const reason = active.includes(hold.operator) ? 'held' : 'heldByInactive'
    const explain = { reason, active: active.length, candidates: active.length } as const
    return shown(hold.isNumber ? Number(chat) : chat, hold, explain)
  },
  release: async (caller, organization, chat, context) => {
    authorize(caller, { organization })
    if (await store.release(organization, chat)) return quotas.release([keptOf(caller, organization, chat)])
    await lists.read(caller, organization, context) // an unknown organization is answered as such
    throw new Failure('assignment.unknown')
  },
})

/** An assignment counts for the client that made it, for 30 days or until that client releases it. */
const keptOf = (caller: Caller, organization: number, chat: string) =>
  ({ kind: 'assignments', client: minterOf(caller.id), id: `${organization}:${chat}` }) as const

const shown = (chatId: string | number, hold: HeldChat, explain: Assignment['explain']): Assignment => {
  const { operator, strategy, assignedAt } = hold
  return { chatId, operator, strategy, assignedAt: new Date(assignedAt).toISOString(), explain }
}
