import { afterAll, afterEach, expect, it } from '@jest/globals'
import { ask, type Fleet, lapse, startFleet, until } from '../coherence/fleet.ts'
import { type FaultProxy, startProxy } from '../support/fault-proxy.ts'
import { isLong } from '../support/long.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { startDemand, useOf } from './demand.ts'

/** A stretch of the short form, in ms, and of the long one. */
const stretch = (short: number, longer: number): number => (isLong ? longer : short)
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
      // One by the wrong clock, an hour and a minute off; one whose way to Redis can be cut.
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
  }, 20_000)
  afterAll(stopEverything)

  const judge = async (perSecond: number, what: string): Promise<void> => {
    const { count, kept, discarded } = await fleet.busiest()
    process.stdout.write(
      `N=${perSecond}, ${what}: busiest second ${count}, windows kept ${kept}, discarded ${discarded}\n`,
    )
    expect(count).toBeLessThanOrEqual(perSecond)
    expect(kept).toBeGreaterThan(discarded)
  }
  /** Per cent of the budget used while nothing is wrong; the best of a few stretches, since a machine may be busy. */
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

  it('P3 M9: lets at most 5 arrive in any second, whatever happens to Redis and the instances', async () => {
    await start(5)
    const demand = startDemand(fleet, { organizations: 60, readers: 24 })
    await lapse(1500)
    const use = await steady(5, stretch(6000, 60_000))
    await judge(5, 'steady, clocks 60 s off')
    await redis.client().flushall()
    await lapse(stretch(1500, 10_000))
    await judge(5, 'after FLUSHALL')
    await redis.restart()
    await lapse(stretch(2500, 10_000))
    await judge(5, 'after kill -9 of Redis')
    // Long enough that each lives on its own share and comes back from it, whenever that is in its second.
    for (let stop = 0; stop < (isLong ? 12 : 1); stop++) {
      redis.pause()
      await lapse(4500 + 500 * stop)
      redis.resume()
      await lapse(2000)
    }
    await judge(5, 'after Redis stood still')
    fleet.gateways[1]!.signal('SIGSTOP')
    await lapse(stretch(3000, 15_000))
    fleet.gateways[1]!.signal('SIGCONT')
    await lapse(stretch(1000, 5000))
    await judge(5, 'after an instance stood still')
    await demand.stop()
    expect(use).toBeGreaterThanOrEqual(90)
  }, 400_000)

  it('M6: an instance that is cut off lives on its share, and all together stay within 5', async () => {
    await start(5)
    const demand = startDemand(fleet, { organizations: 60, readers: 24 })
    await lapse(1000)
    await fleet.forgetArrivals()
    await proxy.set('blackhole')
    await lapse(stretch(7000, 20_000))
    await judge(5, 'one cut off')
    await proxy.set('pass')
    await lapse(stretch(2000, 10_000))
    await judge(5, 'after it came back')
    await fleet.join()
    await lapse(stretch(1000, 5000))
    fleet.gateways[0]!.signal('SIGTERM')
    await fleet.gateways.shift()!.exited
    await lapse(stretch(500, 5000))
    await judge(5, 'after one joined and one left')
    await redis.kill()
    await lapse(stretch(5000, 20_000))
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
    const use = await steady(50, stretch(4000, 60_000))
    await judge(50, 'steady')
    await redis.client().flushall()
    await lapse(stretch(1500, 10_000))
    await judge(50, 'after FLUSHALL')
    await demand.stop()
    expect(use).toBeGreaterThanOrEqual(90)
  }, 240_000)
})
