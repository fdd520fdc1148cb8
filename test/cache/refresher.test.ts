import { describe, expect, it } from '@jest/globals'
import { type Cache, createCache } from '../../src/cache/cache.ts'
import { type Candidate, pickList } from '../../src/cache/pick-list.ts'
import { createRedisRates } from '../../src/cache/redis-rates.ts'
import { createRedisStore } from '../../src/cache/redis-store.ts'
import { createRefresher, type Reads, type Refreshed } from '../../src/cache/refresher.ts'
import { pause, systemClock } from '../../src/clock.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { createClock, settle } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { firstComeMs, optimumMs, type Readers, simulate } from './refresh-world.ts'

const freshMs = 60_000

/** A refresher on a hand-driven clock, before a cache whose loads are ended by hand. */
const setUp = ({ perSecond = 1, exchange = undefined as never, listened = [] as string[] } = {}) => {
  const clock = createClock()
  const begun: { key: string; isNew: boolean; at: number; lane: string }[] = []
  const failing = new Set<string>()
  const taken = new Set<string>()
  let hangs = false
  const cache: Refreshed = {
    freshMs,
    visit: () => {},
    remembered: () => undefined,
    refresh: async (key, { lane }, isNew) => {
      begun.push({ key, isNew, at: clock.now(), lane })
      if (failing.has(key)) throw new Error('down')
      if (hangs) await new Promise(() => {})
      return { askedAt: clock.now(), isOwn: !taken.has(key) }
    },
  }
  const refresher = createRefresher({
    ...{ clock, exchange, perSecond: () => perSecond, listened: () => listened },
    ...{ caches: () => [cache], cacheOf: () => cache },
  })
  const keys = () => begun.splice(0).map(({ key }) => key)
  return { clock, begun, failing, taken, refresher, keys, hang: () => (hangs = true) }
}

describe('the list that is picked', () => {
  const now = 100_000
  const pick = (...candidates: Candidate[]) => pickList(candidates, now)
  const list = (key: string, rate: number, ageMs: number): Candidate => ({ key, rate, since: now - ageMs })

  it('has the greatest rate × age², and one of which no copy is known counts as a day old', () => {
    expect(pick(list('a', 1, 3000), list('b', 8, 1000))).toBe('a')
    expect(pick(list('a', 1, 3000), list('b', 10, 1000))).toBe('b')
    expect(pick(list('b', 10, 1000), list('a', 1, 3000))).toBe('b')
    expect(pick(list('a', 1, Infinity), list('b', 2, Infinity), list('c', 1e3, 90_000))).toBe('b')
    expect([pick(), pick(list('a', 0, 5000))]).toEqual([undefined, undefined])
  })
})

describe('lists that are read', () => {
  it('are refreshed behind all other calls within the share, none before it is old, until nobody reads them', async () => {
    const { clock, begun, refresher, keys } = setUp()
    refresher.counted('a', 5)
    refresher.counted('b', 1)
    refresher.counted('c', 9)
    await clock.advance(5000)
    expect(begun.map(({ lane, isNew }) => [lane, isNew])).toEqual(Array(3).fill(['refreshes', false]))
    const times = begun.map(({ at }) => at)
    expect(times).toEqual([1000, 1000, 2000]) // two at first, since nothing was asked before
    expect(keys()).toEqual(['c', 'a', 'b'])
    await clock.advance(55_999)
    expect(keys()).toEqual([])
    await clock.advance(3000)
    expect(keys()).toEqual(['c', 'a', 'b'])
    await clock.advance(535_000)
    keys()
    await clock.advance(10_000)
    const { length } = keys()
    await clock.advance(600_000)
    expect([length, keys()]).toEqual([0, []])
  })

  it('that fail do not keep the others from their turn, and are tried again after a second', async () => {
    const { clock, failing, refresher, keys } = setUp({ perSecond: 0.5 })
    failing.add('bad')
    refresher.counted('bad', 1000)
    for (const key of ['a', 'b', 'c']) refresher.counted(key, 1)
    await clock.advance(7000)
    expect(keys()).toEqual(['bad', 'c', 'b', 'a', 'bad'])
  })

  it('cost nothing of the share when another instance has loaded them', async () => {
    const { clock, taken, refresher, keys } = setUp({ perSecond: 0.1 })
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      taken.add(key)
      refresher.counted(key, 1)
    }
    await clock.advance(1000)
    expect(keys()).toHaveLength(6)
  })

  it('count as read once a second while somebody listens, though no copy is known', async () => {
    const { clock, keys } = setUp({ listened: ['a'] })
    await clock.advance(700_000)
    expect(keys().length).toBeGreaterThanOrEqual(11)
  })

  it('are loaded again when that is asked for, whatever their age, and at most eight at a time', async () => {
    const { clock, begun, refresher, keys, hang } = setUp({ perSecond: 100 })
    refresher.counted('a', 1)
    await clock.advance(1000)
    refresher.loadAgain('a')
    await clock.advance(1000)
    expect(begun.map(({ key, isNew }) => [key, isNew])).toEqual([
      ['a', false],
      ['a', true],
    ])
    keys()
    hang()
    for (let i = 0; i < 20; i++) refresher.counted(`h${i}`, 1)
    await clock.advance(5000)
    expect(keys()).toHaveLength(8)
  })

  it('are refreshed only for a reader who found them old, and at once, when there is no share', async () => {
    const { clock, refresher, keys } = setUp({ perSecond: 0 })
    refresher.counted('a', 1)
    await clock.advance(100_000)
    expect(keys()).toEqual([])
    refresher.foundOld('a')
    refresher.foundOld('a')
    await settle()
    expect(keys()).toEqual(['a'])
  })

  it('go by the readers of all instances, and by the own ones while the others cannot be asked', async () => {
    const others: (Map<string, Reads> | Error)[] = [
      new Map([['b', { rate: 50, agoMs: 0 }]]),
      new Error('away'),
    ]
    const exchange = async () => {
      const next = others.shift()
      if (next instanceof Error) throw next
      return next ?? new Map()
    }
    const { clock, refresher, keys } = setUp({ perSecond: 1, exchange: exchange as never })
    refresher.counted('a', 10)
    await clock.advance(2000)
    expect(keys()).toEqual(['a', 'b'])
    await clock.advance(120_000)
    // Nobody here reads b, and nobody else was heard of.
    expect(keys().filter((key) => key === 'b')).toEqual([])
  })
})

describe('the mean age that readers get', () => {
  const readers: Readers = {
    ...{ seed: 1, zipf: 1.2, instances: 1, lists: 100, readsPerSecond: 10, perSecond: 0.4 },
    ...{ freshMs, warmUpMs: 900_000, measuredMs: 900_000 },
  }

  it.each([1, 3])(
    'is near the optimum with %d instances, which load no list twice in its fresh time',
    async (instances) => {
      const world = { ...readers, instances }
      const { meanMs, perSecond, soonestMs } = await simulate(world)
      expect(meanMs / optimumMs(world)).toBeLessThan(1.15)
      expect(meanMs / firstComeMs(world)).toBeLessThan(0.7)
      expect(perSecond).toBeLessThan(0.41)
      expect(soonestMs).toBeGreaterThanOrEqual(freshMs)
    },
  )
})

describeWithRedis('the rates that instances share', () => {
  it('are added up, and those of an instance replace its earlier ones', async () => {
    const database = await openRedis()
    const { url, prefix } = database
    const redis = createRedis({ url, prefix, clock: systemClock, commandMs: 20_000, report: () => {} })
    await until(() => redis.state() === 'ready')
    const [one, two, three] = [createRedisRates(redis), createRedisRates(redis), createRedisRates(redis)]
    const reads = (rate: number, agoMs: number) => new Map([['operators:24', { rate, agoMs }]])
    expect(await one(reads(1.00004, 5000))).toEqual(new Map())
    expect(await two(reads(2, 90_000))).toEqual(reads(1, 5000))
    await one(reads(5, 7000))
    expect(await three(new Map())).toEqual(reads(7, 7000))
    const ttl = await database.client().pttl(`${prefix}refresh:rates`)
    expect(ttl).toBeGreaterThan(0)
    await redis.run((client) => client.hset(`${prefix}refresh:rates`, 'old', '1 [["operators:24",9,0]]'))
    expect(await three(new Map())).toEqual(reads(7, 7000))
    expect(await database.client().hexists(`${prefix}refresh:rates`, 'old')).toBe(0)
    redis.close()
    await database.stop()
  })
})

describeWithRedis('two instances that come to the same lists at the same time', () => {
  it('load none of them twice in its fresh time', async () => {
    const database = await openRedis()
    const { url, prefix } = database
    const redis = createRedis({ url, prefix, clock: systemClock, commandMs: 20_000, report: () => {} })
    await until(() => redis.state() === 'ready')
    const keys = ['a', 'b', 'c', 'd', 'e']
    const loads = new Map(keys.map((key) => [key, [] as number[]]))
    const start = () => {
      const cacheOf = () => cache
      const refresher = createRefresher({
        ...{ clock: systemClock, perSecond: () => 1000, exchange: createRedisRates(redis), cacheOf },
        ...{ listened: () => keys, caches: () => [cache] },
      })
      const cache: Cache<string> = createCache<string>({
        ...{ list: 'operators', store: createRedisStore(redis, systemClock), refresher, decode: String },
        ...{ clock: systemClock, report: () => {} },
        times: { freshMs: 500, revalidateMs: 0, waitMs: 0, staleMs: 60_000 },
        load: async (key) => {
          const askedAt = systemClock.now()
          loads.get(key)?.push(askedAt)
          // The other instance comes meanwhile.
          await pause(systemClock, 20)
          return { value: key, bytes: Buffer.from(key), askedAt }
        },
      })
      return refresher.stop
    }
    const stopping = [start(), start()]
    const timesOf = () => [...loads.values()]
    await until(() => timesOf().every((times) => times.length >= 3))
    for (const stop of stopping) stop()
    const gaps = timesOf().flatMap((times) => times.slice(1).map((at, i) => at - (times[i] as number)))
    // Redis counts whole milliseconds.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(498)
    redis.close()
    await database.stop()
  })
})
