import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Caller } from './caller.ts'

/** Takes a request from the token bucket of a client id in this instance. @throws Failure `limit.exceeded` */
export type ClientLimit = (caller: Caller) => void

/** A bucket holds at most `requestsPerMinute` requests and fills at that rate. */
export const createClientLimit = (clock: Clock): ClientLimit => {
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: 50_000 })
  return ({ id, requestsPerMinute: quota }) => {
    const now = clock.now()
    const { tokens, at } = buckets.get(id) ?? { tokens: quota, at: now }
    const left = Math.min(quota, tokens + ((now - at) * quota) / 60_000)
    buckets.set(id, { tokens: left < 1 ? left : left - 1, at: now })
    if (left >= 1) return
    const waitMs = ((1 - left) * 60_000) / quota
    throw new Failure('limit.exceeded', {
      retryAfterMs: waitMs,
      headers: {
        'RateLimit-Policy': `"client";q=${quota};w=60`,
        RateLimit: `"client";r=0;t=${Math.max(1, Math.ceil(waitMs / 1000))}`,
      },
    })
  }
}
