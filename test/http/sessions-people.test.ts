import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Scope } from '../../src/contract/scopes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'
import { asPage, mint, openSession, redeem, sessionEnv } from './browser-session.ts'

const clock = createPacedClock()
let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    env: { ...sessionEnv, SESSION_IDLE_SECONDS: '600', SESSION_MAX_SECONDS: '3600' },
    clock,
    clients: [
      { id: 'crm', scopes: ['sessions:mint', 'operators:read'], organizations: [24] },
      { id: 'desk', scopes: ['sessions:mint', 'operators:read'] },
      { id: 'admin', scopes: ['admin'] },
      { id: 'admin-of-24', scopes: ['admin'], organizations: [24] },
      { id: 'reader', scopes: ['operators:read'] },
    ],
  })
})
afterAll(() => gateway.close())

const key = (id: string) => gateway.keys[id] as string
const session = async (id: string) => (await gateway.ask('GET', '/v1/session', asPage(id))).status
const endAll = async (subject: string, client: string) =>
  (await gateway.ask('DELETE', `/v1/sessions?subject=${encodeURIComponent(subject)}`, { key: key(client) }))
    .status

describe('the sessions of a person', () => {
  it('end all at once, and tickets that nobody used with them; a later one works', async () => {
    const subject = 'Olena, Ms'
    const ids = [await openSession(gateway, { subject }), await openSession(gateway, { subject })]
    const other = await openSession(gateway, { subject: 'olena, ms' })
    const { ticket } = (await mint(gateway, { subject })).body
    expect(await endAll(subject, 'all')).toBe(204)
    expect([...(await Promise.all(ids.map(session))), await session(other)]).toEqual([401, 401, 200])
    expect((await redeem(gateway, ticket)).body.code).toBe('session.ticket')
    expect(await session(await openSession(gateway, { subject }))).toBe(200)
    const { items } = (await gateway.ask('GET', '/v1/audit?limit=5')).body
    expect(items).toContainEqual(
      expect.objectContaining({ kind: 'sessionsEnded', client: 'all', reason: subject, organization: null }),
    )
  })

  it('end for the client that minted them, and for admin of all organizations whoever minted them', async () => {
    const open = () =>
      Promise.all(['crm', 'desk'].map((id) => openSession(gateway, { subject: 'olena' }, key(id))))
    const states = async (all: string[]) => Promise.all(all.map(session))
    let ids = await open()
    expect([await endAll('olena', 'crm'), await states(ids)]).toEqual([204, [401, 200]])
    ids = await open()
    expect([await endAll('olena', 'admin-of-24'), await states(ids)]).toEqual([204, [200, 200]])
    expect([await endAll('olena', 'admin'), await states(ids)]).toEqual([204, [401, 401]])
    ids = await open()
    expect([await endAll('olena', 'reader'), await states(ids)]).toEqual([403, [200, 200]])
    // Ended by nobody, however old the ends of earlier ones are.
    clock.jump(500_000)
    expect(await states(ids)).toEqual([200, 200])
  })

  it('are ended by a colleague who is signed in with the scope admin', async () => {
    const grant = { scopes: ['admin' as const], organizations: [24], subject: 'boss' }
    const [boss, olena] = [
      await openSession(gateway, grant),
      await openSession(gateway, { subject: 'olena' }),
    ]
    expect((await gateway.ask('DELETE', '/v1/sessions?subject=olena', asPage(boss))).status).toBe(204)
    expect([await session(olena), await session(boss)]).toEqual([401, 200])
  })

  it.each(['', '?subject=', '?subject=a%00', `?subject=${'a'.repeat(129)}`, '?subject=a&client=crm'])(
    'are not ended by %.30s',
    async (query) => {
      expect((await gateway.ask('DELETE', `/v1/sessions${query}`)).status).toBe(400)
    },
  )
})

describe('two people at once', () => {
  const path = '/v1/organizations/24/operators/103'
  const open = (subject: string, scopes: Scope[] = ['operators:read', 'operators:status']) =>
    openSession(gateway, { subject, scopes })
  const patch = (id: string, status: string, tag: string) =>
    gateway.ask('PATCH', path, asPage(id, { 'If-Match': tag }, { status }))

  it('see who changed an operator, and neither overwrites the change of the other', async () => {
    const [olena, taras] = [await open('olena'), await open('taras')]
    const read = async (id: string) => gateway.ask('GET', path, asPage(id))
    const tag = String((await read(taras)).headers['etag'])
    expect((await patch(olena, 'active', tag)).status).toBe(200)
    const late = await patch(taras, 'inactive', tag)
    expect([late.status, late.body.code]).toEqual([412, 'precondition.failed'])
    const list = '/v1/organizations/24/operators?fields=statusSince,changedBy&q=wilson'
    const [item] = (await gateway.ask('GET', list, asPage(taras))).body.items
    expect(item).toMatchObject({ id: 103, changedBy: { subject: 'olena' }, statusSince: expect.any(String) })
    const [newest] = (await gateway.ask('GET', `${path}/history`, asPage(taras))).body.items
    expect(newest).toMatchObject({ subject: 'olena', from: 'inactive', to: 'active' })
    expect((await patch(taras, 'inactive', String((await read(taras)).headers['etag']))).status).toBe(200)
  })

  it('and one who is admin lists, cancels and undoes what the other began', async () => {
    const olena = await open('olena', ['operators:import'])
    const boss = await open('boss', ['admin', 'operators:import'])
    const begin = (name: string) =>
      gateway.ask('POST', '/v1/organizations/24/imports', {
        ...asPage(olena, { 'Content-Type': 'text/csv' }),
        body: `name\n${name}`,
      })
    const hold = gateway.simulator.hold('synchronize', 24)
    const first = await begin('Held')
    await hold.arrived
    const second = (await begin('Waiting')).headers['location'] as string
    const { items } = (await gateway.ask('GET', '/v1/operations?limit=2', asPage(boss))).body
    expect(items.map(({ subject }: { subject: string }) => subject)).toEqual(['olena', 'olena'])
    const command = (operation: string, verb: string) =>
      gateway.ask('POST', `${operation}:${verb}`, asPage(boss, {}, {}))
    expect((await command(second, 'cancel')).status).toBe(200)
    hold.release()
    const done = first.headers['location'] as string
    await until(async () => (await gateway.ask('GET', done, asPage(boss))).body.state === 'done')
    const undone = await command(done, 'undo')
    expect([undone.status, undone.body.subject]).toEqual([202, 'boss'])
    const other = asPage(await open('taras', ['operators:import']), {}, {})
    expect((await gateway.ask('POST', `${done}:undo`, other)).status).toBe(404)
  })
})

describe('a session', () => {
  it('tells its page who it is, what it may do and when it ends', async () => {
    const id = await openSession(gateway, { subject: 'olena', operator: 101, scopes: ['operators:read'] })
    const { body } = await gateway.ask('GET', '/v1/session', asPage(id))
    expect(body).toMatchObject({ subject: 'olena', operator: 101, idleSeconds: 600 })
    // As the settings say, though the minter asked for twelve hours.
    const leftMs = Date.parse(body.expiresAt) - clock.wall()
    expect([leftMs > 3_590_000, leftMs <= 3_600_000]).toEqual([true, true])
    clock.jump(601_000)
    expect(await session(id)).toBe(401)
  })

  it('may have all organizations, of a minter that has them', async () => {
    const id = await openSession(gateway, { organizations: '*' })
    expect((await gateway.ask('GET', '/v1/session', asPage(id))).body.organizations).toBe('*')
    expect((await gateway.ask('GET', '/v1/organizations/6/operators', asPage(id))).status).toBe(200)
    const refused = await mint(gateway, { organizations: '*' }, key('crm'))
    expect([refused.status, refused.body.code, refused.body.errors[0].pointer]).toEqual([
      403,
      'session.exceeds',
      '/organizations',
    ])
  })

  it('is bound to an operator only by a minter that may issue tokens', async () => {
    const refused = await mint(gateway, { operator: 101 }, key('crm'))
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([403, '/operator'])
  })

  it('gets the token of its own operator, without the scope for others', async () => {
    const tokenFor = (cookie: string) =>
      gateway.ask('POST', '/v1/session:operatorToken', asPage(cookie, {}, { expiresIn: 600 }))
    const id = await openSession(gateway, { subject: 'olena', operator: 101 })
    const issued = await tokenFor(id)
    expect([issued.status, issued.headers['cache-control']]).toEqual([201, 'no-store'])
    const body = { token: issued.body.token }
    const checked = await gateway.ask('POST', '/v1/tokens:validate', { body })
    expect(checked.body).toMatchObject({ valid: true, operatorId: 101 })
    const { items } = (await gateway.ask('GET', '/v1/audit?subject=olena&limit=1')).body
    expect(items[0]).toMatchObject({ kind: 'tokenIssued', operator: { id: 101 } })
    const other = asPage(id, {}, { expiresIn: 600 })
    expect((await gateway.ask('POST', '/v1/organizations/24/operators/102/tokens', other)).status).toBe(403)
    for (const [operator, code] of [
      [undefined, 'session.no-operator'],
      [103, 'operator.not-active'],
      [201, 'operator.unknown'],
    ] as const) {
      const refused = await tokenFor(await openSession(gateway, operator ? { operator } : {}))
      expect([operator, refused.body.code]).toEqual([operator, code])
    }
    expect((await gateway.ask('POST', '/v1/session:operatorToken', { body: {} })).status).toBe(401)
  })

  it('has a ticket for as long as its minter asks, up to an hour', async () => {
    const { ticket, expiresAt } = (await mint(gateway, { ticketSeconds: 600 })).body
    expect(Date.parse(expiresAt) - clock.wall()).toBeLessThanOrEqual(600_000)
    clock.jump(590_000)
    expect((await redeem(gateway, ticket)).status).toBe(204)
    for (const ticketSeconds of [9, 3601])
      expect((await mint(gateway, { ticketSeconds })).body.errors[0].pointer).toBe('/ticketSeconds')
  })
})
