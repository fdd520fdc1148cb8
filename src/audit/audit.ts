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
import type { AuditStore, EntryId, Retention } from './audit-store.ts'
import { type Entry, everywhere, recordsOf, replaceNames } from './entry.ts'
import { createMemoryAuditStore } from './memory-audit-store.ts'
import { createRedisAuditStore } from './redis-audit-store.ts'

type Page = { items: AuditRecord[]; nextCursor: string | null }

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

type Bounds = { newest: EntryId; oldestMs: number; organizations: readonly number[] }
type Source = { organization: number; waiting: Entry[]; next: EntryId | undefined }

const organizationsAtOnce = 50

/** Whether the first place comes before the second in a list: newer, or of the same instant and a lower organization. */
const comesBefore = (a: AuditPlace, b: AuditPlace): boolean =>
  (b.ms - a.ms || b.seq - a.seq || a.organization - b.organization || b.index - a.index) < 0

/** The entries of several organizations, newest first. `count`: how many are read of one organization at once. */
async function* mergeEntries(
  store: Pick<AuditStore, 'read'>,
  { newest, oldestMs, organizations }: Bounds,
  count: number,
): AsyncGenerator<{ organization: number; entry: Entry }> {
  const fill = async (source: Source): Promise<void> => {
    if (source.waiting.length > 0 || !source.next) return
    source.waiting = await store.read(source.organization, source.next, oldestMs, count)
    const last = source.waiting.at(-1)
    source.next = last && source.waiting.length === count ? justBefore(last) : undefined
  }
  const sources = organizations.map((organization): Source => ({ organization, waiting: [], next: newest }))
  for (let i = 0; i < sources.length; i += organizationsAtOnce)
    await Promise.all(sources.slice(i, i + organizationsAtOnce).map(fill))
  for (;;) {
    let first: Source | undefined
    for (const source of sources) if (source.waiting[0] && isNewer(source, first)) first = source
    const entry = first?.waiting.shift()
    if (!first || !entry) return
    yield { organization: first.organization, entry }
    await fill(first)
  }
}

const placeOf = ({ organization, waiting: [entry] }: Source): AuditPlace => ({
  ...(entry as Entry),
  organization,
  index: 0,
})
const isNewer = (source: Source, other: Source | undefined): boolean =>
  !other || comesBefore(placeOf(source), placeOf(other))

const justBefore = ({ ms, seq }: Entry): EntryId => (seq > 0 ? { ms, seq: seq - 1 } : { ms: ms - 1 })
