import { randomBytes } from 'node:crypto'
import { type Clock, pause } from '../clock.ts'
import { readTime } from '../redis/read-time.ts'
import type { Redis } from '../redis/redis.ts'
import { createConfirmations } from './confirmations.ts'

/**
 * Coherence: once a write is acknowledged, no instance serves the older list as fresh, and a fresh read asks nobody.
 *
 * Every instance holds a lease in the registry and renews it by heartbeats. A write numbers and publishes an
 * invalidation, and waits until each instance with a lease has confirmed it or that lease has ended. The rules and the
 * proof, cases a to h, are in docs/decisions/0005-coherence-by-leases.md; « case e » in a comment means that page.
 * test/model explores the protocol, and removes one guard at a time.
 */
export type Coherence = {
  /** The term under which memory is trusted now, or undefined. A copy is fresh only under the term it was kept in. */
  leaseTerm(): number | undefined
  /**
   * Resolves when no other instance serves what the message makes it forget as fresh; after 2.5 s at most.
   * @throws Failure `redis.unavailable` when the other instances could not be told
   */
  announce(message: string): Promise<void>
  /** `forget` is called with every message of another instance. It must forget at once, without waiting. */
  onInvalidation(forget: (message: string) => void): void
  /** How many instances there may be: the most seen within ten minutes, or as many as were planned. */
  expected(): number
  /** When the registry last counted a heartbeat of this instance, as far as it knows (monotonic ms). */
  lastHeartbeatAt(): number
  /** Gives the lease back, so that no writer waits for it. */
  close(): Promise<void>
}

/** The coherence of a process without Redis. */
export const singleInstance: Coherence = {
  leaseTerm: () => 0,
  announce: async () => {},
  onInvalidation: () => {},
  expected: () => 1,
  lastHeartbeatAt: () => Number.NEGATIVE_INFINITY,
  close: async () => {},
}

const leaseMs = 2000
const heartbeatMs = 500
// A heartbeat that waited in a buffer for longer, while Redis or its link stood still, proves nothing.
const lateMs = 250
/** An instance whose last counted heartbeat left at t counts as a member until t + this, and no longer. */
export const memberMs = leaseMs + lateMs
const safetyMs = 100
const announceAgainMs = 50
const announceMaxMs = 2500
const messagesKept = 2000
// A missing instance that did not say goodbye may be cut off and use its own share of the budget for this long.
const peakMs = 600_000
const registryKeepMs = 24 * 3600 * 1000

/** Keys of the registry, under one hash tag, so that one script may use them all. */
export const registry = {
  members: '{gateway}:members',
  peak: '{gateway}:peak',
  confirmed: '{gateway}:confirmed',
  messages: '{gateway}:invalidations',
  counter: '{gateway}:counter',
  joined: '{gateway}:joined',
  /** Since when (Redis ms) this Redis has lost nothing. */
  redisDataSince: '{gateway}:data-since',
} as const
const keys = Object.values(registry)

const prelude = `${readTime}
local members, peak, confirmed, messages, counter, joined, dataSince = unpack(KEYS)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ${registryKeepMs}) end
local function isMember() return tonumber(redis.call('ZSCORE', members, ARGV[1]) or '0') > now end
local function setPeak(count, at) redis.call('SET', peak, count .. ' ' .. at, 'PX', ${registryKeepMs}) end
local most, mostAt = string.match(redis.call('GET', peak) or '0 0', '(%d+) (%d+)')
`

/**
 * ARGV: id, number of the last message seen, when the sender sent it in Redis time. → Redis ms, then, unless it came
 * late: was a member, number of the last message, the most instances seen, the messages missed or false.
 */
const heartbeat = `${prelude}
if now - tonumber(ARGV[3]) > ${lateMs} then return { now } end
local wasMember = isMember()
if not wasMember or redis.call('HEXISTS', joined, ARGV[1]) == 0 then redis.call('HSET', joined, ARGV[1], now) end
redis.call('SET', dataSince, now, 'PX', ${registryKeepMs}, 'NX')
redis.call('ZADD', members, now + ${leaseMs}, ARGV[1])
redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
-- Only members with a recent heartbeat count: one that was killed and started again is not two.
local alive = redis.call('ZCOUNT', members, now + ${leaseMs - 600}, '+inf')
if alive >= tonumber(most) or now - tonumber(mostAt) > ${peakMs} then
  most = alive
  setPeak(most, now)
end
local last = tonumber(redis.call('GET', counter) or '0')
local seen = tonumber(ARGV[2])
-- Case g: the first heartbeat of one that was missing confirms nothing.
redis.call('HSET', confirmed, ARGV[1], wasMember and seen <= last and seen or 0)
local missed = false
if seen == last then missed = {}
elseif seen < last and last - seen <= redis.call('LLEN', messages) then
  missed = redis.call('LRANGE', messages, seen - last, -1)
end
return { now, wasMember and 1 or 0, last, tonumber(most), missed }`
type HeartbeatAnswer = [now: number, wasMember: number, last: number, most: number, missed: Buffer[] | null]

/** ARGV: id, message, channel. → its number, ms since this instance joined (0: it is no member), the members. */
const announce = `${prelude}
local number = redis.call('INCR', counter)
local line = number .. ' ' .. ARGV[1] .. ' ' .. ARGV[2]
redis.call('RPUSH', messages, line)
redis.call('LTRIM', messages, -${messagesKept}, -1)
for _, key in ipairs({ counter, messages }) do redis.call('PEXPIRE', key, ${registryKeepMs}) end
redis.call('PUBLISH', ARGV[3], line)
local since = isMember() and redis.call('HGET', joined, ARGV[1]) or now
return { number, now - since, redis.call('ZRANGEBYSCORE', members, now, '+inf') }`
type AnnounceAnswer = [number: number, joinedMs: number, members: Buffer[]]

/** ARGV: number, ids. → those of them whose heartbeat confirmed that number. */
const findConfirmed = `${prelude}
local found = {}
for i = 2, #ARGV do
  if tonumber(redis.call('HGET', confirmed, ARGV[i]) or '0') >= tonumber(ARGV[1]) then found[#found + 1] = ARGV[i] end
end
return found`

/** ARGV: id. */
const leave = `${prelude}
redis.call('ZREM', members, ARGV[1])
if tonumber(most) > 0 then setPeak(tonumber(most) - 1, mostAt) end
redis.call('HDEL', confirmed, ARGV[1])
return redis.call('HDEL', joined, ARGV[1])`

export const createCoherence = (options: { redis: Redis; clock: Clock; instances: number }): Coherence => {
  const { redis, clock } = options
  const id = randomBytes(6).toString('hex')
  const scripts = {
    heartbeat: redis.script('coherenceHeartbeat', heartbeat, { dropOnWrongType: true }),
    announce: redis.tolerant.script('coherenceAnnounce', announce),
    findConfirmed: redis.script('coherenceConfirmed', findConfirmed),
    leave: redis.script('coherenceLeave', leave),
  }
  const channel = `${redis.prefix}{gateway}:invalidation`
  const confirmChannel = `${redis.prefix}{gateway}:confirm:`
  const listeners: ((message: string) => void)[] = []
  const confirmations = createConfirmations({
    clock,
    waitMs: leaseMs,
    ask: async (number, members) =>
      ((await scripts.findConfirmed(keys, number, ...members)) as Buffer[]).map(String),
  })

  let term = 0
  let trustedUntil = Number.NEGATIVE_INFINITY
  let lastSeen = 0
  /** Redis time less our own, by the last answer. The first heartbeat only asks for it. */
  let redisAhead: number | undefined
  let connectedAt: number | undefined
  /** What this instance has seen itself; an emptied Redis knows less. */
  let most = { count: 1, at: Number.NEGATIVE_INFINITY }
  let lastHeartbeatAt = Number.NEGATIVE_INFINITY
  let closed = false
  let running: Promise<void> | undefined

  /** Every copy must be compared with the store before it is fresh again. */
  const endTerm = (): void => {
    term++
  }
  const receive = (line: string): { number: number; writer: string } => {
    const [number, writer = '', ...message] = line.split(' ')
    if (writer !== id) for (const forget of listeners) forget(message.join(' '))
    return { number: Number(number), writer }
  }

  /** False: Redis ran it too late, and it counts for nothing. */
  const sendHeartbeat = async (): Promise<boolean> => {
    const sentAt = clock.now()
    if (redis.state() === 'away') return false
    const before = lastHeartbeatAt
    lastHeartbeatAt = sentAt
    const notCounted = (): void => {
      if (lastHeartbeatAt === sentAt) lastHeartbeatAt = before
    }
    const sentByRedis = redisAhead === undefined ? 0 : Math.round(redisAhead + sentAt)
    const answer = await scripts.heartbeat(keys, id, lastSeen, sentByRedis).catch((error) => {
      if (redis.state() === 'ready') notCounted()
      throw error
    })
    const [redisNow, wasMember, last, known, missed] = answer as HeartbeatAnswer
    redisAhead = redisNow - clock.now()
    if (wasMember === undefined) {
      notCounted()
      return false
    }
    if (known >= most.count || sentAt - most.at > peakMs) most = { count: known, at: sentAt }
    if (missed === null) lastSeen = last
    else for (const line of missed) lastSeen = Math.max(lastSeen, receive(line.toString()).number)
    if (!wasMember || missed === null) endTerm() // case e
    // Case f: trust counts from the sending. A lease without a subscription would only make writers wait.
    if (connectedAt !== undefined) trustedUntil = sentAt + leaseMs - safetyMs
    return true
  }
  /** A heartbeat that came late is sent again at once. While Redis is away, trust runs out. */
  const heartbeatNow = async (): Promise<void> => {
    try {
      if (!(await sendHeartbeat())) await sendHeartbeat()
    } catch {
      // The next one is due soon.
    }
  }
  const heartbeatAndRepeat = (): void => {
    if (closed) return
    running = heartbeatNow()
    void running.then(() => clock.after(heartbeatMs, heartbeatAndRepeat))
  }

  const subscription = redis.subscribe({
    channels: [channel, confirmChannel + id],
    onReady: () => {
      // What was published while not connected is lost. The next heartbeat brings it; nothing is trusted until then.
      endTerm()
      connectedAt = clock.now()
      void heartbeatNow()
    },
    onLost: () => {
      connectedAt = undefined
      trustedUntil = Number.NEGATIVE_INFINITY
    },
    onMessage: (from, line) => {
      if (from !== channel) {
        const [number, member = ''] = line.split(' ')
        return confirmations.confirm(Number(number), member)
      }
      const { number, writer } = receive(line)
      // `lastSeen` moves only without a gap. A heartbeat fills gaps and confirms too.
      if (number === lastSeen + 1) lastSeen = number
      if (writer !== id)
        redis.run((client) => client.publish(confirmChannel + writer, `${number} ${id}`)).catch(() => {})
    },
  })
  heartbeatAndRepeat()

  /** Announcing twice is harmless. A write that is not announced is not acknowledged (case h). */
  const announceOrFail = async (message: string): Promise<AnnounceAnswer> => {
    for (const until = clock.now() + announceMaxMs; ; await pause(clock, announceAgainMs))
      try {
        return (await scripts.announce(keys, id, message, channel)) as AnnounceAnswer
      } catch (error) {
        if (clock.now() >= until || closed) throw error
      }
  }

  return {
    leaseTerm: () => (clock.now() < trustedUntil ? term : undefined),
    announce: async (message) => {
      const [number, joinedMs, members] = await announceOrFail(message)
      // Case g: a registry that this instance joined or reached just now may have lost the other members.
      const connectedMs = connectedAt === undefined ? 0 : clock.now() - connectedAt
      const unknownMs = leaseMs - Math.min(joinedMs, connectedMs)
      const others = members.map(String).filter((member) => member !== id)
      await Promise.all([
        unknownMs > 0 && pause(clock, unknownMs + safetyMs),
        confirmations.from(others, number),
      ])
    },
    onInvalidation: (forget) => void listeners.push(forget),
    expected: () => Math.max(options.instances, most.count),
    lastHeartbeatAt: () => lastHeartbeatAt,
    close: async () => {
      closed = true
      trustedUntil = Number.NEGATIVE_INFINITY
      subscription.close()
      await running
      await scripts.leave(keys, id).catch(() => {})
    },
  }
}
