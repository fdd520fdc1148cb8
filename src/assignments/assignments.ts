import { authorize } from '../access/authorize.ts'
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

/** Which chat of which organization, and who asks. */
export type AssignmentScope = { caller: Caller; organization: number; context: CallContext }

/** @throws Failure `redis.unavailable` first, then `organization.unknown`, so that one's own and others' look the same */
export type Assignments = {
  /** @throws Failure `operator.none-active` */
  assign(place: AssignmentScope, wanted: AssignChat): Promise<Assignment>
  /** @throws Failure `assignment.unknown` */
  find(place: AssignmentScope, chat: string): Promise<Assignment>
  /** @throws Failure `assignment.unknown` */
  release(place: AssignmentScope, chat: string): Promise<void>
}

/** Chats and the operators that hold them; who is active is read from the remembered list. */
export const createAssignments = (options: { lists: OperatorLists; store: AssignmentStore }): Assignments => {
  const { lists, store } = options

  const enter = async ({ caller, organization, context }: AssignmentScope): Promise<Read<Roster>> => {
    store.requireReady()
    authorize(caller, { organization: organization })
    return lists.read(organization, context)
  }
  return {
    assign: async (place, { chatId, strategy, exclude }) => {
      const read = await enter(place)
      const active = activeIn(read.copy.value)
      const isNumber = typeof chatId === 'number'
      const wish = { strategy, active, exclude, number: chatNumber(chatId), isNumber }
      const assigned = await store.assign(place.organization, String(chatId), wish)
      // The list is asked for anew when this one is no longer fresh.
      if (!assigned)
        throw new Failure('operator.none-active', { retryAfterMs: Math.max(1000, read.freshness.ttlMs) })
      const excluded = new Set(exclude)
      const candidates = active.filter((id) => !excluded.has(id)).length
      return shown(chatId, assigned.hold, { ...assigned.why, active: active.length, candidates })
    },
    find: async (place, chat) => {
      const active = activeIn((await enter(place)).copy.value)
      const hold = await store.find(place.organization, chat)
      if (!hold) throw new Failure('assignment.unknown')
      const reason = active.includes(hold.operator) ? 'held' : 'heldByInactive'
      const counts = { active: active.length, candidates: active.length }
      return shown(hold.isNumber ? Number(chat) : chat, hold, { reason, ...counts })
    },
    release: async (place, chat) => {
      await enter(place)
      if (!(await store.release(place.organization, chat))) throw new Failure('assignment.unknown')
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
