import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { assign, emptyRotation, type HeldChat, type Rotation } from './assign.ts'
import { type AssignmentStore, holdMs } from './assignments.ts'

/** Assignments of a gateway without Redis: this process is the whole world. Bounded; the longest unused chat goes first. */
export const createMemoryAssignments = (options: { clock: Clock; chatsMax?: number }): AssignmentStore => {
  const { clock } = options
  const holds = new LRUCache<string, { hold: HeldChat; until: number }>({ max: options.chatsMax ?? 200_000 })
  const turns = new LRUCache<number, { turns: Rotation; until: number }>({ max: 10_000 })

  const keyOf = (organization: number, chat: string): string => `${organization}:${chat}`
  const living = <T extends { until: number }>(kept: T | undefined): T | undefined =>
    kept && clock.now() < kept.until ? kept : undefined
  const keep = (key: string, hold: HeldChat): HeldChat => {
    holds.set(key, { hold, until: clock.now() + holdMs })
    return hold
  }

  return {
    requireReady: () => {},
    assign: async (organization, chat, wish) => {
      const key = keyOf(organization, chat)
      const held = living(holds.get(key))?.hold
      const choice = assign(wish, held, living(turns.get(organization))?.turns ?? emptyRotation)
      if (!choice) return undefined
      const { operator, why } = choice
      if (held && why.reason === 'held') return { hold: keep(key, held), why }
      if (choice.turns) turns.set(organization, { turns: choice.turns, until: clock.now() + holdMs })
      const { strategy, isNumber } = wish
      return { hold: keep(key, { operator, strategy, assignedAt: clock.wall(), isNumber }), why }
    },
    find: async (organization, chat) => {
      const key = keyOf(organization, chat)
      const held = living(holds.get(key))
      return held && keep(key, held.hold)
    },
    release: async (organization, chat) => {
      const key = keyOf(organization, chat)
      return living(holds.get(key)) !== undefined && holds.delete(key)
    },
  }
}
