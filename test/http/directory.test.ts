import { afterEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { startRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'

let open: TestGateway[] = []
const start = async (options: Parameters<typeof startGateway>[0]): Promise<TestGateway> => {
  const gateway = await startGateway(options)
  open.unshift(gateway)
  return gateway
}
afterEach(async () => {
  for (const gateway of open) await gateway.close()
  open = []
})
const listsAsked = ({ simulator }: TestGateway) =>
  simulator
    .arrivals()
    .filter(({ route }) => route === 'list')
    .map(({ organization }) => organization)

describe('the directory', () => {
  it('is partial at the deadline, answers 404 only when every list was searched, and is complete once ChatHub answers', async () => {
    const gateway = await start({ env: { READ_DEADLINE_MS: '600', CHATHUB_TIMEOUT_MS: '400' } })
    // So that the deadline is that of the lists alone.
    await gateway.ask('GET', '/v1/organizations')
    gateway.simulator.fault({ mode: 'hang', route: 'list', organization: 42 })
    const partial = await gateway.ask('GET', '/v1/operators')
    expect([partial.status, partial.body.unavailable]).toEqual([200, [42]])
    const doubtful = await gateway.ask('GET', '/v1/operators/99999999')
    expect([doubtful.status, doubtful.body.code]).toEqual([503, 'chathub.unavailable'])
    expect(Number(doubtful.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    gateway.simulator.clearFaults()
    const whole = await gateway.ask('GET', '/v1/operators')
    expect(whole.body.unavailable).toEqual([])
    expect((await gateway.ask('GET', '/v1/operators/99999999')).status).toBe(404)
  })
})

describe('an organization that ChatHub does not have', () => {
  it('costs no call while the list of organizations is fresh, and is 404 whatever ChatHub answers for its operators', async () => {
    const gateway = await start({})
    await gateway.ask('GET', '/v1/organizations')
    for (let i = 0; i < 10; i++) {
      const path = `/v1/organizations/${900_000 + (i % 2)}/operators`
      expect((await gateway.ask('GET', path)).status).toBe(404)
    }
    expect(listsAsked(gateway)).toEqual([])
    const another = await start({})
    another.simulator.fault({ mode: 'status', status: 403, route: 'list', organization: 900_000 })
    expect((await another.ask('GET', '/v1/organizations/900000/operators')).status).toBe(404)
  })
})

describe('no-cache', () => {
  const noCache = { headers: { 'Cache-Control': 'no-cache' } }
  it('works across all organizations too: an operator added in ChatHub a moment ago is found', async () => {
    const gateway = await start({})
    for (const path of ['/v1/operators', '/v1/statistics']) await gateway.ask('GET', path)
    const { id } = gateway.simulator.addOperator(6, 'Brand New')
    expect((await gateway.ask('GET', `/v1/operators/${id}`)).status).toBe(404)
    expect((await gateway.ask('GET', `/v1/operators/${id}`, noCache)).status).toBe(200)
    gateway.simulator.addOperator(6, 'Brand Newer')
    const search = '/v1/operators?q=brand'
    expect((await gateway.ask('GET', search)).body.total).toBe(1)
    expect((await gateway.ask('GET', search, noCache)).body.total).toBe(2)
    gateway.simulator.addOperator(42, 'Brand Newest')
    const { total } = (await gateway.ask('GET', '/v1/statistics')).body
    expect((await gateway.ask('GET', '/v1/statistics', noCache)).body.total).toBe(total + 1)
  })
})

describe('an answer made of several lists', () => {
  it('is as old as the oldest of them', async () => {
    const clock = createPacedClock()
    const gateway = await start({ clock })
    await gateway.ask('GET', '/v1/organizations')
    clock.jump(8000)
    expect(Number((await gateway.ask('GET', '/v1/operators')).headers['age'])).toBeGreaterThanOrEqual(8)
  })
})

describeWithRedisServer('the index of operators in Redis', () => {
  it('lets another instance load only the one list that is needed', async () => {
    const redis = await startRedis()
    await hasLostNothing(redis.client())
    const env = { REDIS_URL: redis.url, CACHE_FRESH_SECONDS: '1', CACHE_REVALIDATE_SECONDS: '0' }
    const first = await start({ env })
    for (const org of [6, 24, 42]) await first.ask('GET', `/v1/organizations/${org}/operators`)
    const client = redis.client()
    await until(async () => (await client.hget('chathub:operator-index', '101')) === '24')
    expect(await client.ttl('chathub:operator-index')).toBeGreaterThan(0)
    for (const key of await client.keys('chathub:list:*')) await client.del(key)
    const second = await start({ env, beside: first })
    first.simulator.clearArrivals()
    const found = await second.ask('GET', '/v1/operators/101')
    expect([found.status, found.body.organization.id]).toEqual([200, 24])
    expect(listsAsked(first)).toEqual([24])
    await second.close()
    open = [first]
    await first.close()
    open = []
    await redis.stop()
  })
})
