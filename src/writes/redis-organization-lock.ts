import { randomBytes } from 'node:crypto'
import { type Clock, every, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import { readTime } from '../redis/read-time.ts'
import type { Redis } from '../redis/redis.ts'
import { createScripts } from '../redis/scripts.ts'
import { createLocalOrganizationLock, type OrganizationLock } from './organization-lock.ts'

const leaseMs = 5000
const renewMs = 1000
// The holder stops this long before its lease ends in Redis, so that its last request is not sent under another's lock.
const safetyMs = 1000
// A tenth of the time that was waited, within these bounds: many that wait for long must not keep Redis busy.
const pollMinMs = 25
const pollMaxMs = 250
const pollAfter = (waitedMs: number): number =>
  Math.round(Math.min(pollMaxMs, Math.max(pollMinMs, waitedMs / 10)))
// A waiter renews its claim at each poll; one that died delays the others no longer than so many.
const claimPolls = 8
const keepMs = 24 * 3600 * 1000

export const lockKey = (organization: number): string => `journal:{${organization}}:lock`

/**
 * KEYS: lock, waiting, since, then keys to read; ARGV: owner, ms to claim. → false, or Redis time, `since`, the values read.
 * A free lease goes to the first waiter, so that an instance with many writes lets the others in. An owner may take its
 * own lease again: the answer to its first attempt was lost.
 */
const acquire = `
local holder = redis.call('GET', KEYS[1])
local first = redis.call('GET', KEYS[2])
if (holder and holder ~= ARGV[1]) or (first and first ~= ARGV[1]) then
  if not first or first == ARGV[1] then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
  return false
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ${leaseMs})
redis.call('DEL', KEYS[2])${readTime}
local found = { now, redis.call('GETEX', KEYS[3], 'PX', ${keepMs}) }
for i = 4, #KEYS do found[i - 1] = redis.call('GET', KEYS[i]) end
return found`
/** KEYS: lock; ARGV: owner. → 0 when the lock is lost. */
const renew = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ${leaseMs})`
/** KEYS: lock, waiting; ARGV: owner. Who gave up waiting takes its claim back, so that it delays nobody. */
const release = `
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`
/** KEYS: lock, since; ARGV: owner, `since`. A Redis that was flushed meanwhile does not get it. */
const keepSince = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ${keepMs})
return 1`
const dataSince = `${readTime}
redis.call('SET', KEYS[1], now, 'PX', ${keepMs}, 'NX')
return redis.call('GET', KEYS[1])`

/**
 * The lock over all instances: in the order of request within this process, one lease at a time in Redis. A flushed Redis
 * has forgotten who holds a lock and what is in flight. So no instance sends before `graceMs`, the longest a request takes,
 * has passed since the flush. Each organization's `since` key says from when on Redis has forgotten nothing of it. It is
 * read with the lock, because a later flush removes the lock too. Without it the common key `redisDataSince` decides.
 */
export const createRedisOrganizationLock = (options: {
  redis: Redis
  clock: Clock
  graceMs: number
  redisDataSince: string
}): OrganizationLock => {
  const { redis, clock, redisDataSince } = options
  // A holder learns within one renewal that its lease is gone.
  const graceMs = options.graceMs + renewMs + pollMinMs
  const local = createLocalOrganizationLock(clock)
  // One owner for all locks of this process: those of one organization are held one after the other.
  const owner = randomBytes(12).toString('base64url')
  const scripts = createScripts(redis, 'lock', { acquire, renew, release, keepSince, dataSince })

  return {
    withLock: (organization, { deadline, signal }, work, reads = []) =>
      local.withLock(organization, { deadline }, async () => {
        const lock = lockKey(organization)
        const sinceKey = `journal:{${organization}}:since`
        let heldUntil = Number.NEGATIVE_INFINITY
        const extend = async (ask: Promise<unknown>): Promise<readonly (Buffer | null)[] | undefined> => {
          const askedAt = clock.now()
          const answer = await ask
          heldUntil = answer ? askedAt + leaseMs - safetyMs : Number.NEGATIVE_INFINITY
          return (answer as (Buffer | null)[] | 0 | null) || undefined
        }
        const waiting = `journal:{${organization}}:waiting`
        const begunAt = clock.now()
        const untilPoll = (): number => pollAfter(clock.now() - begunAt)
        const take = () =>
          extend(scripts.acquire([lock, waiting, sinceKey, ...reads], owner, claimPolls * untilPoll()))
        const wait = async (ms: number): Promise<void> => {
          if (clock.now() + ms < deadline) await pause(clock, ms, signal)
          else throw new Failure('queue.full', { retryAfterMs: Math.max(1000, ms) })
          if (signal?.aborted) throw new Failure('queue.full', { retryAfterMs: 1000 })
        }
        const sinceOfRedis = async (): Promise<number> => {
          const since = Number(await scripts.dataSince([redisDataSince]))
          await scripts.keepSince([lock, sinceKey], owner, since)
          return since
        }
        let isReleased = false
        const released = (): void => {
          isReleased = true
        }
        let stopRenewing = (): void => {}
        try {
          let found = await take()
          for (; !found; found = await take()) await wait(untilPoll())
          stopRenewing = every(
            clock,
            renewMs,
            () => void extend(scripts.renew([lock], owner)).catch(() => {}),
          )
          const [now, known, ...values] = found
          const since = known ? Number(known) : await sinceOfRedis()
          const graceLeftMs = since + graceMs - Number(now)
          if (graceLeftMs > 0) await wait(graceLeftMs)
          return await work({ owner, isHeld: () => !isReleased && clock.now() < heldUntil, released }, values)
        } finally {
          stopRenewing()
          if (!isReleased) await scripts.release([lock, waiting], owner).catch(() => {})
        }
      }),
  }
}
