import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Redis as Client } from 'ioredis'
import { registry } from '../../src/cache/coherence.ts'
import { pause, systemClock } from '../../src/clock.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { createSharedBudget } from '../../src/throttle/shared-budget.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** A request may leave between these two times of Redis. */
type Departure = { earliest: number; latest: number; roundTripMs: number }

const spacingMs = 1030
const limit = 3

describeWithRedis('instances at different distances from Redis', () => {
  let database: TestDatabase
  let client: Client
  let redis: Redis
  const redisNow = async (): Promise<number> => {
    const [seconds, microseconds] = await client.time()
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
  }
  beforeAll(async () => {
    database = await openRedis()
    client = database.client()
    const { url, prefix } = database
    redis = createRedis({ url, prefix, clock: createClock(), commandMs: 50, report: () => {} })
    await until(() => redis.state() === 'ready')
    await client.set(`${prefix}${registry.redisDataSince}`, (await redisNow()) - 60_000)
  })
  afterAll(async () => {
    redis.close()
    await database.stop()
  })

  it('take slots so that no N + 1 requests can leave within 1,030 ms', async () => {
    const membership = { expected: () => 1, lastHeartbeatAt: () => 0 }
    const common = { requestsPerSecond: limit, clock: systemClock, membership, registry, memberMs: 2250 }
    const distances = [0, 120, 5, 400]
    const budgets = distances.map((ms) =>
      createSharedBudget({ ...common, redis: { ...redis, roundTripMs: () => ms } }),
    )
    const departures: Departure[] = []
    const ring = `${database.prefix}{gateway}:budget:ring`
    for (let turn = 0; departures.length < 5 * limit; turn++) {
      const roundTripMs = distances[turn % distances.length] as number
      const earliest = await redisNow()
      const grant = await budgets[turn % distances.length]!.take('urgent')
      if ('slot' in grant)
        departures.push({ earliest, latest: Number(await client.lindex(ring, 0)), roundTripMs })
      else await pause(systemClock, Math.min(grant.waitMs, 50))
    }
    for (const { earliest, latest, roundTripMs } of departures)
      expect(latest - earliest).toBeGreaterThanOrEqual({ 0: 40, 5: 40, 120: 200, 400: 250 }[roundTripMs]!)
    // The exact time of a grant is not known here: it lies after `earliest`, so the last request of each group is bounded by it.
    const shortest = departures
      .slice(limit)
      .map(({ latest }, i) => latest - (departures[i] as Departure).latest)
    expect(departures.map(({ latest }) => latest)).toEqual(
      departures.map(({ latest }) => latest).toSorted((a, b) => a - b),
    )
    expect(Math.min(...shortest)).toBeGreaterThanOrEqual(spacingMs + 40)
  })
})
