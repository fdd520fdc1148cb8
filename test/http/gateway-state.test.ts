import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { hashKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'

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
      breaker: { state: 'closed', since: expect.any(String) },
      redis: { state: 'none', since: expect.any(String) },
      budget: { requestsPerSecond: 1000 },
      queue: { waiting: { people: 0, writes: 0, imports: 0, refreshes: 0 }, max: 200 },
    })
    expect(body.cache.lists).toBeGreaterThanOrEqual(1)
    expect(body.cache.organizations).toContainEqual({
      ...{ id: 24, name: 'Customer Support', operators: 3, ageSeconds: expect.any(Number) },
    })
    for (const token of gateway.simulator.issuedTokens()) expect(text).not.toContain(token)
  })

  it('needs the scope admin', async () => {
    const { status, body } = await ask('GET', '/v1/upstream', 'crm')
    expect([status, body.code]).toEqual([403, 'scope.missing'])
    expect(body.errors[0].detail).toContain('admin')
  })
})

describe('/v1/status', () => {
  it('says in words whether ChatHub, Redis and the budget are well, and since when', async () => {
    await ask('GET', '/v1/organizations/24/operators?status=active')
    const since = expect.stringMatching(/^\d{4}-.*Z$/)
    expect((await ask('GET', '/v1/status', 'crm')).body).toEqual({
      chathub: { state: 'ok', since },
      redis: { state: 'none', since },
      budget: { state: 'ok', since },
      checkedAt: since,
    })
    expect((await ask('GET', '/v1/status', 'nobody')).status).toBe(403)
  })

  it('tells a pause that ChatHub asked for, and the slower rate after it', async () => {
    const clock = createPacedClock()
    const own = await startGateway({ clock })
    const budget = async () => (await own.ask('GET', '/v1/status')).body.budget
    const before = await budget()
    own.simulator.fault({
      mode: 'status',
      route: 'list',
      status: 429,
      headers: { 'retry-after': '30' },
      times: 1,
    })
    await own.ask('GET', '/v1/organizations/24/operators')
    const paused = await budget()
    expect([before.state, paused.state]).toEqual(['ok', 'paused'])
    clock.jump(30_001)
    expect((await budget()).state).toBe('reduced')
    clock.jump(600_000)
    expect((await budget()).state).toBe('ok')
    await own.close()
  })
})

describe('/v1/clients', () => {
  it('lists the keys in the order of their file, two of one client as two, and no part of a hash', async () => {
    const own = await startGateway({
      clients: [
        { id: 'crm', scopes: ['operators:read'], organizations: [24, 6], expiresAt: '2999-01-01T00:00:00Z' },
        { id: 'crm', keyHash: hashKey('another-key-of-the-same-client-0123456789'), organizations: [42] },
        { id: 'admin', scopes: ['admin'], organizations: [24] },
      ],
    })
    await own.ask('GET', '/v1/me', { key: own.keys['admin'] as string })
    const all = await own.ask('GET', '/v1/clients')
    expect(all.body.items.map(({ id }: { id: string }) => id)).toEqual(['all', 'crm', 'crm', 'admin'])
    expect(all.body.items[1]).toEqual({
      ...{ id: 'crm', scopes: ['operators:read'], organizations: [24, 6] },
      ...{ expiresAt: '2999-01-01T00:00:00.000Z', lastUsedAt: null },
    })
    expect(all.body.items[3].lastUsedAt).toEqual(expect.any(String))
    for (const key of Object.values(own.keys)) expect(all.text).not.toContain(hashKey(key).slice(7, 23))
    // Of other organizations an admin learns nothing.
    const few = await own.ask('GET', '/v1/clients', { key: own.keys['admin'] as string })
    expect(
      few.body.items.map(({ id, organizations }: Record<string, unknown>) => [id, organizations]),
    ).toEqual([
      ['all', '*'],
      ['crm', [24]],
      ['admin', [24]],
    ])
    const asAdmin = { key: own.keys['admin'] as string }
    const { clients } = (await own.ask('GET', '/v1/upstream', asAdmin)).body
    expect(clients.map(({ id }: { id: string }) => id)).toEqual(['all', 'crm', 'admin'])
    await own.close()
    expect((await ask('GET', '/v1/clients', 'crm')).status).toBe(403)
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
