import type { Clock } from '../clock.ts'
import { readTime } from '../redis/read-time.ts'
import type { Redis } from '../redis/redis.ts'
import { type Budget, type BudgetClass, createLocalBudget, createSlot, type Grant } from './budget.ts'

/**
 * One budget for all instances. A script in Redis grants a slot by the clock of Redis or says when to ask again.
 *
 * Bound: a slot expires 40 ms after it was asked for, or later if Redis is far away. The list of grants holds when each
 * request leaves at the latest. A slot is granted only 1,030 ms after the N-th last of these times. So no N + 1 requests
 * arrive within a second, if none travels 30 ms longer than another. After Redis lost the list, nothing is granted for one
 * window.
 *
 * An instance that cannot reach Redis may be the only one that cannot. It sends nothing while the others may count it as
 * alive, and one window more. From then on the shared budget keeps its share free, and the instance uses that share: N
 * divided by the greater of GATEWAY_INSTANCES and the most instances seen. After its return it takes no shared slot until
 * its own last request is one window old. The shared budget counts it again one window after it joined.
 */
const spacingMs = 1030
const slotAgeMinMs = 40
const slotAgeMaxMs = 250
/** For how long a slot is good: time for the answer of Redis to travel, and for the request to be made. */
const slotAgeAt = (roundTripMs: number): number =>
  Math.min(slotAgeMaxMs, Math.max(slotAgeMinMs, Math.round(20 + 1.5 * roundTripMs)))
// After this time every request of an earlier grant has left one second ago, however far its instance is from Redis.
const windowMs = spacingMs + slotAgeMaxMs
const askAgainMs = 100
// An instance that is missing for longer counts as stopped, and its share is free again.
const missingMaxMs = 600_000
const keepMs = 7 * 24 * 3600 * 1000

const keys = {
  ring: '{gateway}:budget:ring',
  background: '{gateway}:budget:background',
  pause: '{gateway}:budget:pause',
  slow: '{gateway}:budget:slow',
} as const

/**
 * KEYS: those above, then those of the registry. ARGV: N, class, expected instances, the greatest age of the slot.
 * Returns when the request leaves at the latest or 0, the wait in ms, and the current rate. The lists hold these times.
 * They never decrease from one grant to the next, so the N-th last is the greatest of all before it.
 */
const take = `${readTime}
local ring, background, paused, slow, members, joined, peak, dataSince = unpack(KEYS)
local full = tonumber(ARGV[1])
for i = 1, 2 do redis.call('PEXPIRE', KEYS[i], ${keepMs}) end

-- An instance that joined less than one window ago may still have requests of its own share in flight.
local settled, instances = 0, redis.call('ZRANGEBYSCORE', members, now, '+inf')
for _, id in ipairs(instances) do
  if now - tonumber(redis.call('HGET', joined, id) or now) >= ${windowMs} then settled = settled + 1 end
end
local most, mostAt = string.match(redis.call('GET', peak) or '0 0', '(%d+) (%d+)')
if now - tonumber(mostAt) > ${missingMaxMs} then most = 0 end
local expected = math.max(#instances, tonumber(most), tonumber(ARGV[3]), 1)
local rate = full - (expected - math.max(1, settled)) * math.floor(full / expected)

local slowed, slowedAt = string.match(redis.call('GET', slow) or '', '(%d+) (%d+)')
if slowed then
  local minutes = math.max(0, math.floor((now - tonumber(slowedAt)) / 60000))
  rate = math.min(rate, math.max(1, math.floor(tonumber(slowed) + minutes * math.max(1, full / 10))))
end

local pauseMs = redis.call('PTTL', paused)
if pauseMs > 0 then return { 0, pauseMs, rate } end
redis.call('SET', dataSince, now, 'PX', ${keepMs}, 'NX')
local unknownMs = redis.call('GET', dataSince) + ${windowMs} - now
if unknownMs > 0 then return { 0, math.min(unknownMs, ${windowMs}), rate } end
local head = tonumber(redis.call('LINDEX', ring, 0) or '0')
if head > now + ${slotAgeMaxMs} then
  -- The clock was set back, so the age of earlier grants is unknown.
  redis.call('DEL', ring, background)
  redis.call('SET', dataSince, now, 'PX', ${keepMs})
  return { 0, ${windowMs}, rate }
end

local leaves = math.max(head, now + tonumber(ARGV[4]))
local oldest = tonumber(redis.call('LINDEX', ring, rate - 1) or '0')
if now - oldest < ${spacingMs} then return { 0, oldest + ${spacingMs} - now, rate } end
if ARGV[2] == 'background' then
  local share = math.max(1, rate - math.max(1, math.floor(0.4 * rate)))
  local first = tonumber(redis.call('LINDEX', background, share - 1) or '0')
  if now - first < ${spacingMs} then return { 0, first + ${spacingMs} - now, rate } end
  redis.call('LPUSH', background, leaves)
  redis.call('LTRIM', background, 0, full - 1)
end
redis.call('LPUSH', ring, leaves)
redis.call('LTRIM', ring, 0, full - 1)
return { leaves, 0, rate }`

/** ARGV: the time that was returned, class. Takes back a grant that was not used. */
const forfeit = `
redis.call('LREM', KEYS[1], 1, ARGV[1])
if ARGV[2] == 'background' then redis.call('LREM', KEYS[2], 1, ARGV[1]) end
return 1`

/** ARGV: ms, slowed rate. Several refusals of one burst slow down only once. */
const pause = `${readTime}
local left = redis.call('PTTL', KEYS[1])
if left < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end
if left <= 0 then redis.call('SET', KEYS[2], ARGV[2] .. ' ' .. (now + tonumber(ARGV[1])), 'PX', 3600000 + tonumber(ARGV[1])) end
return 1`

export const createSharedBudget = (options: {
  redis: Redis
  requestsPerSecond: number
  clock: Clock
  membership: {
    /** The greater of the planned instances and the most that were seen. */
    expected(): number
    /** When the registry last received a heartbeat of this instance (monotonic ms). */
    lastHeartbeatAt(): number
  }
  /** Keys of the registry of instances, and of the time since which Redis has its data. */
  registry: { members: string; joined: string; peak: string; redisDataSince: string }
  /** How long an instance counts as alive after its last heartbeat, ms. */
  memberMs: number
}): Budget => {
  const { clock, redis, requestsPerSecond } = options
  const { expected, lastHeartbeatAt } = options.membership
  const { members, joined, peak, redisDataSince } = options.registry
  const takeScript = redis.script('budgetTake', take, { dropOnWrongType: true })
  const forfeitScript = redis.script('budgetForfeit', forfeit)
  const pauseScript = redis.script('budgetPause', pause)
  const takeKeys = [...Object.values(keys), members, joined, peak, redisDataSince]

  const startedAt = clock.now()
  let rate = requestsPerSecond
  /** When Redis grants more, as far as it said. */
  let freeAt = Number.NEGATIVE_INFINITY
  /** Counts every request of this instance, so that its last second is known when it loses or regains Redis. */
  const ownShare = (): number => Math.floor(requestsPerSecond / expected())
  const local = createLocalBudget({ requestsPerSecond: ownShare, clock })
  let usesOwnShare = false

  const takeOwnShare = (budgetClass: BudgetClass): Grant => {
    const countedUntil = Math.max(startedAt, lastHeartbeatAt()) + options.memberMs
    // A single instance has nobody who must notice first.
    const closedMs = expected() === 1 ? 0 : countedUntil + windowMs - clock.now()
    if (closedMs > 0) return { waitMs: Math.min(closedMs, askAgainMs) }
    usesOwnShare = true
    return ownShare() < 1 ? { waitMs: askAgainMs } : (local.take(budgetClass) as Grant)
  }

  return {
    take: async (budgetClass) => {
      if (redis.state() === 'away') return takeOwnShare(budgetClass)
      if (usesOwnShare && local.idleInMs() > 0) return { waitMs: local.idleInMs() }
      usesOwnShare = false
      const askedAt = clock.now()
      try {
        const slotAgeMs = slotAgeAt(redis.roundTripMs())
        const answer = await takeScript(takeKeys, requestsPerSecond, budgetClass, expected(), slotAgeMs)
        const [leavesBy, waitMs, allowed] = answer as [number, number, number]
        rate = allowed
        freeAt = clock.now() + waitMs
        if (leavesBy === 0) return { waitMs: Math.max(1, waitMs) }
        const consume = (): void => local.note(budgetClass)
        const release = (): void =>
          void forfeitScript([keys.ring, keys.background], leavesBy, budgetClass).catch(() => {})
        const expired = (): boolean => clock.now() - askedAt > slotAgeMs
        const { pausedForMs } = local.status()
        if (pausedForMs > 0) {
          // Redis has lost the pause, or never got it.
          release()
          return { waitMs: pausedForMs }
        }
        return { slot: createSlot({ consume, release }, expired) }
      } catch {
        // Redis is away, or it refuses the script (full, or a replica). It grants nothing in either case.
        return takeOwnShare(budgetClass)
      }
    },
    estimate: (ahead) =>
      Math.max(0, freeAt - clock.now()) +
      Math.floor(ahead / Math.max(1, rate)) * (spacingMs + slotAgeAt(redis.roundTripMs())),
    pause: (ms) => {
      local.pause(ms)
      freeAt = Math.max(freeAt, clock.now() + ms)
      const slowed = Math.floor((rate * 2) / 3)
      pauseScript([keys.pause, keys.slow], Math.round(ms), slowed).catch(() => {})
    },
    status: () => ({
      ...local.status(),
      requestsPerSecond,
      allowedNow: redis.state() === 'away' ? local.status().allowedNow : rate,
    }),
  }
}
