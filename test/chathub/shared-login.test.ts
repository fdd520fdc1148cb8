import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const sharing = { TOKEN_ENCRYPTION_SECRET: 'a-secret-of-more-than-thirty-two-characters' }

let redis: TestRedis
let instances: TestGateway[] = []
beforeEach(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  for (const one of instances.toReversed()) await one.close()
  instances = []
  await redis.stop()
})

/** Two instances before a ChatHub that takes one login a second. */
const startTwo = async (env: Record<string, string>, loginSpacingMs = 1000): Promise<TestGateway[]> => {
  for (let i = 0; i < 2; i++)
    instances.push(
      await startGateway({
        env: { REDIS_URL: redis.url, ...env },
        simulator: { loginSpacingMs },
        // Leases do not matter here. An instance that takes Redis for away logs in without its turn.
        isAlone: true,
        ...(i > 0 && { beside: instances[0] as TestGateway }),
      }),
    )
  for (const { ask } of instances)
    await until(async () => (await ask('GET', '/readyz', { key: '' })).body.redis === 'ready')
  return instances
}
const simulator = () => (instances[0] as TestGateway).simulator
const logins = () =>
  simulator()
    .arrivals()
    .filter(({ route }) => route === 'login')
    .map(({ status }) => status)
/** The first call of each instance, at the same time. An own organization each, so that neither serves the other. */
const firstCalls = async () =>
  (
    await Promise.all(instances.map((one, i) => one.ask('GET', `/v1/organizations/${[24, 6][i]}/operators`)))
  ).map(({ status }) => status)

describeWithRedisServer('two instances that log in', () => {
  it('answer the first call on each with 200 by one login, and share its token encrypted', async () => {
    await startTwo(sharing)
    expect(await firstCalls()).toEqual([200, 200])
    expect(logins()).toEqual([200])
    const [token] = simulator().issuedTokens()
    const client = redis.client()
    expect(await client.get('chathub:{login}:token')).toMatch(/^[\w-]{60,}$/)
    for (const key of await client.keys('*'))
      if ((await client.type(key)) === 'string') expect(await client.get(key)).not.toContain(token)
    const told = instances.flatMap(({ reports }) => reports.filter(({ name }) => name === 'login'))
    expect(told.map((report) => 'result' in report && report.result).toSorted()).toEqual(['ok', 'shared'])
  })

  it('answer the first call on each with 200 without a shared token, one login after the other', async () => {
    await startTwo({ READ_DEADLINE_MS: '30000' })
    expect(await firstCalls()).toEqual([200, 200])
    expect(logins()).toEqual([200, 200])
  })

  it('renew a dead token by one login', async () => {
    await startTwo(sharing, 0)
    await firstCalls()
    simulator().revokeToken()
    simulator().clearArrivals()
    const answers = await Promise.all(
      instances.map((one) =>
        one.ask('GET', '/v1/organizations/24/operators', { headers: { 'Cache-Control': 'no-cache' } }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(logins()).toEqual([200])
  })

  it('log in when the token of the other one is dead too', async () => {
    await startTwo(sharing, 0)
    await firstCalls()
    simulator().revokeToken()
    await (instances[0] as TestGateway).ask('POST', '/v1/cache:purge', { body: {} })
    expect((await (instances[0] as TestGateway).ask('GET', '/v1/organizations/24/operators')).status).toBe(
      200,
    )
    // The second one still has the first token; the shared one dies as well.
    simulator().revokeToken()
    simulator().clearArrivals()
    expect(
      (
        await (instances[1] as TestGateway).ask('GET', '/v1/organizations/6/operators', {
          headers: { 'Cache-Control': 'no-cache' },
        })
      ).status,
    ).toBe(200)
    expect(logins()).toEqual([200])
  })

  it('go on alone while Redis is away', async () => {
    await startTwo(sharing, 0)
    await redis.kill()
    await until(() => instances.every(({ reports }) => reports.some(({ name }) => name === 'redis')))
    expect(await firstCalls()).toEqual([200, 200])
    expect(logins()).toEqual([200, 200])
  })
})
