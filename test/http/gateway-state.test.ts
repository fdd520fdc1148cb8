import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { scopes } from '../../src/contract/scopes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    clients: [
      {
        id: 'crm',
        organizations: [24, 6],
        scopes: ['operators:read', 'cache:purge'],
        requestsPerMinute: 1200,
        expiresAt: '2999-01-01T00:00:00Z',
      },
      { id: 'nobody', organizations: [], scopes: [] },
    ],
  })
})
afterAll(() => gateway.close())

const ask = (method: string, path: string, client = 'all', body?: unknown) =>
  gateway.ask(method, path, { key: gateway.keys[client] as string, ...(body !== undefined && { body }) })
const listCalls = (organization: number) =>
  gateway.simulator
    .arrivals()
    .filter((arrival) => arrival.route === 'list' && arrival.organization === organization).length

describe('/v1/me', () => {
  it('shows a caller its rights', async () => {
    expect((await ask('GET', '/v1/me', 'crm')).body).toEqual({
      id: 'crm',
      kind: 'key',
      scopes: ['operators:read', 'cache:purge'],
      organizations: [24, 6],
      requestsPerMinute: 1200,
      expiresAt: '2999-01-01T00:00:00.000Z',
    })
    expect((await ask('GET', '/v1/me')).body).toMatchObject({
      id: 'all',
      organizations: '*',
      scopes,
      expiresAt: null,
    })
  })

  it('needs a credential and no scope', async () => {
    expect((await ask('GET', '/v1/me', 'nobody')).body).toMatchObject({
      id: 'nobody',
      scopes: [],
      organizations: [],
    })
    expect((await gateway.ask('GET', '/v1/me', { key: '' })).status).toBe(401)
  })
})

describe('/v1/upstream', () => {
  it('shows the state of the connection to ChatHub, and never the token', async () => {
    await ask('GET', '/v1/organizations/24/operators')
    const { body, text } = await ask('GET', '/v1/upstream')
    expect(body).toMatchObject({
      token: { state: 'ready', source: 'login', detail: null },
      breaker: { state: 'closed' },
      redis: { state: 'none' },
      budget: { requestsPerSecond: 1000 },
      queue: { waiting: { people: 0, writes: 0, imports: 0, refreshes: 0 }, max: 200 },
    })
    expect(body.cache.lists).toBeGreaterThanOrEqual(1)
    for (const token of gateway.simulator.issuedTokens()) expect(text).not.toContain(token)
  })

  it('needs the scope admin', async () => {
    const { status, body } = await ask('GET', '/v1/upstream', 'crm')
    expect([status, body.code]).toEqual([403, 'scope.missing'])
    expect(body.errors[0].detail).toContain('admin')
  })
})

describe('/v1/cache:purge', () => {
  it('makes the next read of that organization ask ChatHub, and of no other organization', async () => {
    for (const organization of [24, 6]) await ask('GET', `/v1/organizations/${organization}/operators`)
    gateway.simulator.clearArrivals()
    gateway.simulator.changeOperator(101, { name: 'John Smythe' })
    const { status, text } = await ask('POST', '/v1/cache:purge', 'crm', { organization: 24 })
    expect([status, text]).toEqual([204, ''])
    const { body } = await ask('GET', '/v1/organizations/24/operators')
    expect(body.items[0].name).toBe('John Smythe')
    await ask('GET', '/v1/organizations/6/operators')
    expect([listCalls(24), listCalls(6)]).toEqual([1, 0])
  })

  it('of everything needs the right to every organization', async () => {
    for (const organization of [24, 6]) await ask('GET', `/v1/organizations/${organization}/operators`)
    gateway.simulator.clearArrivals()
    const refused = await ask('POST', '/v1/cache:purge', 'crm', {})
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/organization'])
    await ask('GET', '/v1/organizations/24/operators')
    expect(gateway.simulator.arrivals()).toEqual([])
    expect((await ask('POST', '/v1/cache:purge', 'all', {})).status).toBe(204)
    for (const organization of [24, 6]) await ask('GET', `/v1/organizations/${organization}/operators`)
    await ask('GET', '/v1/organizations')
    expect([listCalls(24), listCalls(6)]).toEqual([1, 1])
    expect(gateway.simulator.arrivals().filter(({ route }) => route === 'organizations')).toHaveLength(1)
  })

  it('names the faults of a body', async () => {
    for (const body of [{ organization: 0 }, { organization: '24' }, { org: 24 }, []])
      expect((await ask('POST', '/v1/cache:purge', 'all', body)).status).toBe(422)
  })
})
