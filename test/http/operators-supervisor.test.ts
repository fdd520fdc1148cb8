import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import type { Scope } from '../../src/contract/scopes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { asPage, openSession, sessionEnv } from './browser-session.ts'

let gateway: TestGateway
// One client with keys of different rights, so that they see the same operations.
const keyOf = (): string => makeKey('desk')
const [supervisor, writer, reader] = [keyOf(), keyOf(), keyOf()]
const entry = (key: string, ...scopes: Scope[]) => ({
  id: 'desk',
  keyHash: hashKey(key),
  scopes,
  organizations: [24],
})
beforeAll(async () => {
  const clients = [
    entry(supervisor, 'operators:status', 'sessions:mint'),
    entry(writer, 'operators:write', 'sessions:mint'),
    entry(reader, 'operators:read', 'operators:import', 'tokens:mint', 'cache:purge'),
  ]
  gateway = await startGateway({
    env: { ...sessionEnv, API_KEYS: JSON.stringify({ clients }) },
  })
})
afterAll(() => gateway.close())
/** An active, an inactive, a deleted operator, and one with a status that ChatHub never documented. */
let [active, inactive, deleted, odd] = [0, 0, 0, 0]
beforeEach(async () => {
  const add = (status: number) => gateway.simulator.addOperator(24, `Status ${status}`, status).id
  ;[active, inactive, deleted, odd] = [add(0), add(1), add(2), add(7)]
  await ask(reader, 'POST', '/v1/cache:purge', { organization: 24 })
  gateway.simulator.clearArrivals()
})

const operators = '/v1/organizations/24/operators'
const statusOf = (id: number) => gateway.simulator.operators().find((row) => row.id === id)?.status
const sent = () => gateway.simulator.arrivals().filter(({ route }) => route === 'status')
const ask = (key: string, method: string, path: string, body?: unknown) =>
  gateway.ask(method, path, { key, ...(body !== undefined && { body }) })
const patch = (id: number, status: string, key = supervisor) =>
  ask(key, 'PATCH', `${operators}/${id}`, { status })
const outcomes = (answer: { body: { results: { outcome: string; reason?: string }[] } }) =>
  answer.body.results.map(({ outcome, reason }) => (reason ? `${outcome}: ${reason}` : outcome))
const missing = (scope: Scope) => [
  { pointer: '/scopes', code: 'missing', detail: `This endpoint needs the scope ${scope}.` },
]

describe('a supervisor', () => {
  it('switches an operator between active and inactive, and an unchanged status costs no call', async () => {
    for (const [id, status, code] of [
      [active, 'inactive', 1],
      [active, 'active', 0],
      [inactive, 'active', 0],
    ] as const) {
      expect((await patch(id, status)).body).toMatchObject({ id, status })
      expect(statusOf(id)).toBe(code)
    }
    gateway.simulator.clearArrivals()
    expect((await patch(active, 'active')).status).toBe(200)
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it.each(['PATCH', 'setStatus', 'drop-in', 'DELETE'])(
    'cannot delete: %s is 403, and nothing is sent',
    async (how) => {
      const before = gateway.simulator.operators()
      for (const id of [active, inactive, deleted, odd, 999_999, 1]) {
        const answer = await {
          PATCH: () => patch(id, 'deleted'),
          setStatus: () =>
            ask(supervisor, 'POST', `${operators}:setStatus`, { ids: [id], status: 'deleted' }),
          'drop-in': () => ask(supervisor, 'POST', '/api/operator/status', { id, status: 2 }),
          DELETE: () => ask(supervisor, 'DELETE', `${operators}/${id}`),
        }[how as 'PATCH']()
        expect([id, answer.status, answer.body.errors]).toEqual([id, 403, missing('operators:write')])
      }
      expect(gateway.simulator.arrivals()).toEqual([])
      expect(gateway.simulator.operators()).toEqual(before)
    },
  )

  it('cannot change an operator that is deleted, or whose status is unknown', async () => {
    for (const id of [deleted, odd])
      for (const status of ['active', 'inactive'])
        for (const answer of [
          await patch(id, status),
          await ask(supervisor, 'POST', '/api/operator/status', { id, status: status === 'active' ? 0 : 1 }),
        ])
          expect([id, answer.status, answer.body.errors]).toEqual([id, 403, missing('operators:write')])
    expect(sent()).toEqual([])
    expect([statusOf(deleted), statusOf(odd)]).toEqual([2, 7])
  })

  it('gets an outcome for each operator of a list: those that are not to be changed are rejected', async () => {
    const ids = [deleted, active, odd, inactive, 999_999, 1]
    const answer = await ask(supervisor, 'POST', `${operators}:setStatus`, { ids, status: 'inactive' })
    expect([answer.status, outcomes(answer)]).toEqual([
      200,
      [
        'rejected: scope.missing',
        'changed',
        'rejected: scope.missing',
        'unchanged',
        'rejected: operator.unknown',
        'rejected: operator.unknown',
      ],
    ])
    expect([sent().length, statusOf(active)]).toEqual([1, 1])
  })

  it('does not restore an operator that was deleted in ChatHub after the list was fetched', async () => {
    await ask(reader, 'GET', operators)
    gateway.simulator.changeOperator(inactive, { status: 2 })
    gateway.simulator.clearArrivals()
    expect((await patch(inactive, 'active')).status).toBe(403)
    expect([sent(), statusOf(inactive)]).toEqual([[], 2])
  })

  it('is refused by the body before its rights: 422, then 403', async () => {
    const both = { status: 'deleted', more: 1 }
    expect((await ask(supervisor, 'PATCH', `${operators}/${active}`, both)).status).toBe(422)
    expect((await ask(supervisor, 'POST', '/api/operator/status', { id: 'x', status: 2 })).status).toBe(400)
    const foreign = await ask(supervisor, 'PATCH', '/v1/organizations/6/operators/1', { status: 'deleted' })
    expect([foreign.status, foreign.body.code]).toEqual([404, 'organization.unknown'])
  })

  it('does nothing else that writers do', async () => {
    const bodies: [string, string, unknown][] = [
      ['POST', operators, { operators: [{ name: 'New' }] }],
      ['POST', `${operators}:onboard`, { operators: [{ name: 'New' }] }],
      ['POST', `${operators}/${active}/tokens`, {}],
      ['POST', '/api/operator/synchronize', [{ organizationId: 24, name: 'New' }]],
      ['GET', operators, undefined],
    ]
    for (const [method, path, body] of bodies)
      expect([path, (await ask(supervisor, method, path, body)).status]).toEqual([path, 403])
    expect(gateway.simulator.arrivals()).toEqual([])
  })
})

describe('who may switch a status', () => {
  it('is refused before the body is read with neither scope', async () => {
    for (const [method, path] of [
      ['PATCH', `${operators}/${active}`],
      ['POST', `${operators}:setStatus`],
      ['POST', '/api/operator/status'],
    ] as const) {
      const { status, body } = await ask(reader, method, path, '{')
      expect([path, status, body.errors]).toEqual([path, 403, missing('operators:status')])
    }
  })

  it('needs only operators:write, which restores and deletes too', async () => {
    for (const status of ['active', 'deleted', 'inactive'])
      expect([status, (await patch(deleted, status, writer)).body.status]).toEqual([status, status])
    const answer = await ask(writer, 'POST', `${operators}:setStatus`, {
      ids: [odd, active],
      status: 'deleted',
    })
    expect(outcomes(answer)).toEqual(['changed', 'changed'])
  })

  it('is a browser session as well, up to the rights of its key', async () => {
    const grant = { scopes: ['operators:status'] as Scope[] }
    for (const key of [supervisor, writer]) {
      const id = await openSession(gateway, grant, key)
      expect((await gateway.ask('GET', '/v1/session', asPage(id))).body.scopes).toEqual(['operators:status'])
      const change = (of: number, status: string) =>
        gateway.ask('PATCH', `${operators}/${of}`, asPage(id, {}, { status }))
      expect((await change(active, 'inactive')).status).toBe(200)
      expect((await change(active, 'deleted')).status).toBe(403)
      expect((await change(deleted, 'active')).status).toBe(403)
    }
    const excess = { organizations: [24], scopes: ['operators:write'], origin: 'https://crm.example.com' }
    expect((await ask(supervisor, 'POST', '/v1/sessions', excess)).body.code).toBe('session.exceeds')
  })
})
