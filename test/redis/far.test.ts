import { afterEach, expect, it } from '@jest/globals'
import { type BesideRedis, comesBack, endWhatIsLeft, startBeside } from '../failure/faulty-redis.ts'
import { type FaultProxy, startProxy } from '../support/fault-proxy.ts'
import { isLong } from '../support/long.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { createPacedClock, type PacedClock } from '../support/paced-clock.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
let link: FaultProxy
let clock: PacedClock
/** A gateway whose Redis answers after `latency` ms. Its time passes no faster than this process works. */
const startFar = async (latency: number, env: Record<string, string> = {}): Promise<BesideRedis> => {
  redis = await startRedis({})
  link = await startProxy({ to: { host: '127.0.0.1', port: redis.port } })
  await link.set({ latency })
  clock = createPacedClock()
  return startBeside(`redis://127.0.0.1:${link.port}`, { clock, env: { REDIS_TIMEOUT_MS: '50', ...env } })
}
afterEach(async () => {
  await endWhatIsLeft()
  await link.close()
  await redis.stop()
  clock.stop()
})

describeWithRedisServer('a Redis that is far away', () => {
  it.each(isLong ? [5, 40, 120] : [120])(
    'is used at %d ms, and found again after an outage',
    async (latency) => {
      const gateway = await startFar(latency)
      await comesBack(gateway)
      expect((await gateway.read(6)).status).toBe(200)
      await link.set('refuse')
      await link.set('cut')
      await until(async () => (await gateway.redisState()) === 'away')
      await link.set({ latency })
      await comesBack(gateway)
    },
  )

  it('is used when it moves away while the gateway works, and when it comes near again', async () => {
    const gateway = await startFar(1)
    for (const latency of isLong ? [120, 1, 60] : [120, 1]) {
      await link.set({ latency })
      await comesBack(gateway)
    }
  })

  it('is away when its answers take longer than REDIS_TIMEOUT_MAX_MS', async () => {
    const gateway = await startFar(1000, { REDIS_TIMEOUT_MAX_MS: '50' })
    await until(async () => (await gateway.redisState()) === 'away')
    expect((await gateway.add()).code).toBe('redis.unavailable')
    expect((await gateway.read(24)).status).toBe(200)
  })
})
