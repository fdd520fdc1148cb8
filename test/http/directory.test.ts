import { afterEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis } from '../support/redis.ts'

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
  it('is partial at the deadline, says 404 only when all was looked at, and is whole once ChatHub answers', async () => {
    const gateway = await start({ env: { READ_DEADLINE_MS: '600', CHATHUB_TIMEOUT_MS: '400' } })
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

describeWithRedisServer('the index of operators in Redis', () => {
  it('leads another instance to the one list that is needed', async () => {
    const redis = await startRedis()
    const env = { REDIS_URL: redis.url, CACHE_FRESH_SECONDS: '1', CACHE_REVALIDATE_SECONDS: '0' }
    const first = await start({ env })
    for (const org of [6, 24, 42]) await first.ask('GET', `/v1/organizations/${org}/operators`)
    const client = redis.client()
    while ((await client.hget('chathub:operator-index', '101')) !== '24') await new Promise(setImmediate)
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
