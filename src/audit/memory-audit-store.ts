import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { AuditStore, Retention } from './audit-store.ts'
import { type Entry, entryParts } from './entry.ts'

// Steps are told again within moments. Each has at most as many keys as its operation has rows.
const keysMax = 1_000_000

/** The records of a gateway without Redis. They end with the process. */
export const createMemoryAuditStore = (clock: Clock, { keepMs, entriesMax }: Retention): AuditStore => {
  const logs = new Map<number, Entry[]>()
  const told = new LRUCache<string, Set<number>>({
    maxSize: keysMax,
    sizeCalculation: ({ size }) => size + 1,
    ttlResolution: 0,
    perf: clock,
  })
  const logOf = (organization: number): Entry[] => logs.get(organization) ?? []
  return {
    append: async (organization, set) => {
      const { head, items, tail } = entryParts(set)
      const { step } = set
      const stepName = `${organization} ${step?.name}`
      const keys = told.get(stepName) ?? new Set<number>()
      const fresh = items.filter((_, i) => {
        const key = set.changes[i]?.key
        if (!step || key === undefined) return true
        const isNew = !keys.has(key)
        keys.add(key)
        return isNew
      })
      if (fresh.length === 0) return
      if (step) told.set(stepName, keys, { ttl: step.keepMs })
      const log = logOf(organization)
      const last = log.at(-1)
      const now = Math.max(clock.wall(), last?.ms ?? 0)
      const seq = last?.ms === now ? last.seq + 1 : 0
      log.push({ ms: now, seq, text: `${head}${fresh.join(',')}${tail}` })
      // Removed in large steps, because each moves the rest.
      const excess = log.length - entriesMax
      const old = log.findIndex(({ ms }) => ms >= now - keepMs)
      if (excess > entriesMax / 10 || old > entriesMax / 10) log.splice(0, Math.max(excess, old))
      logs.set(organization, log)
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
      for (const [i, entry] of log.entries()) log[i] = { ...entry, text: change(entry.text) }
    },
  }
}
