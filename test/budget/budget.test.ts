import { afterAll, afterEach, expect, it } from '@jest/globals'
import { ask, type Fleet, lapse, startFleet } from '../coherence/fleet.ts'
import { type FaultProxy, startProxy } from '../support/fault-proxy.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { startDemand, useOf } from './demand.ts'

// Judges rates and shares of processes, so `npm test` leaves it out and `npm run test:long` runs it.
// test/throttle holds the short proofs.
const skew = (ms: number): string =>
  `--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+(${ms})`

describeWithRedisServer('one budget for three processes', () => {
  let redis: TestRedis
  let proxy: FaultProxy
  let fleet: Fleet

  const start = async (perSecond: number): Promise<void> => {
    redis = await startRedis()
    proxy = await startProxy({ to: { host: '127.0.0.1', port: redis.port } })
    fleet = await startFleet({
      // Two have wrong clocks, and the connection of the third to Redis can be cut.
      environments: [
        { NODE_OPTIONS: skew(60_000) },
        { NODE_OPTIONS: skew(-60_000) },
        { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
      ],
      env: {
        REDIS_URL: redis.url,
        CHATHUB_REQUESTS_PER_SECOND: String(perSecond),
        GATEWAY_INSTANCES: '3',
      },
      simulator: ['--organizations', '63', '--operators', '200'],
    })
    await ask(fleet.gateways[0]!, 'GET', '/v1/organizations')
  }
  afterEach(async () => {
    await fleet.close()
    await proxy.close()
    await redis.stop()
  })
  afterAll(stopEverything)

  const judge = async (perSecond: number, what: string): Promise<void> => {
    const { count, kept, discarded } = await fleet.busiest()
    process.stdout.write(
      `N=${perSecond}, ${what}: busiest second ${count}, windows kept ${kept}, discarded ${discarded}\n`,
    )
    expect(count).toBeLessThanOrEqual(perSecond)
    expect(kept).toBeGreaterThan(discarded)
  }
  /** Per cent of the budget used without faults; the best of a few stretches, since the machine may be busy. */
  const steady = async (perSecond: number, ms: number): Promise<number> => {
    await fleet.forgetArrivals()
    let best = 0
    for (let stretches = 0; best < 90 && stretches < 5; stretches++) {
      const before = (await fleet.arrivals()).length
      await lapse(ms)
      const use = useOf((await fleet.arrivals()).slice(before), perSecond)
      process.stdout.write(`N=${perSecond}: ${use} % used\n`)
      best = Math.max(best, use)
    }
    return best
  }

  it('lets at most 5 arrive in any second, whatever happens to Redis and the instances', async () => {
    await start(5)
    const demand = startDemand(fleet, { organizations: 60, readers: 24 })
    await lapse(1500)
    const use = await steady(5, 60_000)
    await judge(5, 'steady, clocks 60 s off')
    await redis.client().flushall()
    await lapse(10_000)
    await judge(5, 'after FLUSHALL')
    await redis.restart()
    await lapse(10_000)
    await judge(5, 'after kill -9 of Redis')
    // Each stop is long enough that each instance uses its own share, and ends at another moment of its second.
    for (let stop = 0; stop < 12; stop++) {
      redis.pause()
      await lapse(4500 + 500 * stop)
      redis.resume()
      await lapse(2000)
    }
    await judge(5, 'after Redis stood still')
    fleet.gateways[1]!.signal('SIGSTOP')
    await lapse(15_000)
    fleet.gateways[1]!.signal('SIGCONT')
    await lapse(5000)
    await judge(5, 'after an instance stood still')
    await demand.stop()
    expect(use).toBeGreaterThanOrEqual(90)
  }, 400_000)

  it('lets at most 5 arrive in any second while an instance that is cut off uses its own share', async () => {
    await start(5)
    const demand = startDemand(fleet, { organizations: 60, readers: 24 })
    await lapse(1000)
    await fleet.forgetArrivals()
    await proxy.set('blackhole')
    await lapse(20_000)
    await judge(5, 'one cut off')
    await proxy.set('pass')
    await lapse(10_000)
    await judge(5, 'after it came back')
    await fleet.join()
    await lapse(5000)
    fleet.gateways[0]!.signal('SIGTERM')
    await fleet.gateways.shift()!.exited
    await lapse(5000)
    await judge(5, 'after one joined and one left')
    await redis.kill()
    await lapse(20_000)
    await judge(5, 'Redis gone')
    const [last] = (await fleet.arrivals()).slice(-1)
    const before = (await fleet.arrivals()).length
    await until(async () => (await fleet.arrivals()).length > before)
    expect(last).toBeDefined()
    await demand.stop()
    await redis.restart()
  }, 240_000)

  it('lets at most 50 arrive in any second and uses nine tenths of it', async () => {
    await start(50)
    const demand = startDemand(fleet, { organizations: 60, readers: 120 })
    await lapse(1500)
    const use = await steady(50, 60_000)
    await judge(50, 'steady')
    await redis.client().flushall()
    await lapse(10_000)
    await judge(50, 'after FLUSHALL')
    await demand.stop()
    expect(use).toBeGreaterThanOrEqual(90)
  }, 240_000)
})
