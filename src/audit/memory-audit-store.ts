import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { AuditStore, Retention } from './audit-store.ts'
import { type Entry, encodeEntry } from './entry.ts'

// Steps are told again within moments. Each has at most as many keys as its operation has rows.
const keysMax = 200_000
/** Of all organizations together. */
const bytesMaxDefault = 64 * 1024 * 1024
// What an entry takes besides its bytes.
const entryBytes = 200

/**
 * The records of a gateway without Redis. They end with the process. At most `bytesMax` bytes of them are kept, and the oldest
 * of all organizations go first.
 */
export const createMemoryAuditStore = (
  clock: Clock,
  { keepMs, entriesMax }: Retention,
  bytesMax = bytesMaxDefault,
): AuditStore => {
  const logs = new Map<number, Entry[]>()
  let bytesKept = 0
  const sizeOf = ({ bytes }: Entry): number => bytes.length + entryBytes
  const told = new LRUCache<string, Set<number>>({
    maxSize: keysMax,
    sizeCalculation: ({ size }) => size + 1,
    ttlResolution: 0,
    perf: clock,
  })
  const logOf = (organization: number): Entry[] => logs.get(organization) ?? []
  const removeFirst = (organization: number, count: number): void => {
    const log = logOf(organization)
    for (const entry of log.splice(0, count)) bytesKept -= sizeOf(entry)
    if (log.length === 0) logs.delete(organization)
  }
  /** The organization with the oldest entry of all. */
  const oldest = (): number => {
    const firstOf = ([, [entry]]: [number, Entry[]]): number => entry?.ms ?? 0
    return [...logs].reduce((first, next) => (firstOf(next) < firstOf(first) ? next : first))[0]
  }
  /** Removes old entries in large steps, because each moves the rest. */
  const trim = (organization: number, now: number): void => {
    const log = logOf(organization)
    const old = log.findIndex(({ ms }) => ms >= now - keepMs)
    const excess = Math.max(log.length - entriesMax, old)
    if (excess > entriesMax / 10) removeFirst(organization, excess)
    while (bytesKept > bytesMax && logs.size > 0) {
      const first = oldest()
      removeFirst(first, Math.ceil(logOf(first).length / 10))
    }
  }
  return {
    append: async (organization, set) => {
      const { step } = set
      const stepName = `${organization} ${step?.name}`
      const keys = told.get(stepName) ?? new Set<number>()
      const changes = set.changes.filter(({ key }) => {
        if (!step || key === undefined) return true
        const isNew = !keys.has(key)
        keys.add(key)
        return isNew
      })
      if (changes.length === 0) return
      if (step) told.set(stepName, keys, { ttl: step.keepMs })
      const log = logOf(organization)
      const last = log.at(-1)
      const now = Math.max(clock.wall(), last?.ms ?? 0)
      const entry = {
        ms: now,
        seq: last?.ms === now ? last.seq + 1 : 0,
        bytes: encodeEntry({ ...set, changes }),
      }
      log.push(entry)
      bytesKept += sizeOf(entry)
      logs.set(organization, log)
      trim(organization, now)
    },
    organizations: async () => [...logs.keys()],
    read: async (organization, newest, oldestMs, count) => {
      const log = logOf(organization)
      const { ms: newestMs, seq: newestSeq = Number.POSITIVE_INFINITY } = newest
      const isAfter = ({ ms, seq }: Entry): boolean => ms > newestMs || (ms === newestMs && seq > newestSeq)
      let end = log.length
      while (end > 0 && isAfter(log[end - 1] as Entry)) end--
      const found = log.slice(Math.max(0, end - count), end).filter(({ ms }) => ms >= oldestMs)
      return found.toReversed()
    },
    rewrite: async (organization, change) => {
      const log = logOf(organization)
      for (const [i, entry] of log.entries()) {
        const next = { ...entry, bytes: change(entry.bytes) }
        bytesKept += sizeOf(next) - sizeOf(entry)
        log[i] = next
      }
    },
  }
}
