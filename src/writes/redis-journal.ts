import type { Clock } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { type JournalStore, type Listed, listNewest, operationKeepMs } from './journal.ts'
import { isFinal, isSending, type Operation, organizationOf, type Row } from './operation.ts'
import type { OrganizationLock } from './organization-lock.ts'
import { lockKey } from './redis-organization-lock.ts'
import { decodeRows, encodeRows } from './row-codec.ts'

/**
 * KEYS: record, rows, sending, lock; ARGV: owner or '', record or '', id, 1 while sending, then chunk numbers and rows.
 * → 1, 0 when the lock is lost, or the existing record. The same record again is not another one: the first answer was lost.
 */
const create = `
local kept = redis.call('GET', KEYS[1])
if kept then return kept == ARGV[2] and 1 or kept end
if ARGV[1] ~= '' and redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[2], ${operationKeepMs})
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ${operationKeepMs})
  if ARGV[4] == '1' then redis.call('SET', KEYS[3], ARGV[3], 'PX', ${operationKeepMs}) end
end
return 1`

/** KEYS as above; ARGV: owner, record, id, 1 while sending, then chunk number and rows. → 0 when the lock is lost. */
const save = `
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ${operationKeepMs})
if ARGV[5] then redis.call('HSET', KEYS[2], ARGV[5], ARGV[6]) end
redis.call('PEXPIRE', KEYS[2], ${operationKeepMs})
if ARGV[4] == '1' then redis.call('SET', KEYS[3], ARGV[3], 'PX', ${operationKeepMs})
elseif redis.call('GET', KEYS[3]) == ARGV[3] then redis.call('DEL', KEYS[3]) end
return 1`

/** KEYS as above; ARGV: owner, id. → 0 when the lock is lost. */
const remove = `
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
return 1`

// Of records. A record of another version is left to the instances that wrote it.
const version = 2
const encode = (operation: Operation): string => JSON.stringify({ v: version, ...operation })
const decode = (record: string | Buffer | null | undefined): Operation | undefined => {
  const { v, ...operation } = JSON.parse(String(record ?? '{}')) as Operation & { v: number }
  return v === version ? operation : undefined
}

// An id that is listed without a record for this long was left by a crash before the record: nothing was sent for it.
const abandonedMs = 60_000
// An operation may take days, and is kept for a week after its end.
const endedKeepMs = 2 * operationKeepMs
const sameInstantMax = 100
// Chunks per command, so that no command takes long.
const chunksAtOnce = 10

const listedIn = (found: readonly string[]): Listed[] =>
  found.flatMap((member, i) => {
    if (i % 2 === 1) return []
    const [id = '', ...client] = member.split(' ')
    return { id, startedAt: Number(found[i + 1]), ...(client.length > 0 && { client: client.join(' ') }) }
  })

/** The journal that instances share. Keys of an operation carry its organization's hash tag, as its lock does. */
export const createRedisJournal = (redis: Redis, clock: Clock, lock: OrganizationLock): JournalStore => {
  const { prefix, run } = redis
  const scripts = {
    create: redis.script('journalCreate', create),
    save: redis.script('journalSave', save),
    remove: redis.script('journalRemove', remove),
  }
  const recordKey = (id: string): string => `journal:{${organizationOf(id)}}:operation:${id}`
  const rowsKey = (id: string): string => `${recordKey(id)}:rows`
  const cancelKey = (id: string): string => `${prefix}${recordKey(id)}:cancel`
  const sendingKey = (id: string): string => `journal:{${organizationOf(id)}}:sending`
  const keysOf = (id: string) => [recordKey(id), rowsKey(id), sendingKey(id), lockKey(organizationOf(id))]
  const openKey = `${prefix}journal:open`
  const endedKey = `${prefix}journal:ended`

  const read = (id: string) => run((client) => client.get(prefix + recordKey(id)))
  const get: JournalStore['get'] = async (id) => decode(await read(id))
  const listAsOpen = ({ id, startedAt }: Operation) => run((client) => client.zadd(openKey, startedAt, id))
  /** If this fails, the next sweep does it. */
  const unlist = (id: string): Promise<unknown> => run((client) => client.zrem(openKey, id)).catch(() => {})
  const listAsEnded = async ({ id, startedAt, client: maker }: Operation): Promise<void> => {
    await run((client) => client.zadd(endedKey, startedAt, `${id} ${maker}`)).catch(() => {})
    await unlist(id)
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
      await listAsOpen(operation)
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
        if (isFailure(error, 'queue.full')) throw error
        // Whether it was kept is not known, so it is tried again.
        return putRecord().catch((cause) => {
          throw new Failure('write.in-doubt', { cause })
        })
      })
    },
    get,
    chunk: async (id, number) =>
      decodeRows(await run((client) => client.hgetBuffer(prefix + rowsKey(id), String(number)))),
    save: async (operation, { owner }, chunk) => {
      const rows = chunk ? rowsAt(chunk.number, chunk.rows, operation) : []
      const args = [owner, encode(operation), ...stateOf(operation), ...rows]
      await underLock(scripts.save(keysOf(operation.id), ...args))
      if (isFinal(operation)) await listAsEnded(operation)
    },
    remove: async ({ id }, { owner }) => {
      await underLock(scripts.remove(keysOf(id), owner, id))
      await unlist(id)
    },
    cancel: async (id) => void (await run((client) => client.set(cancelKey(id), '1', 'PX', operationKeepMs))),
    isCancelled: async (id) => (await run((client) => client.exists(cancelKey(id)))) === 1,
    reopen: async (operation) => {
      await run((client) => client.del(cancelKey(operation.id)))
      await listAsOpen(operation)
    },
    listed: async (before, count) => {
      const max = before ? String(before.startedAt) : '+inf'
      // Some of the same instant may come before the place.
      const readFrom = (key: string) =>
        run((client) =>
          client.zrevrangebyscore(key, max, '-inf', 'WITHSCORES', 'LIMIT', 0, count + sameInstantMax),
        )
      const listed = await Promise.all([readFrom(openKey), readFrom(endedKey)])
      return listNewest(listed.flatMap(listedIn), before, count)
    },
    open: async () => {
      const listed = await run((client) => client.zrange(openKey, '0', '-1', 'WITHSCORES'))
      const open: Operation[] = []
      for (let i = 0; i < listed.length; i += 2) {
        const [id, startedAt] = [listed[i] as string, Number(listed[i + 1])]
        const record = await read(id)
        const operation = decode(record)
        if (operation && !isFinal(operation)) open.push(operation)
        else if (operation) await listAsEnded(operation)
        else if (record === null && startedAt < clock.wall() - abandonedMs) await unlist(id)
      }
      await run((client) => client.zremrangebyscore(endedKey, '-inf', clock.wall() - endedKeepMs))
      return open
    },
  }
}
