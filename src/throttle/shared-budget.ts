import type { Clock } from '../clock.ts'
import type { Redis } from '../redis/redis.ts'
import { type Budget, type BudgetClass, createLocalBudget, type Grant } from './budget.ts'

/**
 * ONE BUDGET for all instances, granted by a script on Redis time: now or not now, never booked ahead.
 *
 * A request leaves at most 40 ms after its grant (the slot's age is looked at as it leaves), and no N + 1 grants lie
 * within 1,070 ms: so no N + 1 arrivals lie within a second, though one be 30 ms longer on its way than another. A ring
 * that is missing (flushed, restarted) stays shut for one window, since nobody knows what was granted before.
 *
 * An instance that cannot reach Redis cannot tell its own isolation from Redis's death. It asks nothing while it may
 * still be counted as alive and one window more; by then the shared side counts it as gone and keeps its share free, and it goes on with that share:
 * N ÷ the greater of GATEWAY_INSTANCES and the most instances seen. The shared side keeps that much free for each that is
 * missing. Back again, an instance takes nothing until what it sent by itself is a window old; the shared side too grows
 * only one window after an instance came back.
 */
const windowMs = 1070
const slotAgeMaxMs = 40
const askAgainMs = 20
// An instance missing this long without a goodbye is taken for dead, and its share is free again.
const missedMs = 600_000
const keepMs = 7 * 24 * 3600 * 1000

const keys = {
  ring: '{gateway}:budget:ring',
  background: '{gateway}:budget:background',
  pause: '{gateway}:budget:pause',
  slow: '{gateway}:budget:slow',
} as const

/** ARGV: N, class, instances expected. KEYS: as above, then the registry's. → stamp of the grant or 0, wait ms, rate. */
const take = `
local ring, background, paused, slow, members, joined, peak, born = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local full = tonumber(ARGV[1])
for i = 1, 2 do redis.call('PEXPIRE', KEYS[i], ${keepMs}) end

-- Who joined less than a window ago may have lived by itself just before; whoever asks does not.
local settled, instances = 0, redis.call('ZRANGEBYSCORE', members, now, '+inf')
for _, id in ipairs(instances) do
  if now - tonumber(redis.call('HGET', joined, id) or now) >= ${windowMs} then settled = settled + 1 end
end
local most, mostAt = string.match(redis.call('GET', peak) or '0 0', '(%d+) (%d+)')
if now - tonumber(mostAt) > ${missedMs} then most = 0 end
local expected = math.max(#instances, tonumber(most), tonumber(ARGV[3]), 1)
local rate = full - (expected - math.max(1, settled)) * math.floor(full / expected)

local slowed, slowedAt = string.match(redis.call('GET', slow) or '', '(%d+) (%d+)')
if slowed then
  local minutes = math.max(0, math.floor((now - tonumber(slowedAt)) / 60000))
  rate = math.min(rate, math.max(1, math.floor(tonumber(slowed) + minutes * math.max(1, full / 10))))
end

local pauseMs = redis.call('PTTL', paused)
if pauseMs > 0 then return { 0, pauseMs, rate } end
redis.call('SET', born, now, 'PX', ${keepMs}, 'NX')
local young = redis.call('GET', born) + ${windowMs} - now
if young > 0 then return { 0, math.min(young, ${windowMs}), rate } end
if tonumber(redis.call('LINDEX', ring, 0) or '0') > now then
  -- The clock was put back: what was granted in the last second cannot be told any more.
  redis.call('DEL', ring, background)
  redis.call('SET', born, now, 'PX', ${keepMs})
  return { 0, ${windowMs}, rate }
end

local oldest = tonumber(redis.call('LINDEX', ring, rate - 1) or '0')
if now - oldest < ${windowMs} then return { 0, oldest + ${windowMs} - now, rate } end
if ARGV[2] == 'background' then
  local share = math.max(1, rate - math.max(1, math.floor(0.4 * rate)))
  local first = tonumber(redis.call('LINDEX', background, share - 1) or '0')
  if now - first < ${windowMs} then return { 0, first + ${windowMs} - now, rate } end
  redis.call('LPUSH', background, now)
  redis.call('LTRIM', background, 0, full - 1)
end
redis.call('LPUSH', ring, now)
redis.call('LTRIM', ring, 0, full - 1)
return { now, 0, rate }`

/** ARGV: stamp, class. A grant that came to nothing is free again. */
const forfeit = `
redis.call('LREM', KEYS[1], 1, ARGV[1])
if ARGV[2] == 'background' then redis.call('LREM', KEYS[2], 1, ARGV[1]) end
return 1`

/** ARGV: ms, slowed rate. Several refusals of one burst slow down once. */
const pauseScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = redis.call('PTTL', KEYS[1])
if left < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end
if left <= 0 then redis.call('SET', KEYS[2], ARGV[2] .. ' ' .. (now + tonumber(ARGV[1])), 'PX', 3600000) end
return 1`

type Options = {
  redis: Redis
  requestsPerSecond: number
  clock: Clock
  membership: {
    /** How many instances there are or may be. */
    expected(): number
    /** When this instance was last heard of by the registry (monotonic ms). */
    lastHeartbeatAt(): number
  }
  /** Keys of the registry of instances, and of the age of this Redis. */
  registry: { members: string; joined: string; peak: string; redisDataSince: string }
  /** How long after it was last heard of an instance still counts as alive, ms. */
  memberMs: number
}

export const createSharedBudget = (options: Options): Budget => {
  const { clock, redis, requestsPerSecond } = options
  const { expected, lastHeartbeatAt } = options.membership
  const ask = redis.script('budgetTake', take, { dropOnWrongType: true })
  const giveBack = redis.script('budgetForfeit', forfeit)
  const tellPause = redis.script('budgetPause', pauseScript)
  const { members, joined, peak, redisDataSince } = options.registry
  const takeKeys = [...Object.values(keys), members, joined, peak, redisDataSince]

  let rate = requestsPerSecond
  const begunAt = clock.now()
  /** When Redis said that more would be granted. */
  let freeAt = Number.NEGATIVE_INFINITY
  /** Counts what this instance sent either way, so that a change of sides sees the last second whole. */
  const local = createLocalBudget({
    requestsPerSecond: () => Math.floor(requestsPerSecond / expected()),
    clock,
  })
  let livesAlone = false

  const takeAlone = (klass: BudgetClass): Grant => {
    // Alone in the world nobody else counts on anything; else the others must have noticed first.
    const countedUntil = Math.max(begunAt, lastHeartbeatAt()) + options.memberMs
    const shut = expected() === 1 ? 0 : countedUntil + windowMs - clock.now()
    if (shut > 0) return { waitMs: Math.min(shut, askAgainMs * 5) }
    livesAlone = true
    return local.status().requestsPerSecond < 1 ? { waitMs: 200 } : (local.take(klass) as Grant)
  }

  const grantOf = (stamp: number, askedAt: number, klass: BudgetClass): Grant => {
    let open = true
    const close = (): boolean => {
      const closed = open
      open = false
      return closed
    }
    return {
      slot: {
        consume: () => {
          if (clock.now() - askedAt > slotAgeMaxMs || !close()) return false
          local.note(klass)
          return true
        },
        release: () => {
          if (close()) giveBack([keys.ring, keys.background], stamp, klass).catch(() => {})
        },
      },
    }
  }

  return {
    take: async (klass) => {
      if (redis.state() === 'away') return takeAlone(klass)
      if (livesAlone) {
        const busy = local.idleInMs()
        if (busy > 0) return { waitMs: busy }
        livesAlone = false
      }
      const askedAt = clock.now()
      try {
        const answer = await ask(takeKeys, requestsPerSecond, klass, expected())
        const [stamp, waitMs, allowed] = answer as [number, number, number]
        rate = allowed
        freeAt = clock.now() + waitMs
        return stamp > 0 ? grantOf(stamp, askedAt, klass) : { waitMs: Math.max(1, waitMs) }
      } catch {
        // Away, or refusing what it is asked (full, a replica): either way nothing is granted there.
        return takeAlone(klass)
      }
    },
    estimate: (ahead) => Math.max(0, freeAt - clock.now()) + Math.floor(ahead / Math.max(1, rate)) * windowMs,
    pause: (ms) => {
      local.pause(ms)
      tellPause([keys.pause, keys.slow], Math.round(ms), Math.max(1, Math.floor((rate * 2) / 3))).catch(
        () => {},
      )
    },
    status: () => ({
      ...local.status(),
      requestsPerSecond,
      allowedNow: redis.state() === 'away' ? local.status().allowedNow : rate,
    }),
  }
}
