import { LRUCache } from 'lru-cache'
import { type Clock, inSlices } from '../clock.ts'
import type { Redis } from './redis.ts'
import { scanKeys } from './scan-keys.ts'

/** Small records that expire: gateway tokens, sessions, stored answers. In this process, or in Redis for all instances. */
export type Records = {
  put(key: string, record: unknown, ttlMs: number): Promise<void>
  /** Puts the record only if there is none. False: there is one. */
  putNew(key: string, record: unknown, ttlMs: number): Promise<boolean>
  /** Puts the record only if there is one. */
  replace(key: string, record: unknown, ttlMs: number): Promise<void>
  get(key: string): Promise<unknown>
  /** Reads and removes in one step, so that only one of two callers gets the record. */
  take(key: string): Promise<unknown>
  /** Changes the records whose keys begin so. Undefined leaves one as it is. They expire as before. */
  rewrite(begin: string, change: (record: unknown) => unknown): Promise<void>
}

const bytesMaxDefault = 64 * 1024 * 1024
// Expired records are removed once in so many puts, because nobody may ask for them again.
const sweepEvery = 1000
const rewrittenAtOnce = 50

/** At most `bytesMax` bytes of records. The least recently used go first. */
export const createMemoryRecords = (clock: Clock, bytesMax = bytesMaxDefault): Records => {
  const records = new LRUCache<string, { text: string; until: number }>({
    maxSize: bytesMax,
    sizeCalculation: ({ text }, key) => 2 * (text.length + key.length) + 100,
  })
  let puts = 0
  const get = (key: string): unknown => {
    const kept = records.get(key)
    return kept && clock.now() < kept.until ? JSON.parse(kept.text) : undefined
  }
  const put: Records['put'] = async (key, record, ttlMs) => {
    records.set(key, { text: JSON.stringify(record), until: clock.now() + ttlMs })
    if (++puts % sweepEvery !== 0) return
    for (const [name, { until }] of records.entries()) if (until <= clock.now()) records.delete(name)
  }
  return {
    put,
    putNew: async (...kept) => get(kept[0]) === undefined && put(...kept).then(() => true),
    replace: async (...kept) => (get(kept[0]) === undefined ? undefined : put(...kept)),
    get: async (key) => get(key),
    rewrite: async (begin, change) => {
      // The keys as they are now: what is set becomes the first again. Another slice may replace or take a record.
      await inSlices([...records.keys()], (key) => {
        const kept = key.startsWith(begin) ? records.peek(key) : undefined
        const next = kept && kept.until > clock.now() ? change(JSON.parse(kept.text)) : undefined
        if (kept && next !== undefined) records.set(key, { ...kept, text: JSON.stringify(next) })
      })
    },
    take: async (key) => {
      const record = get(key)
      records.delete(key)
      return record
    },
  }
}

/** @throws Failure `redis.unavailable`, also from `get`: an unknown caller is not let in. */
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
    rewrite: async (begin, change) => {
      const rewriteOne = async (key: string): Promise<void> => {
        const record = parse(await redis.run((client) => client.get(redis.prefix + key)))
        const next = record === undefined ? undefined : change(record)
        if (next === undefined) return
        await redis.run((client) => client.set(redis.prefix + key, JSON.stringify(next), 'KEEPTTL', 'XX'))
      }
      const keys = await scanKeys(redis, `${begin}*`)
      for (let i = 0; i < keys.length; i += rewrittenAtOnce)
        await Promise.all(keys.slice(i, i + rewrittenAtOnce).map(rewriteOne))
    },
    take: async (key) => parse(await redis.run((client) => client.getdel(redis.prefix + key))),
  }
}
