import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ clients: [{ id: 'few', organizations: [24, 42] }] })
})
afterAll(() => gateway.close())

const get = (path: string, client = 'all') =>
  gateway.ask('GET', path, { key: gateway.keys[client] as string })
const sarah = {
  id: 102,
  name: 'Sarah Johnson',
  status: 'active',
  organization: { id: 24, name: 'Customer Support' },
}

describe('one operator', () => {
  it('is returned with its organization', async () => {
    expect((await get('/v1/organizations/24/operators/102')).body).toEqual(sarah)
  })

  it('is found without its organization', async () => {
    expect((await get('/v1/operators/102', 'few')).body).toEqual(sarah)
    expect((await get('/v1/operators/3')).body.organization).toEqual({ id: 6, name: 'Sales' })
  })

  it('of another organization, or of none, is unknown', async () => {
    for (const [path, client] of [
      ['/v1/organizations/24/operators/1', 'all'],
      ['/v1/organizations/24/operators/999', 'all'],
      ['/v1/operators/999', 'all'],
      ['/v1/operators/1', 'few'],
    ] as const) {
      const { status, body } = await get(path, client)
      expect([path, status, body.code]).toEqual([path, 404, 'operator.unknown'])
    }
  })

  it('is unknown only when every organization was searched; otherwise 503 with Retry-After', async () => {
    gateway.simulator.addOrganization(55, 'Unseen')
    await gateway.ask('GET', '/v1/organizations', { headers: { 'Cache-Control': 'no-cache' } })
    gateway.simulator.fault({ mode: 'status', status: 500, route: 'list', organization: 55 })
    const { status, body } = await get('/v1/operators/999')
    expect([status, body.code]).toEqual([503, 'chathub.unavailable'])
    // Somebody who is elsewhere is found all the same.
    expect((await get('/v1/operators/102')).status).toBe(200)
    gateway.simulator.clearFaults()
    gateway.simulator.removeOrganization(55)
    await gateway.ask('GET', '/v1/organizations', { headers: { 'Cache-Control': 'no-cache' } })
  })

  it('must be asked for by a valid id', async () => {
    for (const id of [
      '0',
      '-1',
      '1.5',
      '1e2',
      '0x1',
      '%2B1',
      '01',
      '2147483648',
      'NaN',
      '٢٤',
      '24%00',
      '24%2F1',
    ])
      for (const path of [`/v1/operators/${id}`, `/v1/organizations/24/operators/${id}`]) {
        const { status, body } = await get(path)
        expect([path, status, body.errors]).toEqual([
          path,
          400,
          [{ pointer: '/path/operator', code: 'integer', detail: expect.any(String) }],
        ])
      }
  })
})

describe('the directory', () => {
  it('spans all organizations of the caller', async () => {
    const { body } = await get('/v1/operators')
    expect([body.total, body.items.length, body.unavailable]).toEqual([13, 13, []])
    expect(body.items[1]).toEqual(sarah)
    const few = (await get('/v1/operators', 'few')).body
    expect(new Set(few.items.map((row: typeof sarah) => row.organization.id))).toEqual(new Set([24, 42]))
  })

  it('is searched by name, status and organizations', async () => {
    const ids = async (query: string, client?: string) =>
      (await get(`/v1/operators?${query}`, client)).body.items.map(({ id }: { id: number }) => id)
    expect(await ids('q=john')).toEqual([101, 102])
    expect(await ids('status=deleted')).toEqual([5, 25])
    expect(await ids('q=john&status=inactive')).toEqual([])
    expect(await ids('organizations=6&status=active')).toEqual([1, 2, 3])
    expect(await ids('organizations=6', 'few')).toEqual([])
  })

  it('is partial when a list cannot be loaded, and names the organization', async () => {
    gateway.simulator.fault({ mode: 'status', status: 403, route: 'list', organization: 6 })
    await gateway.ask('POST', '/v1/cache:purge', { body: {} })
    const { status, body } = await get('/v1/operators')
    expect([status, body.total, body.unavailable]).toEqual([200, 8, [6]])
    const sums = (await get('/v1/statistics')).body
    expect([sums.total, sums.unavailable]).toEqual([8, [6]])
    gateway.simulator.clearFaults()
  })
})

describe('statistics', () => {
  it('count by status, for one organization and for all', async () => {
    const few = (await get('/v1/statistics', 'few')).body
    const support = { total: 3, active: 2, inactive: 1, deleted: 0, unknown: 0 }
    expect((await get('/v1/organizations/24/statistics')).body).toEqual(support)
    expect(few).toEqual({
      organizations: [
        { id: 24, name: 'Customer Support', ...support },
        { id: 42, name: 'Back Office', total: 5, active: 3, inactive: 1, deleted: 1, unknown: 0 },
      ],
      total: 8,
      active: 5,
      inactive: 2,
      deleted: 1,
      unknown: 0,
      unavailable: [],
    })
  })

  it('count a status that ChatHub never documented as unknown', async () => {
    gateway.simulator.addOperator(24, 'Nova', 9)
    await gateway.ask('GET', '/v1/organizations/24/operators', { headers: { 'Cache-Control': 'no-cache' } })
    expect((await get('/v1/organizations/24/statistics')).body).toMatchObject({ total: 4, unknown: 1 })
  })
})
