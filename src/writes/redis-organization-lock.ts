import { randomBytes } from 'node:crypto'
import { type Clock, every, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { createLocalOrganizationLock, type OrganizationLock } from './organization-lock.ts'

const leaseMs = 5000
const renewMs = 1000
// The holder stops this long before Redis lets go, so that what it sent last is not sent under another's lock.
const safetyMs = 1000
const pollMs = 25
// Who waits says so at each poll; who died while waiting holds nobody up for longer.
const waitingMs = 8 * pollMs
const keepMs = 24 * 3600 * 1000

// Keys keep the names of the first release: instances of both releases must exclude each other during an update.
export const lockKey = (organization: number): string => `ledger:{${organization}}:turn`

/**
 * ARGV: owner, lease ms. → 1 taken. One lease at a time; after it whoever said first that it waits, so that an instance
 * with many writes lets the others in. The same owner takes its own lease again: the answer to its asking was lost.
 */
const acquire = `
local holder = redis.call('GET', KEYS[1])
local first = redis.call('GET', KEYS[2])
if (holder and holder ~= ARGV[1]) or (first and first ~= ARGV[1]) then
  if not first or first == ARGV[1] then redis.call('SET', KEYS[2], ARGV[1], 'PX', ${waitingMs}) end
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
return 1`
const renew = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`
const release = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`

/**
 * ARGV: grace ms. → ms to wait. A Redis that was flushed forgot who holds a lock and what is on its way to ChatHub;
 * nobody sends before that must have ended. Asked after the lock was taken: a flush after that takes the lock away too.
 */
const graceAfterFlush = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], now, 'PX', ${keepMs}, 'NX')
return math.max(0, redis.call('GET', KEYS[1]) + tonumber(ARGV[1]) - now)`

/**
 * Turns over all instances: first come first served here, one lease at a time in Redis. `graceMs`: the longest a send
 * takes; who lost its lease to a flush learns that within one renewal.
 */
export const createRedisOrganizationLock = (options: {
  redis: Redis
  clock: Clock
  graceMs: number
  /** Key that says since when this Redis has forgotten nothing. */
  redisDataSince: string
}): OrganizationLock => {
  const { redis, clock, graceMs, redisDataSince } = options
  const here = createLocalOrganizationLock(clock)
  // One owner for all turns of this process, which take place one after the other.
  const owner = randomBytes(12).toString('base64url')
  const scripts = {
    acquire: redis.script('turnAcquire', acquire),
    renew: redis.script('turnRenew', renew),
    release: redis.script('turnRelease', release),
    youngFor: redis.script('turnYoungFor', graceAfterFlush),
  }

  return {
    withLock: (organization, context, work) =>
      here.withLock(organization, context, async () => {
        const lock = lockKey(organization)
        let liveUntil = Number.NEGATIVE_INFINITY
        let stopRenewing = (): void => {}
        const extend = async (ask: Promise<unknown>): Promise<boolean> => {
          const askedAt = clock.now()
          const kept = (await ask) === 1
          liveUntil = kept ? askedAt + leaseMs - safetyMs : Number.NEGATIVE_INFINITY
          return kept
        }
        const wait = async (ms: number): Promise<void> => {
          if (clock.now() + ms >= context.deadline)
            throw new Failure('queue.full', { retryAfterMs: Math.max(1000, ms) })
          await pause(clock, ms)
        }
        try {
          while (!(await extend(scripts.acquire([lock, `ledger:{${organization}}:waiting`], owner, leaseMs))))
            await wait(pollMs)
          stopRenewing = every(clock, renewMs, () => {
            extend(scripts.renew([lock], owner, leaseMs)).catch(() => {})
          })
          const youngMs = Number(await scripts.youngFor([redisDataSince], graceMs + renewMs + pollMs))
          if (youngMs > 0) await wait(youngMs)
          return await work({ owner, isHeld: () => clock.now() < liveUntil })
        } finally {
          stopRenewing()
          await scripts.release([lock], owner).catch(() => {})
        }
      }),
  }
}
