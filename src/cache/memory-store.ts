import { LRUCache } from 'lru-cache'
import { type Clock, nextSlice } from '../clock.ts'
import type { Store, Stored } from './store.ts'

/** The store of a gateway without Redis: this process is the whole world. Bounded by bytes, least recently used first. */
export const createMemoryStore = ({ clock }: { clock: Clock }): Store => {
  type Kept = { bytes: Buffer; bornAt: number; until: number; epoch: string }
  const copies = new LRUCache<string, Kept>({
    maxSize: 256 * 1024 * 1024,
    sizeCalculation: (kept) => kept.bytes.length + 200,
  })
  const epochs = new Map<string, string>()
  let counter = 0

  const epochOf = (key: string): string => epochs.get(key) ?? '0'
  const keep = (key: string, { bytes, ageMs, epoch }: Stored, keepMs: number): void => {
    const bornAt = clock.now() - ageMs
    copies.set(key, { bytes, epoch, bornAt, until: bornAt + keepMs })
  }

  return {
    read: async (key) => {
      const epoch = epochOf(key)
      const kept = copies.get(key)
      const ageMs = kept ? clock.now() - kept.bornAt : 0
      if (kept && clock.now() >= kept.until) copies.delete(key)
      else if (kept) return { epoch, stored: { bytes: kept.bytes, epoch: kept.epoch, ageMs } }
      return { epoch, stored: undefined }
    },
    fill: async (key, copy, keepMs) => {
      if (epochOf(key) !== copy.epoch) return false
      keep(key, copy, keepMs)
      return true
    },
    bump: async (key, copy, keepMs) => {
      await nextSlice() // a write of many steps lets others have their turn between them, as it does with Redis
      const before = epochOf(key)
      const epoch = String(++counter)
      epochs.set(key, epoch)
      if (copy === 'drop') copies.delete(key)
      if (copy === undefined || copy === 'drop' || copy.epoch !== before) return { epoch, kept: false }
      keep(key, { ...copy, epoch }, keepMs)
      return { epoch, kept: true }
    },
    claim: async () => true, // flights are one already within a process
    release: async () => {},
    keys: async (prefix) =>
      [...copies.entries()]
        .filter(([key, { until }]) => key.startsWith(prefix) && clock.now() < until)
        .map(([key]) => key),
  }
}
