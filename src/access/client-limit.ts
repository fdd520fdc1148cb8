import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Caller } from './caller.ts'

/** A token bucket of `requestsPerMinute` per client id, in this instance. @throws Failure `limit.exceeded` */
export type ClientLimit = (caller: Caller) => void

export const createClientLimit = (clock: Clock): ClientLimit => {
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: 50_000 })
  return ({ id, requestsPerMinute: quota }) => {
    const now = clock.now()
    let bucket = buckets.get(id)
    if (!bucket) {
      bucket = { tokens: quota, at: now }
      buckets.set(id, bucket)
    }
    bucket.tokens = Math.min(quota, bucket.tokens + ((now - bucket.at) * quota) / 60_000)
    bucket.at = now
    if (bucket.tokens < 1) {
      const waitMs = ((1 - bucket.tokens) * 60_000) / quota
      throw new Failure('limit.exceeded', {
        retryAfterMs: waitMs,
        headers: {
          'RateLimit-Policy': `"client";q=${quota};w=60`,
          RateLimit: `"client";r=0;t=${Math.max(1, Math.ceil(waitMs / 1000))}`,
        },
      })
    }
    bucket.tokens--
  }
}
