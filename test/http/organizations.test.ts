import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const startedAt = Date.now()
let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    clients: [
      { id: 'few', organizations: [42, 24] },
      { id: 'none', organizations: [] },
      { id: 'reader', organizations: [24], scopes: ['operators:read'] },
    ],
  })
})
afterAll(() => gateway.close())

const get = (path: string, client = 'all') =>
  gateway.ask('GET', path, { key: gateway.keys[client] as string })
const support = { id: 24, name: 'Customer Support' }
const sales = { id: 6, name: 'Sales' }
const office = { id: 42, name: 'Back Office' }

describe('organizations', () => {
  it('are listed in ChatHub’s order', async () => {
    const { status, body } = await get('/v1/organizations')
    expect([status, body]).toEqual([200, { items: [support, sales, office], total: 3 }])
  })

  it('are only those that the caller may touch', async () => {
    expect((await get('/v1/organizations', 'few')).body).toEqual({ items: [support, office], total: 2 })
    expect((await get('/v1/organizations', 'none')).body).toEqual({ items: [], total: 0 })
  })

  it('are found by a part of the name, whatever its case, and by ids', async () => {
    expect((await get('/v1/organizations?q=OFFICE')).body.items).toEqual([office])
    expect((await get('/v1/organizations?q=back%20%20off')).body.items).toEqual([office])
    expect((await get('/v1/organizations?ids=6,24')).body).toEqual({ items: [support, sales], total: 2 })
    expect((await get('/v1/organizations?ids=6,24&q=sal')).body.items).toEqual([sales])
    expect((await get('/v1/organizations?ids=6,777', 'few')).body).toEqual({ items: [], total: 0 })
    expect((await get('/v1/organizations?q=')).body.total).toBe(3)
  })

  it('are returned one by one', async () => {
    expect((await get('/v1/organizations/24', 'few')).body).toEqual(support)
    const { status, body } = await get('/v1/organizations/6', 'few')
    expect([status, body.code]).toEqual([404, 'organization.unknown'])
  })

  it('that all seem to be gone are loaded a second time before that is accepted', async () => {
    const noCache = { key: gateway.key, headers: { 'Cache-Control': 'no-cache' } }
    await get('/v1/organizations')
    gateway.simulator.fault({ mode: 'raw', route: 'organizations', body: '[]', status: 200, times: 1 })
    expect((await gateway.ask('GET', '/v1/organizations', noCache)).body.total).toBe(3)
    expect(gateway.reports).toContainEqual({ name: 'list-shrank', before: 3, after: 3, confirmed: false })
    expect((await get('/v1/organizations/24/operators')).status).toBe(200)
  })

  it('name every fault of a query', async () => {
    for (const [path, pointers] of [
      ['/v1/organizations?ids=6,,24', ['/query/ids']],
      ['/v1/organizations?ids=0', ['/query/ids']],
      ['/v1/organizations?ids=6;24&q=a&q=b', ['/query/ids', '/query/q']],
      [`/v1/organizations?q=${'a'.repeat(201)}&ids=x&page=2`, ['/query/ids', '/query/page', '/query/q']],
      ['/v1/organizations/024', ['/path/org']],
      ['/v1/organizations/2147483648', ['/path/org']],
      ['/v1/organizations/24?fields=name', ['/query/fields']],
    ] as const) {
      const { status, body } = await get(path)
      const found = body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()
      expect([path, status, body.code, found]).toEqual([path, 400, 'request.invalid', pointers])
    }
  })

  it('made in ChatHub a moment ago are known at once when a fresh list is asked for', async () => {
    gateway.simulator.addOrganization(99, 'New one')
    const { body } = await gateway.ask('GET', '/v1/organizations', {
      headers: { 'Cache-Control': 'no-cache' },
    })
    expect(body.items).toContainEqual({ id: 99, name: 'New one' })
    gateway.simulator.removeOrganization(99)
    await gateway.ask('GET', '/v1/organizations', { headers: { 'Cache-Control': 'no-cache' } })
  })

  it('are kept when ChatHub answers with an invalid list', async () => {
    gateway.simulator.fault({ mode: 'raw', route: 'organizations', body: '{"message":"hello"}', times: 1 })
    const broken = await gateway.ask('GET', '/v1/organizations', { headers: { 'Cache-Control': 'no-cache' } })
    expect([broken.status, broken.body.code]).toEqual([502, 'chathub.invalid-response'])
    expect((await get('/v1/organizations')).body.total).toBe(3)
  })
})

describe('the diagnosis', () => {
  const codes = async (path: string, client?: string) => {
    const { body } = await get(path, client)
    return [body.known, body.operators, body.advice.map(({ code }: { code: string }) => code)]
  }

  it('reports that nothing is wrong, with the number of operators and the time of the list', async () => {
    const { body } = await get('/v1/organizations/24/diagnosis')
    expect(body).toMatchObject({ known: true, allowed: true, operators: 3, advice: [{ code: 'ok' }] })
    const at = Date.parse(body.lastAsked)
    // It is worked out of two clocks.
    expect([at >= startedAt - 1, at <= Date.now() + 1]).toEqual([true, true])
  })

  it('explains an unknown organization, an empty one and a missing scope', async () => {
    gateway.simulator.addOrganization(98, 'Empty')
    await gateway.ask('GET', '/v1/organizations', { headers: { 'Cache-Control': 'no-cache' } })
    expect(await codes('/v1/organizations/777/diagnosis')).toEqual([
      false,
      null,
      ['organization.unknown', 'organization.access'],
    ])
    expect(await codes('/v1/organizations/98/diagnosis')).toEqual([true, 0, ['operators.none']])
    expect(await codes('/v1/organizations/24/diagnosis', 'reader')).toEqual([true, 3, ['scope.missing']])
  })

  it('answers while ChatHub is down, and reports that', async () => {
    gateway.simulator.fault({ mode: 'status', status: 500, route: 'list', organization: 42 })
    expect(await codes('/v1/organizations/42/diagnosis')).toEqual([true, null, ['chathub.unavailable']])
    gateway.simulator.clearFaults()
  })
})
