import { createMemoryQuotas } from './memory-quotas.ts'
import {
  type Count,
  countsOf,
  keptTag,
  type ListChange,
  type QuotaOptions,
  type Quotas,
  quotaExceeded,
} from './quotas.ts'
import { readTime } from './read-time.ts'
import type { Redis } from './redis.ts'

/**
 * KEYS: for each count its members, scored by the time at which they end, and the sum of their weights; then lists.
 * ARGV: `take`, `extend` or `release`; how many counts; for each count member, limit, ms to keep; for each list member and
 * score, or `` to remove. Keys of counts that have another type begin anew. → nothing, or what is full: number of the count, sum, ms until the member fits.
 */
const change = `${readTime}
local mode, counts = ARGV[1], tonumber(ARGV[2])
for i = 1, counts do
  local kinds = redis.call('TYPE', KEYS[2 * i - 1]).ok .. redis.call('TYPE', KEYS[2 * i]).ok
  if kinds ~= 'zsetstring' and kinds ~= 'nonenone' then redis.call('UNLINK', KEYS[2 * i - 1], KEYS[2 * i]) end
end
local function weightOf(member) return tonumber(string.match(member, '%*(%d+)$')) or 1 end
local function remove(i, members)
  local less = 0
  for _, member in ipairs(members) do
    if redis.call('ZREM', KEYS[2 * i - 1], member) == 1 then less = less + weightOf(member) end
  end
  if less > 0 then redis.call('DECRBY', KEYS[2 * i], less) end
  return #members
end
local function removeEnded(i)
  return remove(i, redis.call('ZRANGEBYSCORE', KEYS[2 * i - 1], 0, now, 'LIMIT', 0, 200))
end
local function sumOf(i) return tonumber(redis.call('GET', KEYS[2 * i]) or 0) end
local function fitsIn(i, excess)
  local found = redis.call('ZRANGE', KEYS[2 * i - 1], 0, math.min(excess, 10000) - 1, 'WITHSCORES')
  local at = now
  for j = 1, #found, 2 do
    if excess <= 0 then break end
    excess = excess - weightOf(found[j])
    at = tonumber(found[j + 1])
  end
  return at - now
end
if mode == 'take' then
  for i = 1, counts do
    local member, limit = ARGV[3 * i], tonumber(ARGV[3 * i + 1])
    removeEnded(i)
    if not redis.call('ZSCORE', KEYS[2 * i - 1], member) then
      local excess = sumOf(i) + weightOf(member) - limit
      while excess > 0 and removeEnded(i) > 0 do excess = sumOf(i) + weightOf(member) - limit end
      if excess > 0 then return { i, sumOf(i), fitsIn(i, excess) } end
    end
  end
end
for i = 1, counts do
  local member, keep = ARGV[3 * i], tonumber(ARGV[3 * i + 2])
  if mode == 'release' then remove(i, { member })
  else
    local ends = string.format('%.0f', now + keep)
    if redis.call('ZADD', KEYS[2 * i - 1], ends, member) == 1 then
      redis.call('INCRBY', KEYS[2 * i], weightOf(member))
    end
    for k = 2 * i - 1, 2 * i do redis.call('PEXPIRE', KEYS[k], math.max(redis.call('PTTL', KEYS[k]), keep)) end
  end
end
for k = 2 * counts + 1, #KEYS do
  local at = 3 + 3 * counts + 2 * (k - 2 * counts - 1)
  if ARGV[at + 1] == '' then redis.call('ZREM', KEYS[k], ARGV[at])
  else redis.call('ZADD', KEYS[k], ARGV[at + 1], ARGV[at]) end
end
return false`

/** Counts that instances share, by the clock of Redis: one command, whatever it changes. */
export const createRedisQuotas = (redis: Redis, options: QuotaOptions): Quotas => {
  const script = redis.script('quotas', change)
  const run = async (
    mode: string,
    things: Parameters<typeof countsOf>[0],
    lists: readonly ListChange[] = [],
  ): Promise<void> => {
    const counts = countsOf(things, options)
    const keys = counts.flatMap(({ name }) => [`kept:${keptTag}:${name}`, `kept:${keptTag}:${name}:sum`])
    const args = counts.flatMap(({ member, limit, keepMs }) => [member, limit, keepMs])
    const answer = await script(
      [...keys, ...lists.map(({ key }) => key)],
      ...[mode, counts.length, ...args],
      ...lists.flatMap(({ member, score = '' }) => [member, score]),
    )
    if (!answer) return
    const [number, kept, fitsMs] = answer as [number, number, number]
    throw quotaExceeded(counts[number - 1] as Count, kept, fitsMs, options)
  }
  return {
    take: (...changed) => run('take', ...changed),
    extend: (...changed) => run('extend', ...changed),
    release: (...changed) => run('release', ...changed),
  }
}

/** The quotas over all instances, or of this process. */
export const createQuotas = ({ redis, ...options }: QuotaOptions & { redis: Redis | undefined }): Quotas =>
  redis ? createRedisQuotas(redis.tolerant, options) : createMemoryQuotas(options)
