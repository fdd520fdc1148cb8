import { randomBytes } from 'node:crypto'
import type { Redis } from '../redis/redis.ts'
import type { Store, Stored } from './store.ts'

// A copy stands as `1 <epoch> <born, Redis ms>\n<bytes>`: version first, so that another version is a miss.
const version = '1'
// An epoch must outlive every load begun under it and every copy that carries it.
const epochKeepMs = 8 * 24 * 3600 * 1000
const bytesMax = 16 * 1024 * 1024

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

const fill = `
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local born = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[2])
redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[1] .. ' ' .. string.format('%.0f', born) .. '\\n' .. ARGV[5], 'PX', ARGV[4])
return 1`

/** Epochs are Redis microseconds, never going back: a flushed Redis cannot repeat one. */
const bump = `
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local old = redis.pcall('GET', KEYS[2])
if type(old) == 'table' then old = false end
old = old or '0'
local new = string.format('%.0f', math.max(micros, (tonumber(old) or 0) + 1))
redis.call('SET', KEYS[2], new, 'PX', ARGV[1])
if ARGV[2] ~= '' and ARGV[2] == old then
  local born = math.floor(micros / 1000) - tonumber(ARGV[3])
  redis.call('SET', KEYS[1], ARGV[4] .. ' ' .. new .. ' ' .. string.format('%.0f', born) .. '\\n' .. ARGV[6], 'PX', ARGV[5])
  return { new, 1 }
end
if ARGV[2] == 'drop' then redis.call('UNLINK', KEYS[1]) end
return { new, 0 }`

const claim = `
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' and held ~= ARGV[1] .. ' ahead' and held ~= ARGV[1] .. ' behind' then
  if not (ARGV[2] == 'ahead' and held:sub(-7) == ' behind') then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1`

const release = `
local held = redis.pcall('GET', KEYS[1])
if held == ARGV[1] .. ' ahead' or held == ARGV[1] .. ' behind' then redis.call('DEL', KEYS[1]) end
return 1`

/** The store that instances share. Each list's keys carry one hash tag, so that they live on one node of a cluster. */
export const createRedisStore = (redis: Redis): Store => {
  const scripts = {
    read: redis.script('cacheRead', read),
    fill: redis.script('cacheFill', fill),
    bump: redis.patient.script('cacheBump', bump),
    claim: redis.script('cacheClaim', claim),
    release: redis.script('cacheRelease', release),
  }
  const owner = randomBytes(9).toString('base64url')
  const keysOf = (key: string): [string, string] => [`list:{${key}}:copy`, `list:{${key}}:epoch`]
  const ttl = (keepMs: number, ageMs: number): number => Math.max(1, Math.round(keepMs - ageMs))

  return {
    read: async (key) => {
      const [epoch, now, value] = (await scripts.read(keysOf(key), bytesMax, epochKeepMs)) as [
        Buffer,
        Buffer,
        Buffer | null,
      ]
      return {
        epoch: epoch.toString(),
        stored: value ? decode(value, Number(now)) : undefined,
      }
    },
    fill: async (key, { bytes, epoch, ageMs }, keepMs) =>
      (await scripts.fill(keysOf(key), epoch, Math.round(ageMs), version, ttl(keepMs, ageMs), bytes)) === 1,
    bump: async (key, copy, keepMs) => {
      const args =
        copy === undefined || copy === 'drop'
          ? [copy ?? '', 0, version, 1, '']
          : [copy.epoch, Math.round(copy.ageMs), version, ttl(keepMs, copy.ageMs), copy.bytes]
      const [epoch, kept] = (await scripts.bump(keysOf(key), epochKeepMs, ...args)) as [Buffer, number]
      return { epoch: epoch.toString(), kept: kept === 1 }
    },
    claim: async (key, urgency, leaseMs) =>
      (await scripts.claim([`list:{${key}}:claim`], owner, urgency, leaseMs)) === 1,
    release: async (key) => void (await scripts.release([`list:{${key}}:claim`], owner)),
    keys: (prefix) =>
      redis.run(async (client) => {
        const found: string[] = []
        const nodes = 'nodes' in client ? client.nodes('master') : [client]
        for (const node of nodes) {
          let cursor = '0'
          do {
            const [next, keys] = await node.scan(
              cursor,
              'MATCH',
              `${redis.prefix.replace(/[[\]*?\\]/g, '\\$&')}list:{${prefix}*}:copy`,
              'COUNT',
              500,
            )
            found.push(
              ...keys.map((key) => key.slice(redis.prefix.length + 'list:{'.length, -'}:copy'.length)),
            )
            cursor = next
          } while (cursor !== '0')
        }
        return found
      }),
  }
}

/** undefined for another version, or bytes that are not a copy. */
const decode = (value: Buffer, now: number): Stored | undefined => {
  const end = value.subarray(0, 64).indexOf(10)
  const [v, epoch, born] = end === -1 ? [] : value.subarray(0, end).toString('latin1').split(' ')
  if (v !== version || !epoch || !/^\d+$/.test(born ?? '')) return undefined
  return { bytes: value.subarray(end + 1), epoch, ageMs: Math.max(0, now - Number(born)) }
}
