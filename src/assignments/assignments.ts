import type { Caller } from '../access/caller.ts'
import type { Read } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type AssignChat, type Assignment, chatNumber } from '../contract/assignment.ts'
import { Failure } from '../errors.ts'
import type { OperatorLists } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { AssignmentRequest, HeldChat, Reason } from './assign.ts'

/** How long a chat stays with its operator after it was last asked for. */
export const holdMs = 30 * 24 * 3600 * 1000

/** Who holds which chat, and whose turn it is. Each step is atomic; chats are named by the text of their id. */
export type AssignmentStore = {
  /** @throws Failure `redis.unavailable` */
  requireReady(): void
  /** Chooses as `assign` says and keeps it; undefined: nobody can, and nothing changed. */
  assign(
    organization: number,
    chat: string,
    wish: AssignmentRequest,
  ): Promise<{ hold: HeldChat; why: Reason } | undefined>
  /** Asking for a chat counts as use. */
  find(organization: number, chat: string): Promise<HeldChat | undefined>
  /** @returns false when nobody held it */
  release(organization: number, chat: string): Promise<boolean>
}

/** @throws Failure `redis.unavailable` first, then `organization.unknown`, so that one's own and others' look the same */
export type Assignments = {
  /** @throws Failure `operator.none-active` */
  assign(caller: Caller, organization: number, request: AssignChat, context: CallContext): Promise<Assignment>
  /** @throws Failure `assignment.unknown` */
  find(caller: Caller, organization: number, chat: string, context: CallContext): Promise<Assignment>
  /** @throws Failure `assignment.unknown` */
  release(caller: Caller, organization: number, chat: string, context: CallContext): Promise<void>
}

/** Chats and the operators that hold them; who is active is read from the remembered list. */
export const createAssignments = (options: { lists: OperatorLists; store: AssignmentStore }): Assignments => {
  const { lists, store } = options

  const enter = async (caller: Caller, organization: number, context: CallContext): Promise<Read<Roster>> => {
    store.requireReady()
    return lists.read(caller, organization, context)
  }
  return {
    assign: async (caller, organization, { chatId, strategy, exclude }, context) => {
      const read = await enter(caller, organization, context)
      const active = activeIn(read.copy.value)
      const isNumber = typeof chatId === 'number'
      const wish = { strategy, active, exclude, number: chatNumber(chatId), isNumber }
      const assigned = await store.assign(organization, String(chatId), wish)
      // The list is asked for anew when this one is no longer fresh.
      if (!assigned)
        throw new Failure('operator.none-active', { retryAfterMs: Math.max(1000, read.freshness.ttlMs) })
      const excluded = new Set(exclude)
      const candidates = active.filter((id) => !excluded.has(id)).length
      return shown(chatId, assigned.hold, { ...assigned.why, active: active.length, candidates })
    },
    find: async (caller, organization, chat, context) => {
      const active = activeIn((await enter(caller, organization, context)).copy.value)
      const hold = await store.find(organization, chat)
      if (!hold) throw new Failure('assignment.unknown')
      const reason = active.includes(hold.operator) ? 'held' : 'heldByInactive'
      const counts = { active: active.length, candidates: active.length }
      return shown(hold.isNumber ? Number(chat) : chat, hold, { reason, ...counts })
    },
    release: async (caller, organization, chat, context) => {
      await enter(caller, organization, context)
      if (!(await store.release(organization, chat))) throw new Failure('assignment.unknown')
    },
  }
}

const activeIn = (roster: Roster): number[] =>
  roster.operators.filter(({ status }) => status === 'active').map(({ id }) => id)

const shown = (
  chatId: string | number,
  { operator, strategy, assignedAt }: HeldChat,
  explain: Assignment['explain'],
): Assignment => ({ chatId, operator, strategy, assignedAt: new Date(assignedAt).toISOString(), explain })
