import { afterEach, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import { createUsage } from '../../src/metrics/usage.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { createClock } from '../support/clock.ts'
import { startCutter } from '../support/cutter.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

const gateways: TestGateway[] = []
const start = async (options: Parameters<typeof startGateway>[0] = {}) => {
  const gateway = await startGateway({ clients: [crm, shop, few], ...options })
  gateways.push(gateway)
  return gateway
}
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close()
})
const crm = { id: 'crm' }
const few = { id: 'few', organizations: [24] }
const shop = { id: 'shop', organizations: [6], requestsPerMinute: 3, shadowRequestsPerMinute: 1 }
const operators = '/v1/organizations/24/operators'
type Item = Record<string, number | string>
const usageOf = async (gateway: TestGateway, client: string, query = ''): Promise<Item | undefined> =>
  (await gateway.ask('GET', `/v1/usage${query}`)).body.items.find((item: Item) => item['client'] === client)

describe('usage', () => {
  it('tells of each client what it asked, what that caused, and what the cache saved', async () => {
    const gateway = await start({ wall: () => Date.UTC(2026, 0, 1, 12) })
    const asCrm = { key: gateway.keys['crm'] as string }
    for (let times = 0; times < 4; times++) await gateway.ask('GET', operators, asCrm)
    const { status, body } = await gateway.ask('GET', '/v1/usage')
    expect([status, body.day]).toEqual([200, '2026-01-01'])
    expect(await usageOf(gateway, 'crm')).toMatchObject({
      requests: 4,
      fromCache: 3,
      refused: 0,
      wouldRefuse: 0,
    })
    // A login, the list of organizations, and the list of operators.
    expect((await usageOf(gateway, 'crm'))?.['calls']).toBe(3)
    expect((await gateway.ask('GET', '/v1/usage?day=2020-01-01')).body).toEqual({
      day: '2020-01-01',
      items: [],
    })
    expect((await gateway.ask('GET', '/v1/usage?day=yesterday')).status).toBe(400)
    await gateway.ask('GET', '/v1/me', { key: gateway.keys['shop'] as string })
    const byFew = await gateway.ask('GET', '/v1/usage', { key: gateway.keys['few'] as string })
    expect(byFew.body.items.map(({ client }: Item) => client).toSorted()).toEqual(['all', 'crm'])
    expect((await gateway.ask('GET', '/v1/usage', asCrm)).status).toBe(200)
  })

  it('counts refusals, and what a limit on trial would refuse', async () => {
    const gateway = await start()
    const asShop = { key: gateway.keys['shop'] as string }
    const statuses = []
    for (let times = 0; times < 5; times++) statuses.push((await gateway.ask('GET', '/v1/me', asShop)).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    expect(await usageOf(gateway, 'shop')).toMatchObject({ requests: 5, refused: 2, wouldRefuse: 4 })
  })

  it('counts sessions as the key that made them', async () => {
    const gateway = await start({
      env: { SESSION_SECRET: 's'.repeat(32), CORS_ORIGINS: 'https://crm.example.com' },
    })
    const body = { organizations: [24], scopes: ['operators:read'], origin: 'https://crm.example.com' }
    const { ticket } = (
      await gateway.ask('POST', '/v1/sessions', { key: gateway.keys['crm'] as string, body })
    ).body
    const headers = { Origin: 'https://crm.example.com' }
    const opened = await gateway.ask('POST', '/v1/session', { key: '', headers, body: { ticket } })
    const cookie = String(opened.headers['set-cookie']).split(';')[0] as string
    await gateway.ask('GET', '/v1/me', {
      key: '',
      headers: { ...headers, Cookie: cookie, 'X-Gateway-Session': '1' },
    })
    expect((await usageOf(gateway, 'crm'))?.['requests']).toBe(2)
  })
})

describeWithRedis('usage of several instances', () => {
  it('that Redis refuses is kept for later', async () => {
    const database: TestDatabase = await openRedis()
    const { url, prefix } = database
    const redis = createRedis({ url, prefix, clock: systemClock, commandMs: 20_000, report: () => {} })
    await redis.opened
    const usage = createUsage({ redis: () => redis, clock: createClock() })
    const day = '2026-01-01'
    usage.answered({ caller: { id: 'crm' }, freshness: undefined }, 200)
    await database.client().set(`${prefix}usage:${day}`, 'another type')
    await usage.stop()
    await database.client().unlink(`${prefix}usage:${day}`)
    await usage.stop()
    expect((await usage.read(day)).items).toMatchObject([{ client: 'crm', requests: 1 }])
    redis.close()
    await database.stop()
  })

  it('is added up, and outlives an instance', async () => {
    const database: TestDatabase = await openRedis()
    try {
      const env = { REDIS_URL: database.url, REDIS_PREFIX: database.prefix }
      const one = await start({ env, clients: [crm] })
      const two = await start({ env, beside: one, clients: [crm] })
      await Promise.all([one.gateway.opened, two.gateway.opened])
      for (const gateway of [one, two, two])
        await gateway.ask('GET', '/v1/me', { key: gateway.keys['crm'] as string })
      gateways.splice(gateways.indexOf(two), 1)
      await two.close()
      await until(async () => (await usageOf(one, 'crm'))?.['requests'] === 3)
    } finally {
      for (const gateway of gateways.splice(0)) await gateway.close()
      await database.stop()
    }
  })

  it('is added once, although the answer to that is lost', async () => {
    const database: TestDatabase = await openRedis()
    const link = await startCutter(Number(new URL(database.url).port))
    const { prefix } = database
    const redis = createRedis({
      url: link.url,
      prefix,
      clock: systemClock,
      commandMs: 1000,
      report: () => {},
    })
    const answers = async () => (await redis.attempt((client) => client.ping())) === 'PONG'
    try {
      const clock = createClock(Date.UTC(2026, 0, 1, 12))
      const usage = createUsage({ redis: () => redis.tolerant, clock })
      const kept = () => database.client().hget(`${prefix}usage:2026-01-01`, 'requests crm')
      const request = () => usage.answered({ caller: { id: 'crm' }, freshness: undefined }, 200)
      await until(answers)
      request()
      await clock.advance(10_000)
      await until(async () => (await kept()) === '1')
      request()
      const cut = link.cut((text) => text.includes('usage:'), { forward: true })
      await clock.advance(10_000)
      await cut
      expect(await kept()).toBe('2')
      await until(answers)
      request()
      await usage.stop()
      expect([await kept(), (await usage.read()).items]).toMatchObject([
        '3',
        [{ client: 'crm', requests: 3 }],
      ])
    } finally {
      redis.close()
      await link.close()
      await database.stop()
    }
  })
})
