import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'

describeWithRedisServer('a cold herd on four instances', () => {
  let redis: TestRedis
  const gateways: TestGateway[] = []
  beforeAll(async () => {
    redis = await startRedis()
    await hasLostNothing(redis.client())
    const env = { REDIS_URL: redis.url, READ_DEADLINE_MS: '60000', CHATHUB_TIMEOUT_MS: '60000' }
    for (let i = 0; i < 4; i++)
      gateways.push(await startGateway({ env, ...(gateways[0] && { beside: gateways[0] }) }))
    for (const gateway of gateways)
      await until(async () => (await gateway.ask('GET', '/readyz', { key: '' })).body.redis === 'ready')
  })
  afterAll(async () => {
    for (const gateway of gateways.toReversed()) await gateway.close()
    await redis.stop()
  })

  const read = async (by: number, organization: number): Promise<number> => {
    const { url, key } = gateways[by % 4] as TestGateway
    const path = `${url}/v1/organizations/${organization}/operators`
    const answer = await fetch(path, { headers: { 'X-API-Key': key } })
    await answer.arrayBuffer()
    return answer.status
  }
  const listed = (organization: number): number =>
    (gateways[0] as TestGateway).simulator
      .arrivals()
      .filter((arrival) => arrival.route === 'list' && arrival.organization === organization).length

  it('M4: of 1,000 reads at once asks ChatHub for the list once', async () => {
    const hold = (gateways[0] as TestGateway).simulator.hold('list', 24)
    const answers = Array.from({ length: 1000 }, (_, i) => read(i, 24))
    await hold.arrived
    hold.release()
    expect([...new Set(await Promise.all(answers))]).toEqual([200])
    expect(listed(24)).toBe(1)
  })

  it('M5: waits for the lease of a loader that died, then asks ChatHub once', async () => {
    await redis.client().set('chathub:list:{operators:6}:claim', 'an-instance-that-died ahead', 'PX', 2000)
    expect(await Promise.all([0, 1, 2, 3].map((by) => read(by, 6)))).toEqual([200, 200, 200, 200])
    expect(listed(6)).toBe(1)
  })
})
