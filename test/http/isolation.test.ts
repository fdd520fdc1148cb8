import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { seen } from './seen.ts'

let gateway: TestGateway
beforeAll(async () => {
  // 6 is ChatHub's but not the caller's, 777 is nobody's, 999 stands in the caller's list and is nobody's.
  gateway = await startGateway({ clients: [{ id: 'few', organizations: [24, 999] }] })
  await ask('GET', '/v1/operators', undefined, 'all')
})
afterAll(() => gateway.close())

const ask = (method: string, path: string, body?: unknown, client = 'few') =>
  gateway.ask(method, path, { key: gateway.keys[client] as string, ...(body !== undefined && { body }) })
const foreign = 6
const nobodys = [777, 999]
const expiresAt = new Date(Date.now() + 3_600_000).toISOString()

const byOrganization: [string, string, (organization: number) => unknown][] = [
  ['GET', '/v1/organizations/ORG', () => undefined],
  ['GET', '/v1/organizations?ids=ORG', () => undefined],
  ['GET', '/v1/organizations/ORG/operators', () => undefined],
  ['GET', '/v1/organizations/ORG/operators?q=a&limit=1', () => undefined],
  ['GET', '/v1/organizations/ORG/operators/1', () => undefined],
  ['GET', '/v1/organizations/ORG/statistics', () => undefined],
  ['GET', '/v1/organizations/ORG/diagnosis', () => undefined],
  ['GET', '/v1/operators?organizations=ORG', () => undefined],
  ['GET', '/v1/audit?organizations=ORG', () => undefined],
  ['POST', '/v1/organizations/ORG/operators', () => ({ operators: [{ name: 'New One' }] })],
  ['POST', '/v1/organizations/ORG/operators', () => ({ operators: [{ name: 'José Núñez' }], dryRun: true })],
  ['PATCH', '/v1/organizations/ORG/operators/1', () => ({ status: 'inactive' })],
  ['DELETE', '/v1/organizations/ORG/operators/1', () => undefined],
  ['POST', '/v1/organizations/ORG/operators/1/tokens', () => ({})],
  ['POST', '/v1/organizations/ORG/operators:setStatus', () => ({ ids: [1], status: 'inactive' })],
  ['POST', '/v1/organizations/ORG/operators:onboard', () => ({ operators: [{ name: 'New One' }] })],
  ['POST', '/v1/organizations/ORG/assignments', () => ({ chatId: 'a' })],
  ['GET', '/v1/organizations/ORG/assignments/a', () => undefined],
  ['DELETE', '/v1/organizations/ORG/assignments/a', () => undefined],
  ['GET', '/api/operator?organizationId=ORG', () => undefined],
  ['POST', '/api/operator/synchronize', (organizationId) => [{ organizationId, name: 'A' }]],
  [
    'POST',
    '/api/operator/synchronize',
    (organizationId) => [
      { organizationId: 24, name: 'A' },
      { organizationId, name: 'B' },
    ],
  ],
]

const byOperator: [string, string, (id: number) => unknown][] = [
  ['GET', '/v1/operators/ID', () => undefined],
  ['GET', '/v1/organizations/24/operators/ID', () => undefined],
  ['PATCH', '/v1/organizations/24/operators/ID', () => ({ status: 'deleted' })],
  ['DELETE', '/v1/organizations/24/operators/ID', () => undefined],
  ['POST', '/v1/organizations/24/operators/ID/tokens', () => ({})],
  ['POST', '/api/operator/status', (id) => ({ id, status: 2 })],
  ['POST', '/api/operator/get-token', (id) => ({ id, expiresAt })],
]

const writes = () =>
  gateway.simulator.arrivals().filter(({ method, route }) => method === 'POST' && route !== 'login')

describe('a foreign organization is answered exactly like one that does not exist', () => {
  it.each(byOrganization)('%s %s', async (method, path, body) => {
    const before = gateway.simulator.operators()
    gateway.simulator.clearArrivals()
    const one = (organization: number) =>
      ask(method, path.replace('ORG', String(organization)), body(organization))
    const ours = seen(await one(foreign))
    expect(gateway.simulator.arrivals().filter(({ organization }) => organization === foreign)).toEqual([])
    for (const organization of nobodys) expect(seen(await one(organization))).toEqual(ours)
    expect(writes()).toEqual([])
    expect(gateway.simulator.operators()).toEqual(before)
    expect(ours.text).not.toMatch(/Sales|Олена|José/)
  })

  it('for a purge too', async () => {
    const one = (organization: number) => ask('POST', '/v1/cache:purge', { organization })
    expect(seen(await one(foreign))).toEqual(seen(await one(777)))
  })
})

describe('an operator of a foreign organization is answered exactly like one that does not exist', () => {
  it.each(byOperator)('%s %s', async (method, path, body) => {
    const before = gateway.simulator.operators()
    gateway.simulator.clearArrivals()
    const one = (id: number) => ask(method, path.replace('ID', String(id)), body(id))
    const ours = seen(await one(2))
    expect(ours.status).toBe(404)
    expect(seen(await one(123_456))).toEqual(ours)
    expect(writes()).toEqual([])
    expect(gateway.simulator.operators()).toEqual(before)
  })
})

describe('an answer about several organizations', () => {
  it('contains nothing of foreign organizations', async () => {
    for (const path of [
      '/v1/organizations',
      '/v1/operators',
      '/v1/statistics',
      '/api/company/organization',
      '/v1/operators?q=о',
    ]) {
      const { status, text } = await ask('GET', path)
      expect([path, status]).toEqual([path, 200])
      expect(text).not.toMatch(/Sales|Back Office|Олена|"id":6\b|"id":42\b/)
    }
  })

  it('is made for each caller separately, also directly after another caller', async () => {
    const all = await ask('GET', '/v1/organizations', undefined, 'all')
    const few = await ask('GET', '/v1/organizations')
    expect([all.body.total, few.body.total]).toEqual([3, 1])
    expect(few.headers['etag']).not.toBe(all.headers['etag'])
    const { status } = await gateway.ask('GET', '/v1/organizations', {
      key: gateway.keys['few'] as string,
      headers: { 'If-None-Match': all.headers['etag'] as string },
    })
    expect(status).toBe(200)
  })
})
