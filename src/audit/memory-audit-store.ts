import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { createMemoryLogs } from '../redis/memory-logs.ts'
import type { AuditStore, Retention } from './audit-store.ts'
import { type Entry, encodeEntry } from './entry.ts'

// Steps are told again within moments. Each has at most as many keys as its operation has rows.
const keysMax = 200_000
/** Of all organizations together. */
const bytesMaxDefault = 64 * 1024 * 1024
// What an entry takes besides its bytes.
const entryBytes = 200

/** The records of a gateway without Redis. */
export const createMemoryAuditStore = (
  clock: Clock,
  retention: Retention,
  bytesMax = bytesMaxDefault,
): AuditStore => {
  const logs = createMemoryLogs<Entry>({
    bounds: { ...retention, bytesMax },
    sizeOf: ({ bytes }) => bytes.length + entryBytes,
  })
  const told = new LRUCache<string, Set<number>>({
    maxSize: keysMax,
    sizeCalculation: ({ size }) => size + 1,
    ttlResolution: 0,
    perf: clock,
  })
  return {
    append: async (organization, set) => {
      const { step } = set
      const stepName = `${organization} ${step?.name}`
      const keys = told.get(stepName) ?? new Set<number>()
      // A key that does not make the set larger was told before.
      const isNew = (key: number): boolean => keys.size < keys.add(key).size
      const changes = set.changes.filter(({ key }) => !step || key === undefined || isNew(key))
      if (changes.length === 0) return
      if (step) told.set(stepName, keys, { ttl: step.keepMs })
      const last = logs.of(organization).at(-1)
      const ms = Math.max(clock.wall(), last?.ms ?? 0)
      const seq = last?.ms === ms ? last.seq + 1 : 0
      logs.add(organization, { ms, seq, bytes: encodeEntry({ ...set, changes }) })
    },
    organizations: async () => logs.organizations(),
    read: async (organization, newest, oldestMs, count) => {
      const log = logs.of(organization)
      const { ms: newestMs, seq: newestSeq = Number.POSITIVE_INFINITY } = newest
      const isAfter = ({ ms, seq }: Entry): boolean => ms > newestMs || (ms === newestMs && seq > newestSeq)
      let end = log.length
      while (end > 0 && isAfter(log[end - 1] as Entry)) end--
      const found = log.slice(Math.max(0, end - count), end).filter(({ ms }) => ms >= oldestMs)
      return found.toReversed()
    },
    rewrite: async (organization, change) =>
      logs.replace(organization, (entry) => {
        const bytes = change(entry.bytes)
        return bytes === entry.bytes ? entry : { ...entry, bytes }
      }),
  }
}
