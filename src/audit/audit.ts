import { authorize, mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import { type Clock, nextSlice } from '../clock.ts'
import {
  type AuditPlace,
  type AuditQuery,
  type AuditRecord,
  type NameToErase,
  type OnChange,
  parsePlace,
  replaceName,
} from '../contract/audit.ts'
import type { Redis } from '../redis/redis.ts'
import type { Retention } from './audit-store.ts'
import { everywhere, recordsOf, replaceNames } from './entry.ts'
import { createMemoryAuditStore } from './memory-audit-store.ts'
import { comesBefore, mergeEntries } from './merge-entries.ts'
import { createRedisAuditStore } from './redis-audit-store.ts'

type Page = { items: AuditRecord[]; nextCursor: string | null }

/** The record of who changed what. */
export type Audit = {
  /** Records changes. They are kept when this resolves. */
  onChange: OnChange
  /**
   * Records of the caller's organizations, newest first. One request looks through 1,000 entries at most, so a page may be
   * short although older records follow. Organizations that the caller may not touch have none.
   * @throws Failure `redis.unavailable`
   */
  list(caller: Caller, query: AuditQuery): Promise<Page>
  /** Replaces the name in the records. Returns in how many. @throws Failure `organization.unknown` */
  eraseName(caller: Caller, organization: number, name: NameToErase): Promise<number>
}

// How many entries one request looks through, and after how many other work gets its turn.
const lookedMax = 1000
const sliceOf = 50
const readMax = 200

export const createAudit = (options: {
  redis: Redis | undefined
  clock: Clock
  auditKeepMs: number
  auditEntriesMax: number
}): Audit => {
  const { redis, clock, auditKeepMs: keepMs, auditEntriesMax: entriesMax } = options
  const retention: Retention = { keepMs, entriesMax }
  const store = redis
    ? createRedisAuditStore(redis.tolerant, clock, retention)
    : createMemoryAuditStore(clock, retention)
  /** The organizations that a query is about, of those that the caller may touch. */
  const organizationsOf = async (caller: Caller, query: AuditQuery): Promise<number[]> => {
    const { organizations: named, operation } = query
    const isAsked = (id: number): boolean => {
      if (id === everywhere) return caller.organizations === '*' && named === undefined
      return mayTouch(caller, id) && (named?.includes(id) ?? true)
    }
    // The id of an operation begins with its organization.
    const only = operation === undefined ? undefined : Number(operation.split('-')[0])
    return (await store.organizations()).filter((one) => isAsked(one) && (only ?? one) === one)
  }

  return {
    onChange: (set) => store.append(set.organization ?? everywhere, set),
    eraseName: async (caller, organization, name) => {
      authorize(caller, { organization })
      // By content: one that is copied twice counts once.
      const counts = new Map<string, number>()
      await store.rewrite(organization, (before) => {
        const { bytes, replaced } = replaceNames(before, (id, given) => replaceName(name, id, given))
        if (replaced > 0) counts.set(before.toString('latin1'), replaced)
        return bytes
      })
      return [...counts.values()].reduce((sum, count) => sum + count, 0)
    },
    list: async (caller, query) => {
      const { from = 0, to = Number.MAX_SAFE_INTEGER, limit, cursor } = query
      const organizations = await organizationsOf(caller, query)
      const bounds = {
        organizations,
        newest: cursor && cursor.ms <= to ? cursor : { ms: to },
        oldestMs: Math.max(from, clock.wall() - keepMs),
      }
      const atOnce = Math.min(readMax, Math.max(1, Math.ceil((2 * limit) / organizations.length)))
      return pageOf(mergeEntries(store, bounds, atOnce), query)
    },
  }
}

/** The records of these entries that are asked for, as far as one request looks. */
const pageOf = async (entries: ReturnType<typeof mergeEntries>, query: AuditQuery): Promise<Page> => {
  const { cursor, limit } = query
  const isBehind = ({ id }: AuditRecord): boolean =>
    !cursor || comesBefore(cursor, parsePlace(id) as AuditPlace)
  const items: AuditRecord[] = []
  let last: string | null = null
  let looked = 0
  for await (const { organization, entry } of entries) {
    if (looked === lookedMax) return { items, nextCursor: last }
    if (++looked % sliceOf === 0) await nextSlice()
    for (const record of recordsOf(organization, entry).filter(isBehind)) {
      if (items.length === limit) return { items, nextCursor: last }
      last = record.id
      if (matches(record, query)) items.push(record)
    }
  }
  return { items, nextCursor: null }
}

const matches = (record: AuditRecord, { operator, client, subject, operation }: AuditQuery): boolean =>
  (operator === undefined || record.operator?.id === operator) &&
  // The sessions of a key count as the key.
  (client === undefined || record.client === client || record.client.startsWith(`${client}/`)) &&
  (subject === undefined || record.subject === subject) &&
  (operation === undefined || record.operation === operation)
