import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ clients: [{ id: 'few', organizations: [24] }] })
})
afterAll(() => gateway.close())
beforeEach(() => gateway.simulator.clearArrivals())

const patch = (organization: number, id: number | string, body: unknown, client = 'all') =>
  gateway.ask('PATCH', `/v1/organizations/${organization}/operators/${id}`, {
    key: gateway.keys[client] as string,
    body,
  })
const statusOf = (id: number) => gateway.simulator.operators().find((row) => row.id === id)?.status
const sent = () => gateway.simulator.arrivals().filter(({ route }) => route === 'status')

describe('changing a status', () => {
  it('returns the operator with its new status, and so does the list', async () => {
    const { status, body } = await patch(24, 102, { status: 'inactive' })
    expect([status, body]).toEqual([
      200,
      {
        id: 102,
        name: 'Sarah Johnson',
        status: 'inactive',
        organization: { id: 24, name: 'Customer Support' },
      },
    ])
    expect(statusOf(102)).toBe(1)
    const list = await gateway.ask('GET', '/v1/organizations/24/operators?status=inactive')
    expect(list.body.items.map(({ id }: { id: number }) => id)).toEqual([102, 103])
    expect(gateway.simulator.arrivals().filter(({ route }) => route === 'list')).toHaveLength(1)
  })

  it('to the current status sends nothing to ChatHub', async () => {
    await patch(24, 102, { status: 'inactive' })
    gateway.simulator.clearArrivals()
    const { status, body } = await patch(24, 102, { status: 'inactive' })
    expect([status, body.status]).toEqual([200, 'inactive'])
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it('is possible from every status to every other', async () => {
    for (const status of ['active', 'deleted', 'inactive', 'active'] as const) {
      expect((await patch(24, 103, { status })).body.status).toBe(status)
      expect(statusOf(103)).toBe(['active', 'inactive', 'deleted'].indexOf(status))
    }
  })

  it('finds an operator added in ChatHub a moment ago', async () => {
    const { id } = gateway.simulator.addOperator(24, 'Fresh Face')
    expect((await patch(24, id, { status: 'inactive' })).status).toBe(200)
  })

  it('of an operator of another organization is 404, and nothing is sent', async () => {
    const before = gateway.simulator.operators()
    for (const [organization, id, client, code] of [
      [24, 1, 'all', 'operator.unknown'],
      [24, 1, 'few', 'operator.unknown'],
      [24, 999, 'few', 'operator.unknown'],
      [6, 1, 'few', 'organization.unknown'],
      [777, 1, 'all', 'organization.unknown'],
    ] as const) {
      for (const answer of [
        await patch(organization, id, { status: 'deleted' }, client),
        await gateway.ask('DELETE', `/v1/organizations/${organization}/operators/${id}`, {
          key: gateway.keys[client] as string,
        }),
      ])
        expect([organization, answer.status, answer.body.code]).toEqual([organization, 404, code])
    }
    expect(sent()).toEqual([])
    expect(gateway.simulator.operators()).toEqual(before)
  })

  it('names the faults of a body', async () => {
    for (const [body, faults] of [
      [{}, ['/status value']],
      [{ status: 0 }, ['/status value']],
      [{ status: 'unknown' }, ['/status value']],
      [{ status: 'Active', id: 5 }, ['/id unknown', '/status value']],
      [[], [' type']],
      [null, [' type']],
    ] as const) {
      const { status, body: problem } = await patch(24, 102, body)
      const found = problem.errors.map(
        ({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`,
      )
      expect([body, status, found.toSorted()]).toEqual([body, 422, faults])
    }
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it('is not reported as done when ChatHub refused it', async () => {
    gateway.simulator.fault({ mode: 'status', status: 400, route: 'status', times: 1 })
    const { status, body } = await patch(24, 101, { status: 'deleted' })
    expect([status, body.code]).toEqual([422, 'chathub.rejected'])
    const { body: after } = await gateway.ask('GET', '/v1/organizations/24/operators/101')
    expect([after.status, statusOf(101)]).toEqual(['active', 0])
  })
})

describe('deleting an operator', () => {
  it('sets the status to deleted, once', async () => {
    const { id } = gateway.simulator.addOperator(24, 'Leaving')
    const path = `/v1/organizations/24/operators/${id}`
    expect((await gateway.ask('DELETE', path)).body).toMatchObject({ id, status: 'deleted' })
    expect(statusOf(id)).toBe(2)
    gateway.simulator.clearArrivals()
    const again = await gateway.ask('DELETE', path)
    expect([again.status, again.body.status]).toEqual([200, 'deleted'])
    expect(gateway.simulator.arrivals()).toEqual([])
    expect((await gateway.ask('GET', path)).body.status).toBe('deleted')
  })

  it('accepts no body', async () => {
    const { status, body } = await gateway.ask('DELETE', '/v1/organizations/24/operators/101', {
      body: { status: 'deleted' },
    })
    expect([status, body.code]).toEqual([400, 'request.malformed'])
    expect(gateway.simulator.arrivals()).toEqual([])
  })
})
