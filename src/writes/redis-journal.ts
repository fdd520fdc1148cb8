import { EventEmitter } from 'node:events'
import { type Clock, every } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { type Journal, operationKeepMs } from './journal.ts'
import { isFinal, isSending, type Operation, organizationOf, type Row } from './operation.ts'
import { lockKey } from './redis-organization-lock.ts'
import { decodeOperation, encodeOperation } from './stored-operation.ts'

/**
 * KEYS: record, rows, unsettled. ARGV: keep ms, record or '', id, 1 while sending, then chunk numbers and their rows. An
 * operation that is kept already is left alone and given back; its rows may have moved on.
 */
const create = `
local kept = redis.call('GET', KEYS[1])
if kept then return kept end
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
  if ARGV[4] == '1' then redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[1]) end
end
return false`

/** KEYS as above and the lock; ARGV: owner, record, keep ms, chunk number or '', rows, channel, id, 1 while sending. Held against the lock: a holder that lost it keeps nothing. */
const save = `
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], ARGV[4], ARGV[5]) end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
if ARGV[8] == '1' then redis.call('SET', KEYS[3], ARGV[7], 'PX', ARGV[3])
elseif redis.call('GET', KEYS[3]) == ARGV[7] then redis.call('DEL', KEYS[3]) end
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 1`

/** KEYS: the same; ARGV: owner, id. */
const remove = `
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
return 1`

// A name without a record this long was left by a crash before the record was kept: nothing was sent for it.
const abandonedMs = 60_000
// A few at a time, so that no command takes long.
const chunksAtOnce = 10
// Looked at again this often while it is watched: a notice may be lost, and a record that goes gives none.
const lookMs = 5000

/** The journal that instances share. All of an operation lies under its organization's hash tag, beside its lock. */
export const createRedisJournal = (redis: Redis, clock: Clock): Journal => {
  const scripts = {
    create: redis.script('journalCreate', create),
    save: redis.script('journalSave', save),
    remove: redis.script('journalRemove', remove),
  }
  const recordKey = (id: string): string => `ledger:{${organizationOf(id)}}:operation:${id}`
  const rowsKey = (id: string): string => `${recordKey(id)}:rows`
  const unsettledKey = (organization: number): string => `ledger:{${organization}}:unsettled`
  const keysOf = ({ id, organization }: Operation): string[] => [
    recordKey(id),
    rowsKey(id),
    unsettledKey(organization),
  ]
  const cancelKey = (id: string): string => `${recordKey(id)}:cancel`
  const openKey = `${redis.prefix}ledger:open`
  const channel = `${redis.prefix}ledger:changed`
  const full = (key: string): string => redis.prefix + key

  const get: Journal['get'] = async (id) =>
    decodeOperation(await redis.run((client) => client.get(full(recordKey(id)))))
  const changes = new EventEmitter().setMaxListeners(0)
  const tell = (id: string): void => {
    if (changes.listenerCount(id) === 0) return
    get(id).then(
      (operation) => changes.emit(id, operation),
      () => {}, // looked at again soon
    )
  }
  const tellAll = (): void => {
    for (const watched of changes.eventNames()) tell(String(watched))
  }
  let stopListening: (() => void) | undefined
  const listen = (): (() => void) => {
    const stopLooking = every(clock, lookMs, tellAll)
    const listening = redis.subscribe({
      channels: [channel],
      // What was kept while nobody listened here yet.
      onReady: tellAll,
      onLost: () => {},
      onMessage: (_channel, changedId) => tell(changedId),
    })
    return () => {
      stopLooking()
      listening.close()
    }
  }
  /** What has ended is no longer listed; should this fail, the next sweep clears it. */
  const unlist = (id: string): Promise<unknown> =>
    redis.run((client) => client.zrem(openKey, id)).catch(() => {})

  return {
    create: async (operation, chunks) => {
      const { id, startedAt } = operation
      // Listed as open first: a crash between leaves a name without a record, which the next sweep clears.
      await redis.run((client) =>
        Promise.all([client.zadd(openKey, String(startedAt), id), client.pexpire(openKey, operationKeepMs)]),
      )
      const keep = async (record: string, first: number): Promise<Operation | undefined> => {
        const some = chunks.slice(first, first + chunksAtOnce)
        const rows = some.flatMap((chunk, i) => [String(first + i), JSON.stringify(chunk)])
        const sending = isSending(operation) ? '1' : '0'
        const kept = await scripts.create(keysOf(operation), operationKeepMs, record, id, sending, ...rows)
        const known = decodeOperation(kept as Buffer | null)
        // Begun by an instance of a newer version, and that one's to finish.
        if (kept && !known) throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
        return known
      }
      const last = Math.max(0, Math.ceil(chunks.length / chunksAtOnce) - 1) * chunksAtOnce
      for (let first = 0; first < last; first += chunksAtOnce) {
        const known = await keep('', first)
        if (known) return known
      }
      // The record comes with the last rows, and makes them count. Nothing that can fail comes after it.
      const record = () => keep(encodeOperation(operation), last)
      return record().catch((error) =>
        // Whether it was kept is not known. Asked again it is, or comes back as it was kept.
        record().catch(() =>
          get(id).then(
            (kept) => {
              if (!kept) throw error
              return kept
            },
            () => {
              throw new Failure('write.in-doubt', { cause: error })
            },
          ),
        ),
      )
    },
    get,
    chunk: async (id, number) => {
      const text = await redis.run((client) => client.hget(full(rowsKey(id)), String(number)))
      return text === null ? [] : (JSON.parse(text) as Row[])
    },
    save: async (operation, lock, chunk) => {
      const { id } = operation
      const [number, rows] = chunk ? [String(chunk.number), JSON.stringify(chunk.rows)] : ['', '']
      const kept = await scripts.save(
        [...keysOf(operation), lockKey(operation.organization)],
        lock.owner,
        encodeOperation(operation),
        operationKeepMs,
        number as string,
        rows as string,
        channel,
        id,
        isSending(operation) ? '1' : '0',
      )
      if (kept === 1 && isFinal(operation)) await unlist(id)
      return kept === 1
    },
    remove: async (operation, lock) => {
      const keys = [...keysOf(operation), lockKey(operation.organization)]
      const removed = (await scripts.remove(keys, lock.owner, operation.id)) === 1
      if (removed) await unlist(operation.id)
      return removed
    },
    cancel: async (id) => {
      await redis.run((client) => client.set(full(cancelKey(id)), '1', 'PX', operationKeepMs))
    },
    cancelled: async (id) => (await redis.run((client) => client.exists(full(cancelKey(id))))) === 1,
    reopen: async ({ id, startedAt }) => {
      await redis.run((client) => client.del(full(cancelKey(id))))
      await redis.run((client) => client.zadd(openKey, String(startedAt), id))
    },
    unsettled: async (organization) =>
      (await redis.run((client) => client.get(full(unsettledKey(organization))))) ?? undefined,
    open: async () => {
      const listed = await redis.run((client) => client.zrange(openKey, '0', '-1', 'WITHSCORES'))
      const open: string[] = []
      for (let i = 0; i < listed.length; i += 2) {
        const [id, startedAt] = [listed[i] as string, Number(listed[i + 1])]
        const text = await redis.run((client) => client.get(full(recordKey(id))))
        const operation = decodeOperation(text)
        if (operation && !isFinal(operation)) open.push(id)
        else if (operation || (text === null && startedAt < clock.wall() - abandonedMs))
          await redis.run((client) => client.zrem(openKey, id))
      }
      return open
    },
    watch: (id, changed) => {
      changes.on(id, changed)
      stopListening ??= listen()
      return () => {
        changes.off(id, changed)
        if (changes.eventNames().length > 0) return
        stopListening?.()
        stopListening = undefined
      }
    },
  }
}
