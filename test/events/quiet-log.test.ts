import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
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
