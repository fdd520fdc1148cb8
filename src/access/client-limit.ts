import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Caller } from './caller.ts'

type Client = Pick<Caller, 'id' | 'requestsPerMinute' | 'shadowRequestsPerMinute'>

/**
 * What one client may ask of this instance. A bucket holds at most `requestsPerMinute` tokens and fills at that rate. `wouldRefuse` is told each request that the limit
 * on trial, `shadowRequestsPerMinute`, would have refused.
 */
export const createClientLimit = (
  clock: Clock,
  concurrency: number,
  wouldRefuse: (client: string) => void = () => {},
) => {
  const buckets = new LRUCache<string, { tokens: number; at: number }>(atMost(50_000))
  const inFlight = new Map<string, number>()
  const tokensOf = ({ id, requestsPerMinute: quota }: Client, now: number): number => {
    const { tokens, at } = buckets.get(id) ?? { tokens: quota, at: now }
    return Math.min(quota, tokens + ((now - at) * quota) / 60_000)
  }
  /** The tokens before one was taken, if there was one. */
  const takeFrom = (client: Client, now: number): number => {
    const left = tokensOf(client, now)
    buckets.set(client.id, { tokens: left < 1 ? left : left - 1, at: now })
    return left
  }
  return {
    /** Takes the token of a request. @throws Failure `limit.exceeded` */
    take: (client: Client): void => {
      const { id, requestsPerMinute: quota, shadowRequestsPerMinute: shadow } = client
      const now = clock.now()
      if (shadow !== undefined && takeFrom({ id: `${id} shadow`, requestsPerMinute: shadow }, now) < 1)
        wouldRefuse(id)
      const left = takeFrom(client, now)
      if (left >= 1) return
      const waitMs = ((1 - left) * 60_000) / quota
      throw new Failure('limit.exceeded', {
        retryAfterMs: waitMs,
        headers: {
          'RateLimit-Policy': `"client";q=${quota};w=60`,
          RateLimit: `"client";r=0;t=${Math.max(1, Math.ceil(waitMs / 1000))}`,
        },
      })
    },
    /**
     * Takes more tokens, for the work that a request has caused. The bucket may fall below zero, to minus a full one: the
     * client then waits until it is filled again.
     */
    charge: (client: Client, tokens: number): void => {
      if (tokens === 0) return
      const now = clock.now()
      const left = Math.max(-client.requestsPerMinute, tokensOf(client, now) - tokens)
      buckets.set(client.id, { tokens: left, at: now })
    },
    /**
     * Counts a request in flight until the returned function is called. `weight` 1, and more for a large body. A client
     * with no other request in flight is never refused. @throws Failure `limit.concurrency`
     */
    enter: ({ id }: Client, weight: number): (() => void) => {
      const others = inFlight.get(id) ?? 0
      if (others > 0 && others + weight > concurrency)
        throw new Failure('limit.concurrency', {
          retryAfterMs: 1000,
          headers: {
            'RateLimit-Policy': `"concurrency";q=${concurrency};qu="concurrent-requests"`,
            RateLimit: `"concurrency";r=0`,
          },
        })
      inFlight.set(id, others + weight)
      return () => {
        const left = (inFlight.get(id) as number) - weight
        if (left > 0) inFlight.set(id, left)
        else inFlight.delete(id)
      }
    },
  }
}

export type ClientLimit = ReturnType<typeof createClientLimit>
