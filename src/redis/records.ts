import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Redis } from './redis.ts'

/** Small records with an end: gateway tokens, tickets, sessions. In this process, or in Redis for every instance. */
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

export const createMemoryRecords = (clock: Clock): Records => {
  const records = new LRUCache<string, { record: unknown; until: number }>({ max: 100_000 })
  const get = (key: string): unknown => {
    const kept = records.get(key)
    return kept && clock.now() < kept.until ? structuredClone(kept.record) : undefined
  }
  const put: Records['put'] = async (key, record, ttlMs) => {
    records.set(key, { record: structuredClone(record), until: clock.now() + ttlMs })
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
  return {
    put: async (key, record, ttlMs) => {
      await redis.run((client) =>
        client.set(redis.prefix + key, JSON.stringify(record), 'PX', Math.max(1, Math.round(ttlMs))),
      )
    },
    putNew: async (key, record, ttlMs) =>
      (await redis.run((client) =>
        client.set(redis.prefix + key, JSON.stringify(record), 'PX', Math.max(1, Math.round(ttlMs)), 'NX'),
      )) === 'OK',
    replace: async (key, record, ttlMs) => {
      await redis.run((client) =>
        client.set(redis.prefix + key, JSON.stringify(record), 'PX', Math.max(1, Math.round(ttlMs)), 'XX'),
      )
    },
    get: async (key) => parse(await redis.run((client) => client.get(redis.prefix + key))),
    take: async (key) => parse(await redis.run((client) => client.getdel(redis.prefix + key))),
  }
}
