import { EventEmitter } from 'node:events'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { type Journal, operationKeepMs } from './journal.ts'
import { isFinal, isSending, type Operation, organizationOf, type Row } from './operation.ts'
import { turnKey } from './redis-turns.ts'

// `v` first: a record of an older version is still understood, one of a newer version is left to whoever wrote it.
const version = 1
const encode = (operation: Operation): string => JSON.stringify({ v: version, ...operation })
const decode = (text: string | null | undefined): Operation | undefined => {
  if (!text) return undefined
  const { v, ...operation } = JSON.parse(text) as Operation & { v: number }
  return v <= version ? (operation as Operation) : undefined
}

/** ARGV: owner, record, keep ms, chunk number or '', rows, channel, id, 1 while sending. Held against the turn: a holder that lost it keeps nothing. */
const save = `
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], ARGV[4], ARGV[5]) end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
if ARGV[8] == '1' then redis.call('SET', KEYS[4], ARGV[7], 'PX', ARGV[3])
elseif redis.call('GET', KEYS[4]) == ARGV[7] then redis.call('DEL', KEYS[4]) end
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 1`

/** @throws Failure when one command of a transaction was refused */
const requireAll = (results: [Error | null, unknown][] | null): void => {
  const refused = results === null ? new Error('no transaction') : results.find(([error]) => error)?.[0]
  if (refused) throw new Failure('redis.unavailable', { retryAfterMs: 1000, cause: refused })
}

// A name without a record this long was left by a crash before the record was kept: nothing was sent for it.
const abandonedMs = 60_000
const chunksAtOnce = 10

/** The journal that instances share. All of an operation lies under its organization's hash tag, beside its turn. */
export const createRedisJournal = (redis: Redis, now: () => number): Journal => {
  const saveScript = redis.script('journalSave', save)
  const recordKey = (id: string): string => `ledger:{${organizationOf(id)}}:operation:${id}`
  const rowsKey = (id: string): string => `${recordKey(id)}:rows`
  const unsettledKey = (organization: number): string => `ledger:{${organization}}:unsettled`
  const cancelKey = (id: string): string => `${recordKey(id)}:cancel`
  const openKey = `${redis.prefix}ledger:open`
  const channel = `${redis.prefix}ledger:changed`
  const full = (key: string): string => redis.prefix + key

  const get: Journal['get'] = async (id) =>
    decode(await redis.run((client) => client.get(full(recordKey(id)))))
  const changes = new EventEmitter().setMaxListeners(0)
  let listening: { close(): void } | undefined
  const tell = (id: string): void => {
    if (changes.listenerCount(id) === 0) return
    get(id).then(
      (operation) => operation && changes.emit(id, operation),
      () => {},
    )
  }

  return {
    create: async (operation, chunks) => {
      const { id } = operation
      // Listed as open first: a crash between leaves a name without a record, which the next sweep clears.
      await redis.run((client) => client.zadd(openKey, String(operation.startedAt), id))
      // Rows before the record, which makes them count; a few at a time, so that no command takes long.
      for (let first = 0; first < chunks.length; first += chunksAtOnce) {
        const some = chunks.slice(first, first + chunksAtOnce)
        const rows = some.flatMap((chunk, i) => [String(first + i), JSON.stringify(chunk)])
        await redis
          .run((client) =>
            client
              .multi()
              .hset(full(rowsKey(id)), ...rows)
              .pexpire(full(rowsKey(id)), operationKeepMs)
              .exec(),
          )
          .then(requireAll)
      }
      await redis
        .run((client) => {
          const all = client.multi().set(full(recordKey(id)), encode(operation), 'PX', operationKeepMs)
          if (isSending(operation))
            all.set(full(unsettledKey(operation.organization)), id, 'PX', operationKeepMs)
          return all.exec()
        })
        .then(requireAll)
      await redis.run((client) => client.pexpire(openKey, operationKeepMs))
    },
    get,
    chunk: async (id, number) => {
      const text = await redis.run((client) => client.hget(full(rowsKey(id)), String(number)))
      return text === null ? [] : (JSON.parse(text) as Row[])
    },
    save: async (operation, turn, chunk) => {
      const { id } = operation
      const { organization } = operation
      const keys = [recordKey(id), rowsKey(id), turnKey(organization), unsettledKey(organization)]
      const rows = chunk ? [String(chunk.number), JSON.stringify(chunk.rows)] : ['', '']
      const kept = await saveScript(
        keys,
        turn.owner,
        encode(operation),
        operationKeepMs,
        rows[0] as string,
        rows[1] as string,
        channel,
        id,
        isSending(operation) ? '1' : '0',
      )
      if (kept === 1 && isFinal(operation)) await redis.run((client) => client.zrem(openKey, id))
      return kept === 1
    },
    remove: async ({ id }) => {
      await redis.run((client) => client.del(full(recordKey(id)), full(rowsKey(id))))
      await redis.run((client) => client.zrem(openKey, id))
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
        const operation = await get(id)
        if (operation && !isFinal(operation)) open.push(id)
        else if (operation || startedAt < now() - abandonedMs)
          await redis.run((client) => client.zrem(openKey, id))
      }
      return open
    },
    watch: (id, changed) => {
      changes.on(id, changed)
      listening ??= redis.subscribe({
        channels: [channel],
        // What was kept while nobody listened here yet.
        onReady: () => {
          for (const watched of changes.eventNames()) tell(String(watched))
        },
        onLost: () => {},
        onMessage: (_channel, changedId) => tell(changedId),
      })
      return () => {
        changes.off(id, changed)
        if (changes.eventNames().length > 0) return
        listening?.close()
        listening = undefined
      }
    },
  }
}
