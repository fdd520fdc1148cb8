import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Coherence } from './coherence.ts'
import type { Stored } from './store.ts'

/** What a load brings: a value with its bytes, and when its request left for ChatHub (monotonic ms). */
export type Loaded<T> = { value: T; bytes: Buffer; askedAt: number }
/** A list in the memory of this process; immutable. `isOwn`: this instance asked ChatHub for it. */
export type Copy<T> = Loaded<T> & { epoch: string; isOwn?: boolean }
/** `reads`: how often it was read since that was counted last. A reader adds one. */
type Kept<T> = { copy: Copy<T>; term: number | undefined; reads: number }

/**
 * The lists that this process remembers, at most 256 MiB. A copy is current under the lease term in which it was known
 * to have the epoch of its list. A copy that is not current still serves as a fallback.
 */
export type Memory<T> = {
  get(key: string): Copy<T> | undefined
  /** The copy, while it is current. */
  current(key: string): Copy<T> | undefined
  /** The same, with the count of its reads. */
  keptCurrent(key: string): Kept<T> | undefined
  /** Keeps the newer of this copy and the one that is there. `term` undefined: not as current. */
  keep(key: string, copy: Copy<T>, term: number | undefined): Copy<T>
  /** Nothing that was read before, or is being read now, is current. `isDropped`: it is not kept either. */
  invalidate(key: string, isDropped: boolean): void
  /** Invalidates and drops every list. */
  invalidateAll(): void
  /** Changes with every invalidation of `key`. What began under another one is not kept as current. */
  generation(key: string): number
  delete(key: string): void
  ageOf(copy: Copy<T>): number
  toStore(copy: Copy<T>): Stored
  /** Counts the reads of each list, and visits it. */
  visit(visitor: (key: string, askedAt: number) => void): void
  size(): { lists: number; bytes: number }
}

const bytesMax = 256 * 1024 * 1024

/** `counted` is told the reads of a list, and their mean age as far as it is known to a second. */
export const createMemory = <T>(
  clock: Clock,
  coherence: Coherence,
  counted: (key: string, reads: number, ageMs: number) => void = () => {},
): Memory<T> => {
  let visitedAt = clock.now()
  const count = (key: string, kept: Kept<T>): void => {
    if (kept.reads === 0) return
    const ageMs = ageOf(kept.copy)
    counted(key, kept.reads, ageMs - Math.min(ageMs, clock.now() - visitedAt) / 2)
    kept.reads = 0
  }
  const lists = new LRUCache<string, Kept<T>>({
    maxSize: bytesMax,
    sizeCalculation: ({ copy }) => copy.bytes.length + 500,
    dispose: (kept, key) => count(key, kept),
  })
  const generations = new Map<string, number>()
  let generationOfAll = 0
  const ageOf = (copy: Copy<T>): number => Math.max(0, clock.now() - copy.askedAt)

  const keptCurrent = (key: string): Kept<T> | undefined => {
    const known = lists.get(key)
    const term = coherence.leaseTerm()
    return known && term !== undefined && known.term === term ? known : undefined
  }

  return {
    get: (key) => lists.get(key)?.copy,
    current: (key) => keptCurrent(key)?.copy,
    keptCurrent,
    keep: (key, copy, term) => {
      const before = lists.get(key)?.copy
      const kept = before && before.epoch === copy.epoch && before.askedAt >= copy.askedAt ? before : copy
      lists.set(key, { copy: kept, term, reads: 0 })
      return kept
    },
    invalidate: (key, isDropped) => {
      generations.set(key, (generations.get(key) ?? 0) + 1)
      const known = lists.get(key)
      if (isDropped) lists.delete(key)
      else if (known) lists.set(key, { copy: known.copy, term: undefined, reads: 0 })
    },
    invalidateAll: () => {
      generationOfAll++
      lists.clear()
    },
    generation: (key) => (generations.get(key) ?? 0) + generationOfAll,
    delete: (key) => void lists.delete(key),
    ageOf,
    toStore: (copy) => ({ bytes: copy.bytes, epoch: copy.epoch, ageMs: ageOf(copy) }),
    visit: (visitor) => {
      for (const [key, kept] of lists.entries()) {
        count(key, kept)
        visitor(key, kept.copy.askedAt)
      }
      visitedAt = clock.now()
    },
    size: () => ({ lists: lists.size, bytes: lists.calculatedSize }),
  }
}
