import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Redis } from './redis.ts'

/** Small records with an end: gateway tokens, sessions, kept answers. In this process, or in Redis for every instance. */
export type Records = {
  put(key: string, record: unknown, ttlMs: number): Promise<void>
  /** Like `put`, only while there is none. False: there is one. */
  putNew(key: string, record: unknown, ttlMs: number): Promise<boolean>
  /** Like `put`, only while the record is there. */
  replace(key: string, record: unknown, ttlMs: number): Promise<void>
  get(key: string): Promise<unknown>
  /** Reads and removes in one step: of two takers one gets it. */
  take(key: string): Promise<unknown>
}

const bytesMaxDefault = 64 * 1024 * 1024
// What ran out is let go this often, counted in records; what nobody asks for would stay else.
const sweepEvery = 1000

/** One room in this process, bounded by bytes: what fills it pushes out the longest unused of its own kind alone. */
export const createMemoryRecords = (clock: Clock, bytesMax = bytesMaxDefault): Records => {
  const records = new LRUCache<string, { text: string; until: number }>({
    maxSize: bytesMax,
    sizeCalculation: ({ text }, key) => 2 * (text.length + key.length) + 100,
  })
  let puts = 0
  const sweep = (): void => {
    for (const [key, { until }] of records.entries()) if (until <= clock.now()) records.delete(key)
  }
  const get = (key: string): unknown => {
    const kept = records.get(key)
    return kept && clock.now() < kept.until ? JSON.parse(kept.text) : undefined
  }
  const put: Records['put'] = async (key, record, ttlMs) => {
    records.set(key, { text: JSON.stringify(record), until: clock.now() + ttlMs })
    if (++puts % sweepEvery === 0) sweep()
  }
  return {
    put,
    putNew: async (key, record, ttlMs) => {
      if (get(key) !== undefined) return false
      await put(key, record, ttlMs)
      return true
    },
    replace: async (key, record, ttlMs) => {
      if (get(key) !== undefined) await put(key, record, ttlMs)
    },
    get: async (key) => get(key),
    take: async (key) => {
      const record = get(key)
      records.delete(key)
      return record
    },
  }
}

/** @throws Failure `redis.unavailable`: who cannot be looked up is not let in. */
export const createRedisRecords = (redis: Redis): Records => {
  const parse = (text: string | null): unknown => {
    try {
      return text === null ? undefined : JSON.parse(text)
    } catch {
      return undefined
    }
  }
  const setArgs = (...[key, record, ttlMs]: Parameters<Records['put']>) =>
    [redis.prefix + key, JSON.stringify(record), 'PX', Math.max(1, Math.round(ttlMs))] as const
  return {
    put: async (...kept) => void (await redis.run((client) => client.set(...setArgs(...kept)))),
    putNew: async (...kept) => (await redis.run((client) => client.set(...setArgs(...kept), 'NX'))) === 'OK',
    replace: async (...kept) => void (await redis.run((client) => client.set(...setArgs(...kept), 'XX'))),
    get: async (key) => parse(await redis.run((client) => client.get(redis.prefix + key))),
    take: async (key) => parse(await redis.run((client) => client.getdel(redis.prefix + key))),
  }
}
