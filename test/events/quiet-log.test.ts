import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import { loggedEvent } from '../../src/events/event-text.ts'
import { createMemoryEventStore } from '../../src/events/memory-event-store.ts'
import { createRedisEventStore } from '../../src/events/redis-event-store.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

const usual = { keepMs: 3_600_000, eventsMax: 100 }

describe('the log of one process', () => {
  it('has no gap for who waits at its end, however long nothing is appended', async () => {
    const clock = createClock()
    const store = createMemoryEventStore(clock, usual)
    const first = await store.place()
    let place = first
    for (let halves = 0; halves < 5; halves++) {
      clock.jumpWall(usual.keepMs / 2 + 1)
      const page = await store.read(place, 'all', 10)
      if (page === 'gone') throw new Error(page)
      place = page.end
    }
    expect(await store.read(first, 'all', 10)).toBe('gone')
    await store.append(1, '0', { rows: new Map(), seen: undefined, events: [{ organization: 1, text: 'a' }] })
    expect(await store.read(place, 'all', 10)).toMatchObject({ logged: [{ text: 'a' }] })
  })
})

describe('the log of one process, over many organizations', () => {
  const text = JSON.stringify({ operator: { id: 1, name: 'Anna' }, padding: 'x'.repeat(1000) })
  const setUp = (bytesMax: number) => {
    const clock = createClock()
    const store = createMemoryEventStore(clock, { keepMs: 3_600_000, eventsMax: 10_000 }, bytesMax)
    const append = async (organization: number): Promise<void> => {
      const { version } = await store.load(organization, [])
      const change = { rows: new Map(), seen: undefined, events: [{ organization, text }] }
      await store.append(organization, version, change)
      await clock.advance(1)
    }
    return { store, append }
  }

  it('has a bound in memory: the oldest events go first, and who needs them is told that they are gone', async () => {
    const { store, append } = setUp(200_000)
    const begin = await store.place()
    for (let organization = 1; organization <= 1000; organization++) await append(organization)
    const kept = await Promise.all(
      Array.from(
        { length: 1000 },
        async (_, i) => (await store.readBack(i + 1, undefined, 10)).logged.length,
      ),
    )
    const count = kept.filter((length) => length > 0).length
    expect([count > 50, count < 200, kept[999]]).toEqual([true, true, 1])
    expect(await store.read(begin, 'all', 10)).toBe('gone')
    expect(await store.read(begin, [1], 10)).toBe('gone')
    expect(await store.read(begin, [1000], 10)).toMatchObject({ logged: [{ organization: 1000 }] })
  })

  it('shows an erased name no more, also not to who has read its event before', async () => {
    const { store, append } = setUp(200_000)
    const begin = await store.place()
    await append(24)
    const namesIn = async (organizations: number[] | 'all') => {
      const page = await store.read(begin, organizations, 10)
      if (page === 'gone') throw new Error(page)
      return page.logged.map((one) => loggedEvent(one, page.end.epoch).event.operator?.name)
    }
    expect([await namesIn([24]), await namesIn('all')]).toEqual([['Anna'], ['Anna']])
    let count = 0
    await store.rewrite(24, (before) => {
      count++
      return before.replace('Anna', '[erased]')
    })
    expect([await namesIn([24]), await namesIn('all'), count]).toEqual([['[erased]'], ['[erased]'], 1])
  })
})

describeWithRedis('the log in Redis', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())

  it('has no gap for who waits at its end, however long nothing is appended', async () => {
    const { url, prefix } = database
    const own = `${prefix}quiet:`
    const redis = createRedis({ url, prefix: own, clock: systemClock, commandMs: 20_000, report: () => {} })
    await until(() => redis.state() === 'ready')
    const store = createRedisEventStore(redis.tolerant, usual)
    const { ms } = await store.place()
    await database.client().hset(`${own}events:{events}:meta`, 'ms', ms - usual.keepMs)
    const place = await store.place()
    expect(place.ms).toBeGreaterThanOrEqual(ms)
    expect(await store.read(place, 'all', 10)).toMatchObject({ logged: [], isComplete: true })
    redis.close()
  })
})
