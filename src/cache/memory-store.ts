import { LRUCache } from 'lru-cache'
import { type Clock, nextSlice } from '../clock.ts'
import type { Store } from './store.ts'

/** The store of a gateway without Redis, for this process alone. At most 256 MiB; the least recently used go first. */
export const createMemoryStore = ({ clock }: { clock: Clock }): Store => {
  type Kept = { bytes: Buffer; loadedAt: number; until: number; epoch: string }
  const copies = new LRUCache<string, Kept>({
    maxSize: 256 * 1024 * 1024,
    sizeCalculation: (kept) => kept.bytes.length + 200,
  })
  const epochs = new Map<string, string>()
  let counter = 0

  const epochOf = (key: string): string => epochs.get(key) ?? '0'
  const fill: Store['fill'] = async (key, { bytes, epoch, ageMs }, keepMs) => {
    if (epochOf(key) !== epoch) return false
    const loadedAt = clock.now() - ageMs
    copies.set(key, { bytes, epoch, loadedAt, until: loadedAt + keepMs })
    return true
  }
  return {
    read: async (key, claim) => {
      const epoch = epochOf(key)
      const kept = copies.get(key)
      const ageMs = kept && clock.now() < kept.until ? clock.now() - kept.loadedAt : Number.POSITIVE_INFINITY
      const isYoung = kept?.epoch === epoch && claim !== undefined && ageMs < claim.youngMs
      const isWanted = ageMs < Number.POSITIVE_INFINITY && (isYoung || claim?.wanted !== 'young')
      // Loads are single within a process, so the claim is always free.
      const claimed = claim !== undefined && !isYoung
      return {
        epoch,
        stored: kept && isWanted ? { bytes: kept.bytes, epoch: kept.epoch, ageMs } : undefined,
        claimed,
      }
    },
    release: async () => {},
    fill,
    bump: async (key, copy, keepMs) => {
      await nextSlice() // a long series of writes lets other work run in between, as it does with Redis
      const before = epochOf(key)
      const epoch = String(++counter)
      epochs.set(key, epoch)
      if (copy === 'drop') copies.delete(key)
      const isOfBefore = typeof copy === 'object' && copy.epoch === before
      return { epoch, kept: isOfBefore && (await fill(key, { ...copy, epoch }, keepMs)) }
    },
    keys: async (prefix) =>
      [...copies.entries()]
        .filter(([key, { until }]) => key.startsWith(prefix) && clock.now() < until)
        .map(([key]) => key),
  }
}
