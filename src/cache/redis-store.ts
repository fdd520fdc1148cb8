import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Redis } from '../redis/redis.ts'
import type { Store, Stored } from './store.ts'

// A copy stands as `1 <epoch> <born, Redis ms>\n<bytes>`: version first, so that another version is a miss.
const version = '1'
// An epoch must outlive every load begun under it and every copy that carries it.
const epochKeepMs = 8 * 24 * 3600 * 1000
const bytesMax = 16 * 1024 * 1024
const scanCount = 1000
// Clocks that count in step differ by no more than a command's way.
const futureMs = 1000

/**
 * A value of another type, or far too long, is no copy: it is dropped, and the read goes on as a miss. A list without an
 * epoch gets one: were "none" an epoch, a flush would bring it back, and with it what was loaded before a write. Only a
 * Redis that takes no writes leaves it at none.
 */
const read = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = redis.pcall('GET', KEYS[2])
if type(epoch) == 'table' then redis.pcall('UNLINK', KEYS[2]) epoch = false end
if not epoch then
  epoch = string.format('%.0f', time[1] * 1000000 + time[2])
  local set = redis.pcall('SET', KEYS[2], epoch, 'PX', ARGV[2])
  if set.err then epoch = '0' end
end
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) == 'table' or size > tonumber(ARGV[1]) then redis.pcall('UNLINK', KEYS[1]) size = 0 end
return { epoch, string.format('%.0f', now), size > 0 and redis.call('GET', KEYS[1]) or false }`

/** ARGV: epoch, born (Redis ms), version, keep ms, bytes. However late Redis comes to it, the copy is as old as it is. */
const fill = `
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[1] .. ' ' .. ARGV[2] .. '\\n' .. ARGV[5], 'PX', ARGV[4])
return 1`

/** ARGV: epoch keep ms, then as `fill`. Epochs are Redis microseconds, never going back: a flushed Redis cannot repeat one. */
const bump = `
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local old = redis.pcall('GET', KEYS[2])
if type(old) == 'table' then old = false end
old = old or '0'
local new = string.format('%.0f', math.max(micros, (tonumber(old) or 0) + 1))
redis.call('SET', KEYS[2], new, 'PX', ARGV[1])
if ARGV[2] ~= '' and ARGV[2] == old then
  redis.call('SET', KEYS[1], ARGV[4] .. ' ' .. new .. ' ' .. ARGV[3] .. '\\n' .. ARGV[6], 'PX', ARGV[5])
  return { new, 1 }
end
if ARGV[2] == 'drop' then redis.call('UNLINK', KEYS[1]) end
return { new, 0 }`

/** ARGV: owner, urgency, lease ms. */
const claim = `
local held = redis.pcall('GET', KEYS[1])
local urgency = held == ARGV[1] .. ' ahead' and 'ahead' or ARGV[2]
if type(held) == 'string' and held:sub(1, #ARGV[1]) ~= ARGV[1] then
  if not (urgency == 'ahead' and held:sub(-7) == ' behind') then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. urgency, 'PX', ARGV[3])
return 1`

const release = `
if redis.pcall('GET', KEYS[1]) == ARGV[1] .. ' ' .. ARGV[2] then redis.call('DEL', KEYS[1]) end
return 1`

/** The store that instances share. Each list's keys carry one hash tag, so that they live on one node of a cluster. */
export const createRedisStore = (redis: Redis, clock: Clock): Store => {
  const scripts = {
    read: redis.script('cacheRead', read),
    fill: redis.script('cacheFill', fill),
    bump: redis.tolerant.script('cacheBump', bump),
    claim: redis.script('cacheClaim', claim),
    release: redis.script('cacheRelease', release),
  }
  const owner = randomBytes(9).toString('base64url')
  /** Redis time less our own, by the last answer: too small by the answer's way, so that nothing looks younger than it is. */
  let redisAhead = Number.NaN // a copy with this birth is none; but every copy comes after a read
  const bornOf = (ageMs: number): number => Math.round(redisAhead + clock.now() - ageMs)
  const keysOf = (key: string): [string, string] => [`list:{${key}}:copy`, `list:{${key}}:epoch`]
  const ttl = (keepMs: number, ageMs: number): number => Math.max(1, Math.round(keepMs - ageMs))

  return {
    read: async (key) => {
      const answer = await scripts.read(keysOf(key), bytesMax, epochKeepMs)
      const [epoch, now, value] = answer as [Buffer, Buffer, Buffer | null]
      redisAhead = Number(now) - clock.now()
      return { epoch: epoch.toString(), stored: value ? decode(value, Number(now)) : undefined }
    },
    fill: async (key, { bytes, epoch, ageMs }, keepMs) =>
      (await scripts.fill(keysOf(key), epoch, bornOf(ageMs), version, ttl(keepMs, ageMs), bytes)) === 1,
    bump: async (key, copy, keepMs) => {
      const args =
        copy === undefined || copy === 'drop'
          ? [copy ?? '', 0, version, 1, '']
          : [copy.epoch, bornOf(copy.ageMs), version, ttl(keepMs, copy.ageMs), copy.bytes]
      const [epoch, kept] = (await scripts.bump(keysOf(key), epochKeepMs, ...args)) as [Buffer, number]
      return { epoch: epoch.toString(), kept: kept === 1 }
    },
    claim: async (key, urgency, leaseMs) =>
      (await scripts.claim([`list:{${key}}:claim`], owner, urgency, leaseMs)) === 1,
    release: async (key, urgency) => void (await scripts.release([`list:{${key}}:claim`], owner, urgency)),
    keys: async (prefix) => {
      const pattern = `${redis.prefix.replace(/[[\]*?\\]/g, '\\$&')}list:{${prefix}*}:copy`
      const found: string[] = []
      // Each page by itself: a Redis with many other keys takes long over all of them.
      const nodes = await redis.run(async (client) => ('nodes' in client ? client.nodes('master') : [client]))
      for (const node of nodes) {
        let cursor = '0'
        do {
          const [next, keys] = await redis.tolerant.run(() =>
            node.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount),
          )
          for (const key of keys)
            found.push(key.slice(redis.prefix.length + 'list:{'.length, -'}:copy'.length))
          cursor = next
        } while (cursor !== '0')
      }
      return found
    },
  }
}

/** undefined for another version, bytes that are not a copy, or one from the future: Redis's clock was put back. */
const decode = (value: Buffer, now: number): Stored | undefined => {
  const end = value.subarray(0, 64).indexOf(10)
  const [v, epoch, born] = end === -1 ? [] : value.subarray(0, end).toString('latin1').split(' ')
  if (v !== version || !epoch || !/^\d+$/.test(born ?? '') || Number(born) > now + futureMs) return undefined
  return { bytes: value.subarray(end + 1), epoch, ageMs: Math.max(0, now - Number(born)) }
}
