import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import type { ChangeSet } from '../contract/audit.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { createScripts } from '../redis/scripts.ts'
import type { AuditStore, Retention } from './audit-store.ts'
import { type Entry, encodeEntry } from './entry.ts'

/**
 * KEYS: log, keys of the step; ARGV: entry, most entries, ms to keep, ms to keep the step, then the key or '' of each change.
 * A change whose key is set was appended before: the answer was lost, or another instance took its operation over. → the
 * numbers of the changes that were not. The entry is appended if these are all.
 */
const append = `
local fresh = {}
for i = 5, #ARGV do
  if ARGV[i] == '' or redis.call('GETBIT', KEYS[2], ARGV[i]) == 0 then fresh[#fresh + 1] = i - 5 end
end
if #fresh < #ARGV - 4 then return fresh end
for i = 5, #ARGV do if ARGV[i] ~= '' then redis.call('SETBIT', KEYS[2], ARGV[i], 1) end end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
local time = redis.call('TIME')
local oldest = time[1] * 1000 - ARGV[3]
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', math.max(0, oldest)))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return fresh`

/** KEYS: copy of a log; ARGV: ms to keep, then id and bytes of each entry. A copy that is abandoned does not stay. */
const copyEntries = `
for i = 2, #ARGV, 2 do redis.call('XADD', KEYS[1], ARGV[i], 'e', ARGV[i + 1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])`

/**
 * KEYS: log, its copy, edition; ARGV: the last id of the copy, the edition that was copied, ms to keep.
 * → 1 when the copy took the place of the log, 0 when the log has newer entries, -1 when another copy came first.
 */
const exchange = `
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then return -1 end
if #redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1) > 0 then return 0 end
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('INCR', KEYS[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return 1`

const listedMs = 60_000
const copiedAtOnce = 200
const copyKeepMs = 60_000
const copiesMax = 10

type Found = [id: Buffer, fields: Buffer[]][]

/** One stream per organization. Its keys carry the organization's hash tag. */
export const createRedisAuditStore = (
  redis: Redis,
  clock: Clock,
  { keepMs, entriesMax }: Retention,
): AuditStore => {
  const { prefix, run } = redis
  const scripts = createScripts(redis, 'audit', { append, copy: copyEntries, exchange })
  const logKey = (organization: number): string => `audit:{${organization}}:log`
  const listKey = `${prefix}audit:organizations`
  // Listed again now and then, because Redis may have been flushed.
  const listed = new LRUCache<number, true>({
    ...atMost(10_000),
    ttl: listedMs,
    ttlResolution: 0,
    perf: clock,
  })
  const list = async (organization: number): Promise<void> => {
    if (listed.has(organization)) return
    await run((client) => client.zadd(listKey, clock.wall(), String(organization)))
    listed.set(organization, true)
  }
  const entryOf = ([id, [, bytes = Buffer.alloc(0)]]: Found[number]): Entry => {
    const [ms, seq] = id.toString().split('-').map(Number) as [number, number]
    return { ms, seq, bytes }
  }

  /** Copies the log with other texts and puts the copy in its place. False: another copy came first. */
  const copyLog = async (organization: number, change: (bytes: Buffer) => Buffer): Promise<boolean> => {
    const key = prefix + logKey(organization)
    const copy = `audit:{${organization}}:copy:${randomBytes(6).toString('hex')}`
    const editionKey = `audit:{${organization}}:edition`
    const edition = (await run((client) => client.get(prefix + editionKey))) ?? ''
    const readAfter = (id: string) =>
      run((client) => client.xrangeBuffer(key, `(${id}`, '+', 'COUNT', copiedAtOnce)) as Promise<Found>
    let last = '0-0'
    for (;;) {
      const found = await readAfter(last)
      last = found.at(-1)?.[0].toString() ?? last
      if (last === '0-0') return true
      const copied = found.flatMap((entry) => [entry[0], change(entryOf(entry).bytes)])
      await scripts.copy([copy], copyKeepMs, ...copied)
      if (found.length === copiedAtOnce) continue
      const keys = [logKey(organization), copy, editionKey]
      const exchanged = await scripts.exchange(keys, last, edition, keepMs)
      if (exchanged !== 0) return exchanged === 1
    }
  }

  return {
    append: async (organization, set) => {
      // Listed first: an organization without entries does no harm.
      await list(organization)
      const { name = '', keepMs: stepMs = 0 } = set.step ?? {}
      const keys = [logKey(organization), `audit:{${organization}}:step:${name}`]
      let { changes } = set
      for (;;) {
        const changeKeys = changes.map(({ key = '' }) => (set.step ? key : ''))
        const entry = encodeEntry({ ...set, changes })
        const answer = await scripts.append(keys, entry, entriesMax, keepMs, stepMs, ...changeKeys)
        const fresh = answer as number[]
        if (fresh.length === changes.length || fresh.length === 0) return
        changes = fresh.map((number) => changes[number] as ChangeSet['changes'][number])
      }
    },
    organizations: async () => {
      await run((client) => client.zremrangebyscore(listKey, 0, clock.wall() - 2 * keepMs))
      return (await run((client) => client.zrange(listKey, '0', '-1'))).map(Number)
    },
    read: async (organization, newest, oldestMs, count) => {
      const from = newest.seq === undefined ? String(newest.ms) : `${newest.ms}-${newest.seq}`
      const key = prefix + logKey(organization)
      const found = await run((client) => client.xrevrangeBuffer(key, from, String(oldestMs), 'COUNT', count))
      return (found as Found).map(entryOf)
    },
    rewrite: async (organization, change) => {
      for (let copies = 0; copies < copiesMax; copies++) if (await copyLog(organization, change)) return
      throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
    },
  }
}
