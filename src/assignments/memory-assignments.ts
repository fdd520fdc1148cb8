import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { assign, change, type HeldChat, type Rotation } from './assign.ts'
import { type AssignmentStore, holdMs } from './assignments.ts'

/** The store of a gateway without Redis. Bounded: the assignment that was used longest ago is dropped first. */
export const createMemoryAssignments = (options: { clock: Clock; chatsMax?: number }): AssignmentStore => {
  const { clock } = options
  const holds = new LRUCache<string, { value: HeldChat; until: number }>({ max: options.chatsMax ?? 200_000 })
  const rotations = new LRUCache<number, { value: Rotation; until: number }>({ max: 10_000 })

  const keyOf = (organization: number, chat: string): string => `${organization}:${chat}`
  const lasting = <V>(value: V): { value: V; until: number } => ({ value, until: clock.now() + holdMs })
  const living = <V>(stored: { value: V; until: number } | undefined): V | undefined =>
    stored && clock.now() < stored.until ? stored.value : undefined
  const use = (key: string): HeldChat | undefined => {
    const held = living(holds.get(key))
    if (held) holds.set(key, lasting(held))
    return held
  }

  return {
    find: async (organization, chat) => use(keyOf(organization, chat)),
    assign: async (organization, chat, request) => {
      const key = keyOf(organization, chat)
      const held = use(key)
      const rotation = living(rotations.get(organization)) ?? new Map()
      const choice = assign(request, held, rotation)
      if (!choice) return undefined
      const { operator, why, changes } = choice
      if (held && why.reason === 'held') return { hold: held, why }
      if (changes.size > 0) {
        change(rotation, changes)
        rotations.set(organization, lasting(rotation))
      }
      const { strategy, isNumber } = request
      const hold = { operator, strategy, assignedAt: clock.wall(), isNumber }
      holds.set(key, lasting(hold))
      return { hold, why }
    },
    release: async (organization, chat) => {
      const key = keyOf(organization, chat)
      return living(holds.get(key)) !== undefined && holds.delete(key)
    },
  }
}
