import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { ask, type Fleet, lapse, startFleet } from './fleet.ts'

describeWithRedisServer('a cold herd on four processes', () => {
  let redis: TestRedis
  let fleet: Fleet
  beforeAll(async () => {
    redis = await startRedis()
    fleet = await startFleet({
      environments: [{}, {}, {}, {}],
      env: { REDIS_URL: redis.url, CHATHUB_REQUESTS_PER_SECOND: '1000', READ_DEADLINE_MS: '15000' },
      simulator: ['--latency', '200', '--organizations', '10', '--operators', '50'],
    })
  })
  afterAll(async () => {
    await fleet.close()
    await redis.stop()
    await stopEverything()
  })

  const operatorLists = async (): Promise<number> =>
    (await fleet.arrivals()).filter(({ path }) => path.startsWith('/api/operator')).length
  const fault = (body: object): Promise<Response> =>
    fetch(`${fleet.simulator.url}/__sim/faults`, { method: 'POST', body: JSON.stringify(body) })

  it('M4: of 2,000 reads at once on four instances asks ChatHub for the list once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 2000 }, async (_, i) => {
        const answer = await ask(fleet.gateways[i % 4]!, 'GET', '/v1/organizations/24/operators')
        await answer.arrayBuffer()
        return answer.status
      }),
    )
    expect([...new Set(answers)]).toEqual([200])
    expect(await operatorLists()).toBe(1)
  })

  it('M5: a loader killed while it holds the right to load costs the others a lease at most', async () => {
    await fleet.forgetArrivals()
    const delay = await fault({ mode: 'delay', ms: 60_000, organization: 6, times: 1 })
    expect(delay.status).toBe(204)
    const victim = fleet.gateways[0]!
    const lost = ask(victim, 'GET', '/v1/organizations/6/operators').catch(() => undefined)
    await until(async () => (await operatorLists()) === 1)
    const others = [1, 2, 3].map((by) => ask(fleet.gateways[by]!, 'GET', '/v1/organizations/6/operators'))
    await lapse(100)
    victim.signal('SIGKILL')
    const began = performance.now()
    const answers = await Promise.all(others)
    const tookMs = performance.now() - began
    await lost
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await operatorLists()).toBe(2)
    // The lease of the claim is 2 s; the rest is the load itself.
    expect(tookMs).toBeLessThan(2000 + 2000)
  })
})
