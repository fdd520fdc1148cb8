import type { Clock } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import { keptTag, type Quotas } from '../redis/quotas.ts'
import type { Redis } from '../redis/redis.ts'
import {
  decodeRows,
  encodeRows,
  type JournalStore,
  listNewest,
  operationKeepMs,
  thingsOf,
} from './journal.ts'
import { createJournalScripts } from './journal-scripts.ts'
import { isFinal, isSending, type Operation, organizationOf, type Row } from './operation.ts'
import type { OrganizationLock } from './organization-lock.ts'
import { lockKey } from './redis-organization-lock.ts'
import { watchesKey } from './watches.ts'

// Of records. A record of another version is left to the instances that wrote it.
const version = 2
const encode = (operation: Operation): string => JSON.stringify({ v: version, ...operation })
const decode = (record: string | Buffer | null | undefined): Operation | undefined => {
  const { v, ...operation } = JSON.parse(String(record ?? '{}')) as Operation & { v: number }
  return v === version ? operation : undefined
}

// An id that is listed without a record for so long was left by a crash before the record. Nothing was sent for it.
const abandonedMs = 60_000
// An operation may take days, and is kept for a week after its end.
const endedKeepMs = 2 * operationKeepMs
const sameInstantMax = 100
// Chunks per command, so that no command takes long.
const chunksAtOnce = 10
const recordsAtOnce = 100
const recordKey = (id: string): string => `journal:{${organizationOf(id)}}:operation:${id}`
export const cancelKeyOf = (id: string): string => `${recordKey(id)}:cancel`
export const openKey = `journal:${keptTag}:open`

/** A member of the lists: all that it takes to end the counts of an operation whose record is gone. */
const memberOf = ({ id, total, client }: Pick<Operation, 'id' | 'total' | 'client'>): string =>
  `${id} ${total} ${client}`
const listedIn = (found: readonly string[]) =>
  found.flatMap((member, i) => {
    if (i % 2 === 1) return []
    const [id = '', total, ...client] = member.split(' ')
    const startedAt = Number(found[i + 1])
    return { member, id, startedAt, total: Number(total), client: client.join(' ') }
  })

/**
 * The journal that instances share. Keys of an operation carry its organization's hash tag, as its lock does. Listing and
 * counting an operation is one command. `rowsKeepMs`: for how long rows are kept after the end of their operation.
 */
export const createRedisJournal = (options: {
  redis: Redis
  clock: Clock
  lock: OrganizationLock
  quotas: Quotas
  rowsKeepMs: number
}): JournalStore => {
  const { redis, clock, lock, quotas, rowsKeepMs } = options
  const { prefix, run } = redis
  const scripts = createJournalScripts(redis)
  const cancelKey = (id: string): string => prefix + cancelKeyOf(id)
  const rowsKey = (id: string): string => `${recordKey(id)}:rows`
  const sendingKey = (id: string): string => `journal:{${organizationOf(id)}}:sending`
  const keysOf = (id: string) => [recordKey(id), rowsKey(id), sendingKey(id), lockKey(organizationOf(id))]
  const endedKey = `journal:${keptTag}:ended`
  /** Since when this process sees members listed without a record: the clock of the instance that lists one may differ. */
  let absentSince = new Map<string, number>()

  const read = (id: string) => run((client) => client.get(prefix + recordKey(id)))
  const get: JournalStore['get'] = async (id) => decode(await read(id))
  const asOpen = (operation: Operation) => [
    { key: openKey, member: memberOf(operation), score: operation.startedAt },
  ]
  /** If this fails, the next sweep does it. */
  const unlist = (operation: Pick<Operation, 'id' | 'client' | 'organization' | 'total'>): Promise<void> =>
    quotas.release(thingsOf(operation), [{ key: openKey, member: memberOf(operation) }]).catch(() => {})
  const listAsEnded = (operation: Operation): Promise<void> => {
    const member = memberOf(operation)
    const lists = [
      { key: endedKey, member, score: operation.startedAt },
      { key: openKey, member },
    ]
    return quotas.extend(thingsOf(operation, rowsKeepMs), lists).catch(() => {})
  }
  /** The answer of a script that needs the lock. @throws Failure `queue.full` when the lock is lost */
  const underLock = async (answer: Promise<unknown>): Promise<unknown> => {
    if ((await answer) === 0) throw new Failure('queue.full', { retryAfterMs: 1000 })
    return answer
  }
  const stateOf = (operation: Operation) => [operation.id, isSending(operation) ? '1' : '0']
  const rowsAt = (number: number, rows: readonly Row[], { retryKey }: Operation) => [
    String(number),
    encodeRows({ retryKey, rows }),
  ]

  return {
    withLock: (id, context, work) =>
      lock.withLock(
        organizationOf(id),
        context,
        (held, [record, sendingId]) => work(held, decode(record), sendingId?.toString()),
        [recordKey(id), sendingKey(id)],
      ),
    create: async (operation, chunks, held) => {
      // Listed first: after a crash the next sweep clears an id without a record.
      await quotas.take(thingsOf(operation), asOpen(operation))
      const put = async (from: number, record: string): Promise<Operation | undefined> => {
        const rows = chunks
          .slice(from, from + chunksAtOnce)
          .flatMap((chunk, i) => rowsAt(from + i, chunk, operation))
        const args = [held?.owner ?? '', record, ...stateOf(operation), ...rows]
        const answer = await underLock(scripts.create(keysOf(operation.id), ...args))
        if (answer === 1) return undefined
        const known = decode(answer as Buffer)
        // An instance of another version began it, and goes on with it.
        if (!known) throw new Failure('write.in-doubt')
        return known
      }
      let first = 0
      for (; first + chunksAtOnce < chunks.length; first += chunksAtOnce) {
        const known = await put(first, '')
        if (known) return known
      }
      // The record comes with the last rows and makes all rows count. Nothing that can fail comes after it.
      const putRecord = () => put(first, encode(operation))
      return putRecord().catch((error) => {
        if (isFailure(error, 'queue.full')) return unlist(operation).then(() => Promise.reject(error))
        // Whether it was kept is not known, so it is tried again.
        return putRecord().catch((cause) => {
          throw new Failure('write.in-doubt', { cause })
        })
      })
    },
    get,
    chunk: async (id, number) =>
      decodeRows(await run((client) => client.hgetBuffer(prefix + rowsKey(id), String(number)))),
    save: async (operation, held, chunk, { unlock = false, unlessWatched = false } = {}) => {
      const rows = chunk ? rowsAt(chunk.number, chunk.rows, operation) : []
      const keepMs = isFinal(operation) ? rowsKeepMs : operationKeepMs
      const flags = [Number(unlock), Number(unlessWatched)]
      const args = [held.owner, encode(operation), ...stateOf(operation), keepMs, ...flags, ...rows]
      const keys = [...keysOf(operation.id), watchesKey(operation.organization)]
      if ((await underLock(scripts.save(keys, ...args))) === 2) return false
      if (unlock) held.released?.()
      if (isFinal(operation)) await listAsEnded(operation)
      return true
    },
    remove: async (operation, held, unlock = false) => {
      const args = [held.owner, operation.id, Number(unlock)]
      await underLock(scripts.remove(keysOf(operation.id), ...args))
      if (unlock) held.released?.()
      await unlist(operation)
    },
    cancel: async (id) => void (await run((client) => client.set(cancelKey(id), '1', 'PX', operationKeepMs))),
    isCancelled: async (id) => (await run((client) => client.exists(cancelKey(id)))) === 1,
    reopen: async (operation) => {
      await run((client) => client.del(cancelKey(operation.id)))
      await quotas.extend(thingsOf(operation), asOpen(operation))
    },
    listed: async (before, count) => {
      const max = before ? String(before.startedAt) : '+inf'
      // Some of the same instant may come before the place.
      const limit = ['WITHSCORES', 'LIMIT', 0, count + sameInstantMax] as const
      const readFrom = (key: string) =>
        run((client) => client.zrevrangebyscore(prefix + key, max, '-inf', ...limit))
      const listed = await Promise.all([readFrom(openKey), readFrom(endedKey)])
      return listNewest(listed.flatMap(listedIn), before, count)
    },
    open: async () => {
      const listed = await run((client) => client.zrange(prefix + openKey, '0', '-1', 'WITHSCORES'))
      const all = listedIn(listed)
      const open: Operation[] = []
      const absent = new Map<string, number>()
      const isAbsentForLong = (member: string): boolean => {
        const since = absentSince.get(member) ?? clock.now()
        absent.set(member, since)
        return clock.now() - since >= abandonedMs
      }
      const sort = async (one: (typeof all)[number], record: string | null): Promise<void> => {
        const operation = decode(record)
        const isAbandoned = record === null && isAbsentForLong(one.member)
        // Another client asked for the same operation, as an undo, and came too late.
        const isOther = operation && memberOf(operation) !== one.member
        if (operation && !isFinal(operation)) open.push(operation)
        else if (operation) await listAsEnded(operation)
        if (isOther || isAbandoned) await unlist({ ...one, organization: organizationOf(one.id) })
      }
      for (let at = 0; at < all.length; at += recordsAtOnce) {
        const some = all.slice(at, at + recordsAtOnce)
        const records = await Promise.all(some.map(({ id }) => read(id)))
        for (const [place, one] of some.entries()) await sort(one, records[place] as string | null)
      }
      absentSince = absent
      await run((client) => client.zremrangebyscore(prefix + endedKey, '-inf', clock.wall() - endedKeepMs))
      return open
    },
  }
}
