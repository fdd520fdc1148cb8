import { randomBytes } from 'node:crypto'
import { type Clock, pause } from '../clock.ts'
import type { Redis } from '../redis/redis.ts'
import { createConfirmations } from './confirmations.ts'

/**
 * COHERENCE: once a write is acknowledged, no instance serves the older list as fresh, and reads stay at memory speed.
 * (Leases: Gray & Cheriton 1989. Redis is one place whose scripts run one after the other.)
 *
 * Registry. Every instance beats every 500 ms: one script renews its lease in the registry (2 s by Redis time) and returns
 * the notices since its last beat. The instance trusts its memory until 1.9 s after it SENT its last answered beat, by
 * its own monotonic clock: that is always before the registry sees the lease end.
 * A beat that Redis ran late, out of a buffer after it stood still, renews nothing: its sender may long live by itself.
 *
 * Write. 1 bump the list's epoch (store), 2 announce: number a notice, put it in the log, publish it, read who holds a
 * lease, 3 wait until each of them has confirmed or its lease is over, 4 acknowledge. A notice makes an instance forget
 * the list before it confirms; it arrives by publication (1 ms) or, were that lost, with the next beat (500 ms).
 *
 * Why nothing older is fresh after 4, case by case; reader B, writer A, copy c of the older list:
 *  a. c in B's memory: B held a lease at 2, so 3 waited until B forgot c or B's lease ended; without a lease c is not fresh.
 *  b. B loads while A writes: B took the epoch before its load, so its fill after 1 is refused; if its fill came before
 *     1 but the answer to it comes after B's notice, B's generation has moved on and c is not remembered. Who joined that
 *     load after 4 (B had no lease and heard nothing) gets c as old: nobody vouches for it.
 *  c. B reads c out of the store before 1 and hears the notice before it remembers c: the same generation check; and when
 *     c is what B's own write made of the list, but A's notice comes before the answer to B's bump.
 *  d. B joins after 2: it has nothing in memory, and what it reads from the store carries an epoch that is over.
 *  e. B's lease lapsed and came back: the beat says so (or the log no longer reaches back), B's term ends, and every
 *     copy is held against the store's epoch before it counts as fresh again.
 *  f. B is stopped, cut off or slow: its own clock ends its trust before the registry drops it, and 3 waits for that.
 *  g. Redis was flushed, evicted keys or failed over: the registry forgot who holds leases. It then forgot A too, or lost
 *     A's connection: an A that is missing from it, joined it or connected less than one lease ago waits one whole lease.
 *     That B is missing is no confirmation, nor is the first beat of a B that was missing: it may not have heard the
 *     answer yet. A list's epoch is never one it had before (redis-store.ts), so nothing loaded before counts again.
 *  h. Redis is gone during 3: A waits one lease. Whoever reached Redis since has had the notice. Gone before 2: nobody
 *     was told, so A tries again for 2.5 s and then does not acknowledge.
 * What Redis itself loses after answering (a failover that drops the last writes of its master) is beyond this; with
 * `min-replicas-to-write` that is milliseconds. test/model explores all of this and takes out one guard at a time.
 */
export type Coherence = {
  /** Number of the trust that memory may be served under now; undefined: none. A copy counts as fresh under its own term only. */
  leaseTerm(): number | undefined
  /**
   * Resolves when no other instance serves a copy of `key` from before its bump as fresh: at most 2.5 s.
   * @throws Failure `redis.unavailable` when they could not be told
   */
  announce(key: string): Promise<void>
  /** Called when another instance wrote `key`: forget it, at once and without waiting. */
  onNotice(forget: (key: string) => void): void
  /** How many instances there are, or may be: the most that were seen within ten minutes, or that were planned. */
  expected(): number
  /** When this instance was last heard of by the registry, as far as it knows (monotonic ms). */
  lastHeartbeatAt(): number
  /** On a clean stop: gives the lease back, so that nobody waits for it. */
  close(): Promise<void>
}

/** Without Redis this process is the whole world. */
export const singleInstance: Coherence = {
  leaseTerm: () => 0,
  announce: async () => {},
  onNotice: () => {},
  expected: () => 1,
  lastHeartbeatAt: () => Number.NEGATIVE_INFINITY,
  close: async () => {},
}

const leaseMs = 2000
const beatMs = 500
// A beat that lay in a buffer for longer, while Redis or its link stood still, is no sign of life.
const lateMs = 250
/** Who was last heard of when it sent a beat at t counts as a member until t + this, and no longer. */
export const memberMs = leaseMs + lateMs
const safetyMs = 100
const announceAgainMs = 50
const announceMaxMs = 2500
const noticesKept = 2000
// An instance that is missing and did not say goodbye may be cut off and living on its own share; after this it is taken
// for dead. Only how many were alive at once counts: one that is restarted again and again is one.
const missedMs = 600_000
const registryKeepMs = 24 * 3600 * 1000

/**
 * Keys of the registry; one hash tag, so that scripts may touch them together. `born`: since when (Redis ms) this Redis
 * has forgotten nothing; whoever was told something by it before that cannot be known to it.
 */
export const registry = {
  members: '{gateway}:members',
  peak: '{gateway}:peak',
  confirmed: '{gateway}:confirmed',
  notices: '{gateway}:notices',
  counter: '{gateway}:counter',
  joined: '{gateway}:joined',
  redisDataSince: '{gateway}:born',
} as const
const keys = Object.values(registry)

const prelude = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local members, peak, confirmed, notices, counter, joined, born = unpack(KEYS)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ${registryKeepMs}) end
`

/**
 * ARGV: id, last notice seen, when it was sent by Redis time as far as its sender knows. → Redis time, then, unless it came
 * late: was a member, number of the last notice, the most instances seen, the notices missed or false.
 */
const beat = `${prelude}
if now - tonumber(ARGV[3]) > ${lateMs} then return { now } end
local member = tonumber(redis.call('ZSCORE', members, ARGV[1]) or '0') > now
if not member or redis.call('HEXISTS', joined, ARGV[1]) == 0 then redis.call('HSET', joined, ARGV[1], now) end
redis.call('SET', born, now, 'PX', ${registryKeepMs}, 'NX')
redis.call('ZADD', members, now + ${leaseMs}, ARGV[1])
redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
local most, at = string.match(redis.call('GET', peak) or '0 0', '(%d+) (%d+)')
-- Whoever was killed and started anew is not counted twice: only beats of this moment are.
local beating = redis.call('ZCOUNT', members, now + ${leaseMs - 600}, '+inf')
if beating >= tonumber(most) or now - tonumber(at) > ${missedMs} then
  most, at = beating, now
  redis.call('SET', peak, most .. ' ' .. at, 'PX', ${registryKeepMs})
end
local last = tonumber(redis.call('GET', counter) or '0')
local since = tonumber(ARGV[2])
redis.call('HSET', confirmed, ARGV[1], member and since <= last and since or 0)
local missed = false
if since == last then missed = {}
elseif since < last and last - since <= redis.call('LLEN', notices) then
  missed = redis.call('LRANGE', notices, since - last, -1)
end
return { now, member and 1 or 0, last, tonumber(most), missed }`
type BeatAnswer = [now: number, member: number, last: number, most: number, missed: Buffer[] | null]

/** ARGV: id, key, channel. → number, ms since I joined (0: I am no member), the members. */
const announceScript = `${prelude}
local number = redis.call('INCR', counter)
redis.call('RPUSH', notices, number .. ' ' .. ARGV[1] .. ' ' .. ARGV[2])
redis.call('LTRIM', notices, -${noticesKept}, -1)
redis.call('PEXPIRE', counter, ${registryKeepMs})
redis.call('PEXPIRE', notices, ${registryKeepMs})
redis.call('PUBLISH', ARGV[3], number .. ' ' .. ARGV[1] .. ' ' .. ARGV[2])
local member = tonumber(redis.call('ZSCORE', members, ARGV[1]) or '0') > now
local since = member and redis.call('HGET', joined, ARGV[1]) or now
return { number, now - since, redis.call('ZRANGEBYSCORE', members, now, '+inf') }`

/** ARGV: number, ids. → those of them whose beat confirmed that number. */
const confirmedScript = `${prelude}
local done = {}
for i = 2, #ARGV do
  if tonumber(redis.call('HGET', confirmed, ARGV[i]) or '0') >= tonumber(ARGV[1]) then done[#done + 1] = ARGV[i] end
end
return done`

const leave = `${prelude}
redis.call('ZREM', members, ARGV[1])
local most, at = string.match(redis.call('GET', peak) or '0 0', '(%d+) (%d+)')
if tonumber(most) > 0 then redis.call('SET', peak, (tonumber(most) - 1) .. ' ' .. at, 'PX', ${registryKeepMs}) end
redis.call('HDEL', confirmed, ARGV[1])
redis.call('HDEL', joined, ARGV[1])
return 1`

export const createCoherence = (options: { redis: Redis; clock: Clock; instances: number }): Coherence => {
  const { redis, clock } = options
  const id = randomBytes(6).toString('hex')
  const scripts = {
    beat: redis.script('coherenceBeat', beat, { dropOnWrongType: true }),
    announce: redis.tolerant.script('coherenceAnnounce', announceScript),
    confirmed: redis.script('coherenceConfirmed', confirmedScript),
    leave: redis.script('coherenceLeave', leave),
  }
  const channel = `${redis.prefix}{gateway}:notice`
  const confirmChannel = `${redis.prefix}{gateway}:confirm:`
  const listeners: ((key: string) => void)[] = []
  const confirmations = createConfirmations({
    clock,
    waitMs: leaseMs,
    ask: async (number, members) =>
      ((await scripts.confirmed(keys, number, ...members)) as Buffer[]).map(String),
  })

  let term = 0
  let trustedUntil = Number.NEGATIVE_INFINITY
  let last = 0
  /** Redis time less our own, by the last answer; the first beat of all only asks for it. */
  let redisAhead = Number.NEGATIVE_INFINITY
  let subscribed = false
  let connectedAt = Number.NEGATIVE_INFINITY
  /** What this instance has seen itself: a Redis that was emptied knows less. */
  let most = { count: 1, at: Number.NEGATIVE_INFINITY }
  let lastHeartbeatAt = Number.NEGATIVE_INFINITY
  let closed = false
  let beating: Promise<void> | undefined

  /** Whatever is remembered must be confirmed by the store before it counts as fresh. */
  const endTerm = (): void => {
    term++
  }
  const take = (notice: string): { number: number; writer: string } => {
    const [number, writer = '', ...key] = notice.split(' ')
    if (writer !== id) for (const forget of listeners) forget(key.join(' '))
    return { number: Number(number), writer }
  }

  /** False: it came too late to count. */
  const beatOnce = async (): Promise<boolean> => {
    const sentAt = clock.now()
    if (redis.state() === 'away') return false
    const before = lastHeartbeatAt
    lastHeartbeatAt = sentAt
    /** Redis has not taken it for a sign of life. */
    const unheard = (): void => {
      if (lastHeartbeatAt === sentAt) lastHeartbeatAt = before
    }
    const sentBy = Number.isFinite(redisAhead) ? Math.round(redisAhead + sentAt) : 0
    const answer = await scripts.beat(keys, id, last, sentBy).catch((error) => {
      if (redis.state() === 'ready') unheard()
      throw error
    })
    const [redisNow, member, latest, known, missed] = answer as BeatAnswer
    redisAhead = redisNow - clock.now()
    if (member === undefined) {
      unheard()
      return false
    }
    if (known >= most.count || sentAt - most.at > missedMs) most = { count: known, at: sentAt }
    if (missed === null) last = latest
    else for (const notice of missed) last = Math.max(last, take(notice.toString()).number)
    if (!member || missed === null) endTerm()
    // A lease that nobody can be told through would only make writers wait.
    if (subscribed) trustedUntil = sentAt + leaseMs - safetyMs
    return true
  }
  /** One that came late is given again at once; while Redis is away trust ends by itself. */
  const beatNow = (): Promise<void> =>
    beatOnce()
      .then((counted) => counted || beatOnce())
      .then(
        () => {},
        () => {},
      )
  const beatAndAgain = (): void => {
    if (closed) return
    beating = beatNow()
    void beating.then(() => clock.after(beatMs, beatAndAgain))
  }

  const subscriber = redis.subscribe({
    channels: [channel, confirmChannel + id],
    onReady: () => {
      // What was published while not connected is lost: the next beat brings it, and until then nothing is trusted.
      endTerm()
      subscribed = true
      connectedAt = clock.now()
      void beatNow()
    },
    onLost: () => {
      subscribed = false
      trustedUntil = Number.NEGATIVE_INFINITY
    },
    onMessage: (from, message) => {
      if (from !== channel) {
        const [number, member = ''] = message.split(' ')
        return confirmations.confirm(Number(number), member)
      }
      const { number, writer } = take(message)
      // Confirmed to the writer at once. `last` moves only without a gap: a beat fills gaps and confirms for good.
      if (number === last + 1) last = number
      if (writer !== id)
        redis.run((client) => client.publish(confirmChannel + writer, `${number} ${id}`)).catch(() => {})
    },
  })
  beatAndAgain()

  /** Told twice is fine; never told is not, however short Redis was away. */
  const announced = async (key: string): Promise<[number: number, memberMs: number, members: Buffer[]]> => {
    for (const until = clock.now() + announceMaxMs; ; await pause(clock, announceAgainMs))
      try {
        return (await scripts.announce(keys, id, key, channel)) as [number, number, Buffer[]]
      } catch (error) {
        if (clock.now() >= until || closed) throw error
      }
  }

  return {
    leaseTerm: () => (clock.now() < trustedUntil ? term : undefined),
    announce: async (key) => {
      const [number, memberMs, members] = await announced(key)
      const connectedMs = subscribed ? clock.now() - connectedAt : 0
      const youngMs = leaseMs - Math.min(memberMs, connectedMs)
      await Promise.all([
        youngMs > 0 && pause(clock, youngMs + safetyMs),
        confirmations.from(
          members.map(String).filter((member) => member !== id),
          number,
        ),
      ])
    },
    onNotice: (forget) => void listeners.push(forget),
    expected: () => Math.max(options.instances, most.count),
    lastHeartbeatAt: () => lastHeartbeatAt,
    close: async () => {
      closed = true
      trustedUntil = Number.NEGATIVE_INFINITY
      subscriber.close()
      await beating
      await scripts.leave(keys, id).catch(() => {})
    },
  }
}
