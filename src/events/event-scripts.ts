import { readTime } from '../redis/read-time.ts'
import type { Redis } from '../redis/redis.ts'
import { createScripts } from '../redis/scripts.ts'

/**
 * One hash tag: one script changes a known list and appends to the logs. `meta`: epoch, last id, count of versions.
 * `removed`: for each log the last id that was removed. A log has ids alone; the texts are beside it, so that they can be changed.
 */
export const keysFrom = 'events:{events}:'
export const meta = `${keysFrom}meta`
export const removed = `${keysFrom}floors`
export const listKey = (list: number): string => `${keysFrom}list:${list}`
export const stepsKey = (list: number): string => `${keysFrom}steps:${list}`
export const textsKey = (organization: number): string => `${keysFrom}texts:${organization}`
export const logKey = (organization: number): string => `${keysFrom}log:${organization}`
/** The log of all together is that of organization 0. */
export const logOfAll = logKey(0)

/**
 * Begins the epoch of an empty Redis. It outlives every place that a reader may come back with. The end of a quiet log moves
 * on, or who waits there would seem to come from before the log.
 */
const prelude = (keepMs: number): string => `${readTime}
local epoch, ms, seq = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'ms', 'seq'))
if not epoch then
  epoch, ms, seq = string.format('%.0f', time[1] * 1000000 + time[2]), now, 0
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'ms', string.format('%.0f', now), 'seq', 0)
end
ms, seq = tonumber(ms), tonumber(seq)
local function text(number) return string.format('%.0f', number) end
if ms < now - ${keepMs / 2} then
  ms = now
  redis.call('HSET', KEYS[1], 'ms', text(ms))
end
redis.call('PEXPIRE', KEYS[1], ${2 * keepMs})
`

/** KEYS: meta, list; ARGV: ids, or none for all. → Redis ms, version, seen, rows with their ids. */
const load = `
local version, seen = unpack(redis.call('HMGET', KEYS[2], '@version', '@seen'))
local rows = {}
if #ARGV == 0 then rows = redis.call('HGETALL', KEYS[2])
else
  for _, id in ipairs(ARGV) do
    local row = redis.call('HGET', KEYS[2], id)
    if row then rows[#rows + 1] = id rows[#rows + 1] = row end
  end
end
return { text(now), version or '0', seen or '', rows }`

/** KEYS: meta, list, steps; ARGV: version, ms since it was asked for, ms to keep. */
const touch = `
local version, seen = unpack(redis.call('HMGET', KEYS[2], '@version', '@seen'))
if version ~= ARGV[1] or not seen or seen == '' then return 0 end
local asked, rest = string.match(seen, '(%d+) %d+ (.*)')
asked = math.max(tonumber(asked), now - tonumber(ARGV[2]))
redis.call('HSET', KEYS[2], '@seen', text(asked) .. ' ' .. text(now) .. ' ' .. rest)
for i = 2, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
return 1`

/**
 * KEYS: meta, list, log of all, removed, steps; ARGV: beginning of keys, channel, version, ms to keep, most events, most steps, step
 * or '', seen, number of rows, id and row ('': gone) of each, organization and text of each event. → the new version, or false.
 */
const append = `
local from, channel, expected, keep, most, stepsMost, step, seen, count = unpack(ARGV, 1, 9)
if (redis.call('HGET', KEYS[2], '@version') or '0') ~= expected then return false end
keep, most, count = tonumber(keep), tonumber(most), tonumber(count)
for i = 10, 9 + 2 * count, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[i])
  else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
local function trim(log, texts, number)
  local excess = redis.call('XLEN', log) - most
  local oldest = now - keep
  for _, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', 20)) do
    if excess <= 0 and tonumber(string.match(entry[1], '^%d+')) >= oldest then return end
    excess = excess - 1
    redis.call('XDEL', log, entry[1])
    if texts then redis.call('HDEL', texts, entry[1]) end
    redis.call('HSET', KEYS[4], number, entry[1])
  end
end
local first = 10 + 2 * count
for i = first, #ARGV, 2 do
  local log, texts = from .. 'log:' .. ARGV[i], from .. 'texts:' .. ARGV[i]
  ms, seq = math.max(ms, now), seq + 1
  local id = text(ms) .. '-' .. text(seq)
  redis.call('XADD', log, id, 'o', ARGV[i])
  redis.call('HSET', texts, id, ARGV[i + 1])
  redis.call('XADD', KEYS[3], id, 'o', ARGV[i])
  trim(log, texts, ARGV[i])
  trim(KEYS[3], false, '0')
  for _, key in ipairs({ log, texts, KEYS[3] }) do redis.call('PEXPIRE', key, keep) end
end
redis.call('HSET', KEYS[1], 'ms', text(ms), 'seq', text(seq))
local version = epoch .. '.' .. redis.call('HINCRBY', KEYS[1], 'versions', 1)
redis.call('HSET', KEYS[2], '@version', version, '@seen', seen)
if step ~= '' then
  redis.call('RPUSH', KEYS[5], step)
  redis.call('LTRIM', KEYS[5], -stepsMost, -1)
end
for _, i in ipairs({ 2, 4, 5 }) do redis.call('PEXPIRE', KEYS[i], 2 * keep) end
if #ARGV >= first then redis.call('PUBLISH', channel, text(seq)) end
return version`

/**
 * KEYS: meta, removed; ARGV: beginning of keys, ms to keep, epoch ('': from the oldest), ms, seq, count, numbers of logs (0: all).
 * → epoch, last ms, last seq, gone, complete, then id, organization and text of each.
 */
const read = `
local from, keep, of, afterMs, afterSeq, count = unpack(ARGV, 1, 6)
afterMs, afterSeq, count = tonumber(afterMs), tonumber(afterSeq), tonumber(count)
local answer = { epoch, text(ms), text(seq), 0, 1 }
local gone = { epoch, text(ms), text(seq), 1, 1 }
local function isAfter(aMs, aSeq, bMs, bSeq) return aMs > bMs or (aMs == bMs and aSeq > bSeq) end
if of ~= '' and (of ~= epoch or afterMs < now - tonumber(keep) or isAfter(afterMs, afterSeq, ms, seq)) then return gone end
local start = of == '' and '-' or '(' .. ARGV[4] .. '-' .. ARGV[5]
local found = {}
for i = 7, #ARGV do
  local floor = of ~= '' and redis.call('HGET', KEYS[2], ARGV[i])
  if floor then
    local floorMs, floorSeq = string.match(floor, '(%d+)-(%d+)')
    if isAfter(tonumber(floorMs), tonumber(floorSeq), afterMs, afterSeq) then return gone end
  end
  for _, entry in ipairs(redis.call('XRANGE', from .. 'log:' .. ARGV[i], start, '+', 'COUNT', count + 1)) do
    local eMs, eSeq = string.match(entry[1], '(%d+)-(%d+)')
    found[#found + 1] = { entry[1], entry[2][2], tonumber(eMs), tonumber(eSeq) }
  end
end
if #ARGV > 7 then table.sort(found, function(a, b) return isAfter(b[3], b[4], a[3], a[4]) end) end
if #found > count then answer[5] = 0 end
for i = 1, math.min(count, #found) do
  local id, organization = found[i][1], found[i][2]
  local body = redis.call('HGET', from .. 'texts:' .. organization, id)
  -- The log of an organization lost it before the log of all together.
  if not body and of ~= '' then return gone end
  for _, part in ipairs({ id, organization, body or '' }) do answer[#answer + 1] = part end
end
return answer`

/** KEYS: meta, log, texts, removed; ARGV: where the newest one is, ms to keep, count, organization. → last lost id, then id and text of each. */
const readBack = `
local found = { redis.call('HGET', KEYS[4], ARGV[4]) or '' }
local oldest = text(math.max(0, now - tonumber(ARGV[2])))
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], ARGV[1], oldest, 'COUNT', ARGV[3])) do
  found[#found + 1] = entry[1]
  found[#found + 1] = redis.call('HGET', KEYS[3], entry[1]) or ''
end
return found`

/** KEYS: meta, lists. → Redis ms, seen of each. */
const seen = `
local found = { text(now) }
for i = 2, #KEYS do found[i] = redis.call('HGET', KEYS[i], '@seen') or '' end
return found`

/** KEYS: meta, list, steps. → Redis ms, seen, steps. */
const steps = `
return { text(now), redis.call('HGET', KEYS[2], '@seen') or '', redis.call('LRANGE', KEYS[3], 0, -1) }`

/** KEYS: meta, texts; ARGV: id and text of each. One that was removed meanwhile stays removed. */
const replace = `
for i = 1, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return 1`

/** The scripts of the log of events. Each makes the epoch of an empty Redis, so that none works without one. */
export const createEventScripts = (redis: Redis, keepMs: number) => {
  const texts = { load, touch, append, read, readBack, seen, steps, replace }
  return createScripts(redis, 'events', texts, prelude(keepMs))
}
