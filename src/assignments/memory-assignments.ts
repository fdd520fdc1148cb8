import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import { assign, change, type HeldChat, type Rotation } from './assign.ts'
import { type AssignmentStore, holdMs } from './assignments.ts'

/** The store of a gateway without Redis. Bounded: the assignment that was used longest ago is dropped first. */
export const createMemoryAssignments = (clock: Pick<Clock, 'now'>, chatsMax = 200_000): AssignmentStore => {
  const life = { ttl: holdMs, updateAgeOnGet: true, ttlResolution: 0, perf: clock }
  const holds = new LRUCache<string, HeldChat>({ ...life, ...atMost(chatsMax) })
  const rotations = new LRUCache<number, Rotation>({ ...life, ...atMost(10_000) })
  const keyOf = (organization: number, chat: string): string => `${organization}:${chat}`

  return {
    find: async (organization, chat) => holds.get(keyOf(organization, chat)),
    assign: async (organization, request) => {
      const key = keyOf(organization, String(request.chatId))
      const rotation = rotations.get(organization) ?? new Map()
      const choice = assign({ ...request, held: holds.get(key) }, rotation)
      if (!choice) return undefined
      change(rotation, choice.changes)
      if (choice.changes.size > 0) rotations.set(organization, rotation)
      holds.set(key, choice.hold)
      return choice
    },
    release: async (organization, chat) => {
      const key = keyOf(organization, chat)
      return holds.has(key) && holds.delete(key)
    },
  }
}
