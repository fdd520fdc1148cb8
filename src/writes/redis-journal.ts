import { EventEmitter } from 'node:events'
import { type Clock, every } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { type Journal, LockLost, operationKeepMs } from './journal.ts'
import { isFinal, isSending, type Operation, organizationOf, type Row } from './operation.ts'
import type { HeldLock, OrganizationLock } from './organization-lock.ts'
import { lockKey } from './redis-organization-lock.ts'
import { decodeOperation, encodeOperation } from './stored-operation.ts'

/** KEYS: open operations; ARGV: start, id. */
const list = `
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ${operationKeepMs})`

/**
 * KEYS: record, rows, unsettled, lock; ARGV: owner or '', record or '', id, 1 while sending, then chunk numbers and rows.
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

/** KEYS as above; ARGV: owner, record, id, 1 while sending, channel, chunk number or '', rows. → 0 when the lock is lost. */
const save = `
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ${operationKeepMs})
if ARGV[6] ~= '' then redis.call('HSET', KEYS[2], ARGV[6], ARGV[7]) end
redis.call('PEXPIRE', KEYS[2], ${operationKeepMs})
if ARGV[4] == '1' then redis.call('SET', KEYS[3], ARGV[3], 'PX', ${operationKeepMs})
elseif redis.call('GET', KEYS[3]) == ARGV[3] then redis.call('DEL', KEYS[3]) end
redis.call('PUBLISH', ARGV[5], ARGV[3])
return 1`

/** KEYS as above; ARGV: owner, id. → 0 when the lock is lost. */
const remove = `
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
return 1`

// An id that is listed without a record for this long was left by a crash before the record: nothing was sent for it.
const abandonedMs = 60_000
// Chunks per command, so that no command takes long.
const chunksAtOnce = 10
// Watched operations are read this often: a notice may be lost, and a record that expires gives none.
const rereadMs = 5000

/** The journal that instances share. Keys of an operation carry its organization's hash tag, as its lock does. */
export const createRedisJournal = (
  redis: Redis,
  clock: Clock,
  organizationLock: OrganizationLock,
): Journal => {
  const scripts = {
    list: redis.script('journalList', list),
    create: redis.script('journalCreate', create),
    save: redis.script('journalSave', save),
    remove: redis.script('journalRemove', remove),
  }
  const recordKey = (id: string): string => `ledger:{${organizationOf(id)}}:operation:${id}`
  const rowsKey = (id: string): string => `${recordKey(id)}:rows`
  const cancelKey = (id: string): string => `${redis.prefix}${recordKey(id)}:cancel`
  const unsettledKey = (organization: number): string => `ledger:{${organization}}:unsettled`
  const keysOf = ({ id, organization }: Operation): string[] => [
    recordKey(id),
    rowsKey(id),
    unsettledKey(organization),
    lockKey(organization),
  ]
  const openKey = `${redis.prefix}ledger:open`
  const channel = `${redis.prefix}ledger:changed`

  const get: Journal['get'] = async (id) =>
    decodeOperation(await redis.run((client) => client.get(redis.prefix + recordKey(id))))
  const listAsOpen = ({ id, startedAt }: Operation) => scripts.list(['ledger:open'], startedAt, id)
  /** Should this fail, the next sweep does it. */
  const unlist = (id: string): Promise<unknown> =>
    redis.run((client) => client.zrem(openKey, id)).catch(() => {})
  const createPart = async (
    operation: Operation,
    record: string,
    rows: string[],
    lock: HeldLock | undefined,
  ): Promise<Operation | undefined> => {
    const sending = isSending(operation) ? '1' : '0'
    const args = [lock?.owner ?? '', record, operation.id, sending, ...rows]
    const answer = await scripts.create(keysOf(operation), ...args)
    if (answer === 0) throw new LockLost()
    if (answer === 1) return undefined
    const known = decodeOperation(answer as Buffer)
    if (known) return known
    // It was begun by an instance of a newer version, which goes on with it.
    throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
  }

  const changes = new EventEmitter().setMaxListeners(0)
  const emit = (id: string): void => {
    if (changes.listenerCount(id) === 0) return
    const emitState = (operation: Operation | undefined) => changes.emit(id, operation)
    get(id).then(emitState, () => {}) // a failed reading is repeated soon
  }
  const emitAll = (): void => {
    for (const watched of changes.eventNames()) emit(String(watched))
  }
  let stopListening: (() => void) | undefined
  const listen = (): (() => void) => {
    const stopRereading = every(clock, rereadMs, emitAll)
    const subscription = redis.subscribe({
      channels: [channel],
      // Notices before this one were lost.
      onReady: emitAll,
      onLost: () => {},
      onMessage: (_channel, changedId) => emit(changedId),
    })
    return () => {
      stopRereading()
      subscription.close()
    }
  }

  return {
    withLock: (organization, context, work, id) => {
      const reads = [unsettledKey(organization), ...(id === undefined ? [] : [recordKey(id)])]
      return organizationLock.withLock(
        organization,
        context,
        (lock, [unsettled, record = null]) =>
          work(lock, { unsettled: unsettled?.toString(), operation: decodeOperation(record) }),
        reads,
      )
    },
    create: async (operation, chunks, lock) => {
      // Listed first: after a crash the next sweep clears an id without a record.
      await listAsOpen(operation)
      const parts: string[][] = []
      for (let first = 0; first < chunks.length || first === 0; first += chunksAtOnce)
        parts.push(
          chunks
            .slice(first, first + chunksAtOnce)
            .flatMap((rows, i) => [String(first + i), JSON.stringify(rows)]),
        )
      const last = parts.pop() as string[]
      for (const rows of parts) {
        const known = await createPart(operation, '', rows, lock)
        if (known) return known
      }
      // The record comes with the last rows and makes all rows count. Nothing that can fail comes after it.
      const createRecord = () => createPart(operation, encodeOperation(operation), last, lock)
      return createRecord().catch(async (error) => {
        if (error instanceof LockLost) throw error
        // Whether it was kept is not known; so it is tried again, and then read.
        const inDoubt = new Failure('write.in-doubt', { cause: error })
        const read = () => get(operation.id).catch(() => Promise.reject(inDoubt))
        const kept = await createRecord().then((known) => ({ known }), read)
        if (!kept) throw error
        return 'known' in kept ? kept.known : kept
      })
    },
    get,
    chunk: async (id, number) => {
      const text = await redis.run((client) => client.hget(redis.prefix + rowsKey(id), String(number)))
      return text === null ? [] : (JSON.parse(text) as Row[])
    },
    save: async (operation, lock, chunk) => {
      const { id } = operation
      const record = encodeOperation(operation)
      const sending = isSending(operation) ? '1' : '0'
      const rows = chunk ? [String(chunk.number), JSON.stringify(chunk.rows)] : ['', '']
      const kept = await scripts.save(keysOf(operation), lock.owner, record, id, sending, channel, ...rows)
      if (kept !== 1) throw new LockLost()
      if (isFinal(operation)) await unlist(id)
    },
    remove: async (operation, lock) => {
      const removed = await scripts.remove(keysOf(operation), lock.owner, operation.id)
      if (removed !== 1) throw new LockLost()
      await unlist(operation.id)
    },
    cancel: async (id) => {
      await redis.run((client) => client.set(cancelKey(id), '1', 'PX', operationKeepMs))
    },
    isCancelled: async (id) => (await redis.run((client) => client.exists(cancelKey(id)))) === 1,
    reopen: async (operation) => {
      await redis.run((client) => client.del(cancelKey(operation.id)))
      await listAsOpen(operation)
    },
    open: async () => {
      const listed = await redis.run((client) => client.zrange(openKey, '0', '-1', 'WITHSCORES'))
      const open: Operation[] = []
      for (let i = 0; i < listed.length; i += 2) {
        const [id, startedAt] = [listed[i] as string, Number(listed[i + 1])]
        const record = await redis.run((client) => client.get(redis.prefix + recordKey(id)))
        const operation = decodeOperation(record)
        if (operation && !isFinal(operation)) open.push(operation)
        else if (operation || (record === null && startedAt < clock.wall() - abandonedMs)) await unlist(id)
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
