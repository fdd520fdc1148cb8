import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { readTime } from '../redis/read-time.ts'
import type { Redis } from '../redis/redis.ts'
import { scanKeys } from '../redis/scan-keys.ts'
import { noTracing, type Tracing } from '../tracing/tracing.ts'
import type { Claim, Store, Stored } from './store.ts'

// A copy is kept as `1 <epoch> <loaded at, Redis ms>\n<bytes>`. Another version is read as no copy.
const version = '1'
// An epoch must outlive every load that began under it and every copy that carries it.
const epochKeepMs = 8 * 24 * 3600 * 1000
const bytesMax = 16 * 1024 * 1024
// Nodes of one Redis may differ by this much in time. A copy from further in the future is none: a clock was put back.
const futureMs = 1000
/** How the urgency of a claim is written in Redis. */
const persisted = { foreground: 'ahead', background: 'behind' } as const

/**
 * ARGV: for a claim: owner, urgency, lease ms, young ms, wanted. → epoch, Redis ms, copy, claimed (-1: no writes). A
 * value of another type, or one far too long, is no copy and is dropped. A list without an epoch gets a new one. If
 * "none" were an epoch, a flush would bring it back, with what was loaded before a write. Only a Redis that takes no
 * writes leaves it at none.
 */
const read = `${readTime}
local epoch = redis.pcall('GET', KEYS[2])
if type(epoch) == 'table' then redis.pcall('UNLINK', KEYS[2]) epoch = false end
if not epoch then
  epoch = string.format('%.0f', time[1] * 1000000 + time[2])
  if redis.pcall('SET', KEYS[2], epoch, 'PX', ${epochKeepMs}).err then epoch = '0' end
end
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) == 'table' or size > ${bytesMax} then redis.pcall('UNLINK', KEYS[1]) size = 0 end
local claimed, isWanted = 0, size > 0
if ARGV[1] then
  local head = size > 0 and redis.call('GETRANGE', KEYS[1], 0, 63) or ''
  local of, at = string.match(head, '^${version} (%S+) (%d+)\\n')
  local age = now - (tonumber(at) or 0)
  local isYoung = of == epoch and age < tonumber(ARGV[4]) and age >= -${futureMs}
  isWanted = size > 0 and (isYoung or ARGV[5] == 'any')
  local held = redis.pcall('GET', KEYS[3])
  local urgency = held == ARGV[1] .. ' ahead' and 'ahead' or ARGV[2]
  local isTaken = type(held) == 'string' and held:sub(1, #ARGV[1]) ~= ARGV[1]
  if not isYoung and (not isTaken or (urgency == 'ahead' and held:sub(-7) == ' behind')) then
    claimed = redis.pcall('SET', KEYS[3], ARGV[1] .. ' ' .. urgency, 'PX', ARGV[3]).err and -1 or 1
  end
end
return { epoch, string.format('%.0f', now), isWanted and redis.call('GET', KEYS[1]), claimed }`

const release = `
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`

/** ARGV: epoch, loaded at (Redis ms), keep ms, bytes, owner. However late Redis runs it, the copy has its true age. */
const fill = `
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], '${version} ' .. ARGV[1] .. ' ' .. ARGV[2] .. '\\n' .. ARGV[4], 'PX', ARGV[3])
local held = redis.pcall('GET', KEYS[3])
if type(held) == 'string' and held:sub(1, #ARGV[5]) == ARGV[5] then redis.call('DEL', KEYS[3]) end
return 1`

/**
 * ARGV: '', 'drop', or as `fill`. → epoch, 1 if the copy was kept, Redis ms. Epochs are Redis microseconds and only grow, so
 * an emptied Redis repeats none.
 */
const bump = `${readTime}
local old = redis.pcall('GET', KEYS[2])
if type(old) == 'table' then old = false end
old = old or '0'
local new = string.format('%.0f', math.max(time[1] * 1000000 + time[2], (tonumber(old) or 0) + 1))
redis.call('SET', KEYS[2], new, 'PX', ${epochKeepMs})
if ARGV[1] ~= '' and ARGV[1] == old then
  redis.call('SET', KEYS[1], '${version} ' .. new .. ' ' .. ARGV[2] .. '\\n' .. ARGV[4], 'PX', ARGV[3])
  return { new, 1, string.format('%.0f', now) }
end
if ARGV[1] == 'drop' then redis.call('UNLINK', KEYS[1]) end
return { new, 0, string.format('%.0f', now) }`

/** The store that instances share. The keys of a list carry one hash tag, so one node of a cluster holds them all. */
export const createRedisStore = (redis: Redis, clock: Clock, tracing: Tracing = noTracing): Store => {
  const scripts = {
    read: redis.script('cacheRead', read),
    release: redis.script('cacheRelease', release),
    fill: redis.script('cacheFill', fill),
    bump: redis.tolerant.script('cacheBump', bump),
  }
  const owner = randomBytes(9).toString('base64url')
  /** Redis time less our own, by the last answer. Too small by the answer's way, so that no copy looks too young. */
  let redisAhead = Number.NaN // not a number is never a copy's time; a copy comes after a read
  const keysOf = (key: string): string[] => ['copy', 'epoch', 'claim'].map((what) => `list:{${key}}:${what}`)
  const copyArgs = ({ bytes, epoch, ageMs }: Stored, keepMs: number) =>
    [
      epoch,
      Math.round(redisAhead + clock.now() - ageMs),
      Math.max(1, Math.round(keepMs - ageMs)),
      bytes,
    ] as const

  return {
    read: tracing.spans(
      () => ({ name: 'cache' }),
      async (key: string, claim?: Claim) => {
        const args = claim
          ? [owner, persisted[claim.urgency], claim.leaseMs, claim.youngMs, claim.wanted]
          : []
        const answer = await scripts.read(keysOf(key), ...args)
        const [epoch, now, value, claimed] = answer as [Buffer, Buffer, Buffer | null, number]
        redisAhead = Number(now) - clock.now()
        return {
          epoch: epoch.toString(),
          stored: value ? decode(value, Number(now)) : undefined,
          claimed: claimed === -1 ? undefined : claimed === 1,
        }
      },
      (found) => ({ 'gateway.found': found.stored !== undefined }),
    ),
    release: async (key, urgency) =>
      void (await scripts.release([`list:{${key}}:claim`], `${owner} ${persisted[urgency]}`)),
    fill: async (key, copy, keepMs) =>
      (await scripts.fill(keysOf(key), ...copyArgs(copy, keepMs), owner)) === 1,
    bump: async (key, copy, keepMs) => {
      const args = typeof copy === 'object' ? copyArgs(copy, keepMs) : [copy ?? '']
      const [epoch, kept, now] = (await scripts.bump(keysOf(key), ...args)) as [Buffer, number, Buffer]
      redisAhead = Number(now) - clock.now()
      return { epoch: epoch.toString(), kept: kept === 1 }
    },
    keys: async (prefix) => {
      const found = await scanKeys(redis, `list:{${prefix}*}:copy`)
      return found.map((key) => key.slice('list:{'.length, -'}:copy'.length))
    },
  }
}

/** undefined for another version, bytes that are no copy, and a copy from the future. */
const decode = (value: Buffer, now: number): Stored | undefined => {
  const end = value.subarray(0, 64).indexOf(10)
  const head = end === -1 ? '' : value.subarray(0, end).toString('latin1')
  const [, epoch, loadedAt] = /^1 (\S+) (\d+)$/.exec(head) ?? []
  if (!epoch || Number(loadedAt) > now + futureMs) return undefined
  return { bytes: value.subarray(end + 1), epoch, ageMs: Math.max(0, now - Number(loadedAt)) }
}
