import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Coherence } from './coherence.ts'
import type { Stored } from './store.ts'

/** What a load brings: a value with its bytes, and when its request left for ChatHub (monotonic ms). */
export type Loaded<T> = { value: T; bytes: Buffer; askedAt: number }
/** A list as this process remembers it; immutable. */
export type Copy<T> = Loaded<T> & { epoch: string }

/**
 * The lists that this process holds ready. A copy counts as current under the term in which it was known to be of its
 * list's epoch, and no longer; what is not current is still better than nothing.
 */
export type Memory<T> = {
  get(key: string): Copy<T> | undefined
  /** The copy, while it is current. */
  current(key: string): Copy<T> | undefined
  /** Keeps the newer of this copy and the one it has; `term` undefined: not current. */
  keep(key: string, copy: Copy<T>, term: number | undefined): Copy<T>
  /** The list was written: nothing read before counts, not even what is still on its way. `drop`: nor is it kept. */
  invalidate(key: string, drop: boolean): void
  /** The same for every list, dropped. */
  invalidateAll(): void
  /** Changes with every write of `key`: what began under another one may not be kept as current. */
  generation(key: string): number
  delete(key: string): void
  ageOf(copy: Copy<T>): number
  /** The copy as a store takes it. */
  toStore(copy: Copy<T>): Stored
  size(): { lists: number; bytes: number }
}

const bytesMax = 256 * 1024 * 1024

export const createMemory = <T>(clock: Clock, coherence: Coherence): Memory<T> => {
  const lists = new LRUCache<string, { copy: Copy<T>; term: number | undefined }>({
    maxSize: bytesMax,
    sizeCalculation: ({ copy }) => copy.bytes.length + 500,
  })
  const generations = new Map<string, number>()
  let overtakenAll = 0
  const generation = (key: string): number => (generations.get(key) ?? 0) + overtakenAll
  const ageOf = (copy: Copy<T>): number => Math.max(0, clock.now() - copy.askedAt)

  return {
    get: (key) => lists.get(key)?.copy,
    current: (key) => {
      const known = lists.get(key)
      const term = coherence.leaseTerm()
      return known && term !== undefined && known.term === term ? known.copy : undefined
    },
    keep: (key, copy, term) => {
      const before = lists.get(key)?.copy
      const kept = before && before.epoch === copy.epoch && before.askedAt >= copy.askedAt ? before : copy
      lists.set(key, { copy: kept, term })
      return kept
    },
    invalidate: (key, drop) => {
      generations.set(key, (generations.get(key) ?? 0) + 1)
      const known = lists.get(key)
      if (drop) lists.delete(key)
      else if (known) lists.set(key, { ...known, term: undefined })
    },
    invalidateAll: () => {
      overtakenAll++
      lists.clear()
    },
    generation,
    delete: (key) => void lists.delete(key),
    ageOf,
    toStore: (copy) => ({ bytes: copy.bytes, epoch: copy.epoch, ageMs: ageOf(copy) }),
    size: () => ({ lists: lists.size, bytes: lists.calculatedSize }),
  }
}
