import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Records } from '../redis/records.ts'

/**
 * How long a look-up is trusted. A session that another instance ended ends here within this time, and its event streams
 * within a second: they are checked twice a second.
 */
const shortTrustMs = 450
/** The same while Redis is away, because then no instance can end a session. */
const trustedAwayMs = 5 * 60_000

/**
 * Records that are looked up again and again. `keepAbsent`: that there is none is trusted too. `trustedMs`: endless for
 * records that never change.
 */
export const createTrustedRecords = <T>(options: {
  records: Records
  clock: Clock
  keepAbsent?: boolean
  trustedMs?: number
}) => {
  const { records, clock, keepAbsent = false, trustedMs = shortTrustMs } = options
  /** `at`: monotonic ms of the look-up. */
  const seen = new LRUCache<string, { record: T | undefined; at: number }>(atMost(10_000))
  return {
    /** @throws Failure `credential.unverifiable` while Redis is away and this instance has not seen the record */
    get: async (key: string): Promise<T | undefined> => {
      const known = seen.get(key)
      const age = known ? clock.now() - known.at : Number.POSITIVE_INFINITY
      if (known && age < trustedMs) return known.record
      try {
        const record = (await records.get(key)) as T | undefined
        if (record || keepAbsent) seen.set(key, { record, at: clock.now() })
        else seen.delete(key)
        return record
      } catch (cause) {
        if (!isFailure(cause, 'redis.unavailable')) throw cause
        if (known && age < trustedAwayMs) return known.record
        throw new Failure('credential.unverifiable', { retryAfterMs: 1000, cause })
      }
    },
    /** This instance knows better. The time of the look-up stays: a stored use must not extend the trust in it. */
    set: (key: string, record: T): void =>
      void seen.set(key, { record, at: seen.get(key)?.at ?? clock.now() }),
    forget: (key: string): void => void seen.delete(key),
  }
}
