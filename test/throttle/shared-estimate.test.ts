import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { registry } from '../../src/cache/coherence.ts'
import { systemClock } from '../../src/clock.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { createSharedBudget } from '../../src/throttle/shared-budget.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

describeWithRedis('the estimate of the shared budget', () => {
  let database: TestDatabase
  let redis: Redis
  beforeAll(async () => {
    database = await openRedis()
    const { url, prefix } = database
    redis = createRedis({ url, prefix, clock: systemClock, report: () => {} })
    await until(() => redis.state() === 'ready')
  })
  afterAll(async () => {
    redis.close()
    await database.stop()
  })

  it('grows less as time passes, so that after a long pause calls are not refused for ever', async () => {
    const clock = createClock()
    const budget = createSharedBudget({
      redis,
      requestsPerSecond: 5,
      membership: { expected: () => 1, lastHeartbeatAt: () => 0 },
      clock,
      registry,
      memberMs: 2000,
    })
    budget.pause(60_000)
    await until(() => budget.status().pausedForMs > 0)
    let waitMs = 0
    while (waitMs < 30_000) waitMs = ((await budget.take('urgent')) as { waitMs: number }).waitMs
    expect(budget.estimate(0)).toBeGreaterThan(30_000)
    await clock.advance(50_000)
    expect(budget.estimate(0)).toBeLessThanOrEqual(10_000)
    await clock.advance(10_000)
    expect(budget.estimate(0)).toBe(0)
  })
})
