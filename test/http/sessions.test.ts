import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'
import { asPage, cookieName, idIn, mint, openSession, page, redeem, sessionEnv } from './browser-session.ts'

const clock = createPacedClock()
let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    env: sessionEnv,
    clock,
    clients: [
      { id: 'crm', scopes: ['sessions:mint', 'operators:read'], organizations: [24, 42] },
      { id: 'reader', scopes: ['operators:read'] },
      { id: 'slow', requestsPerMinute: 60 },
    ],
  })
})
afterAll(() => gateway.close())

const crm = () => gateway.keys['crm'] as string
const minute = 60_000
const session = (id: string) => gateway.ask('GET', '/v1/session', asPage(id))

describe('a browser session', () => {
  it('is minted by a back end, opened by the browser, used, and ended', async () => {
    const minted = await mint(gateway, { scopes: ['operators:read', 'operators:write'], ttlSeconds: 3600 })
    expect(minted.status).toBe(201)
    expect(Date.parse(minted.body.expiresAt) - clock.wall()).toBeLessThanOrEqual(minute)
    const opened = await redeem(gateway, minted.body.ticket)
    expect([opened.status, opened.text]).toEqual([204, ''])
    const id = idIn(opened)
    expect((await session(id)).body).toEqual({
      scopes: ['operators:read', 'operators:write'],
      organizations: [24],
      origin: page,
      subject: null,
      operator: null,
      expiresAt: expect.any(String),
      idleSeconds: 1800,
      signOut: null,
    })
    const list = await gateway.ask('GET', '/v1/organizations/24/operators', asPage(id))
    expect([list.status, list.body.total]).toEqual([200, 3])
    const change = asPage(id, {}, { status: 'active' })
    expect((await gateway.ask('PATCH', '/v1/organizations/24/operators/103', change)).status).toBe(200)
    const ended = await gateway.ask('DELETE', '/v1/session', asPage(id))
    expect([ended.status, ended.headers['set-cookie']]).toEqual([204, [expect.stringContaining('Max-Age=0')]])
    expect((await session(id)).status).toBe(401)
    expect((await gateway.ask('DELETE', '/v1/session', asPage(id))).status).toBe(401)
  })

  it('is only in a cookie that no script can read and no other host can set', async () => {
    const { headers, text } = await redeem(gateway, (await mint(gateway, { ttlSeconds: 3600 })).body.ticket)
    const [cookie] = headers['set-cookie'] as unknown as [string]
    const [, ...attributes] = cookie.split('; ')
    expect(cookie).toMatch(new RegExp(`^${cookieName}=[A-Za-z0-9_-]{43};`))
    expect(attributes.filter((one) => !one.startsWith('Max-Age')).sort()).toEqual(
      ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure'].sort(),
    )
    expect(Number(/Max-Age=(\d+)/.exec(cookie)?.[1])).toBeGreaterThan(3590)
    expect([text, headers['cache-control']]).toEqual(['', 'no-store'])
  })

  it('is a caller with its own limit, id and expiry', async () => {
    const id = await openSession(gateway, { ttlSeconds: 600 }, crm())
    const { body } = await gateway.ask('GET', '/v1/me', asPage(id))
    expect(body).toMatchObject({ kind: 'session', organizations: [24], requestsPerMinute: 1200 })
    const slow = await openSession(gateway, {}, gateway.keys['slow'] as string)
    expect((await gateway.ask('GET', '/v1/me', asPage(slow))).body.requestsPerMinute).toBe(60)
    expect(body.id).toMatch(/^crm\/[A-Za-z0-9_-]{8}$/)
    expect(Date.parse(body.expiresAt) - clock.wall()).toBeLessThanOrEqual(600_000)
    expect(JSON.stringify(body)).not.toContain(id)
    expect(gateway.logged()).not.toContain(id)
  })

  it('has each scope and organization once', async () => {
    const organizations = [24, 42, 24]
    const id = await openSession(
      gateway,
      { organizations, scopes: ['operators:read', 'operators:read'] },
      crm(),
    )
    expect((await session(id)).body).toMatchObject({ organizations: [24, 42], scopes: ['operators:read'] })
    const many = Array.from({ length: 1001 }, () => 24)
    expect((await mint(gateway, { organizations: many }, crm())).status).toBe(422)
  })

  it('does not exist for a request with a key', async () => {
    for (const method of ['GET', 'DELETE']) {
      const { status, body, headers } = await gateway.ask(method, '/v1/session')
      expect([method, status, body.code]).toEqual([method, 401, 'credential.missing'])
      expect(headers['www-authenticate']).toBe('Bearer realm="chathub-gateway"')
    }
  })
})

describe('a ticket', () => {
  it('works once, also when two requests use it at the same time', async () => {
    const { ticket } = (await mint(gateway)).body
    const answers = await Promise.all([redeem(gateway, ticket), redeem(gateway, ticket)])
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401])
    const late = await redeem(gateway, ticket)
    expect([late.status, late.body.code]).toEqual([401, 'session.ticket'])
    expect(late.headers).not.toHaveProperty('set-cookie')
    expect(late.headers['www-authenticate']).toBe('Bearer realm="chathub-gateway"')
  })

  it('works within a minute', async () => {
    const { ticket } = (await mint(gateway)).body
    const other = (await mint(gateway)).body.ticket
    clock.jump(58_000)
    expect((await redeem(gateway, ticket)).status).toBe(204)
    clock.jump(2_000)
    expect((await redeem(gateway, other)).status).toBe(401)
  })

  it.each([
    ['https://crm.example.com.evil.example'],
    ['https://crm.example.com:8443'],
    ['http://crm.example.com'],
    ['null'],
  ])('is used up when a page of %s tries it', async (origin) => {
    const { ticket } = (await mint(gateway)).body
    const refused = await redeem(gateway, ticket, origin)
    expect([refused.status, refused.body.code]).toEqual([403, 'csrf.refused'])
    expect(refused.headers).not.toHaveProperty('set-cookie')
    expect((await redeem(gateway, ticket)).body.code).toBe('session.ticket')
  })

  it('does not work as a session, nor a session as a ticket', async () => {
    const { ticket } = (await mint(gateway)).body
    expect((await session(ticket)).status).toBe(401)
    expect((await redeem(gateway, await openSession(gateway))).status).toBe(401)
  })

  it('is refused for an invalid request', async () => {
    for (const body of [{}, { ticket: '' }, { ticket: 5 }, { ticket: 'a'.repeat(201) }, []])
      expect(
        (await gateway.ask('POST', '/v1/session', { key: '', headers: { Origin: page }, body })).status,
      ).toBe(422)
  })
})

describe('a session is never granted more than its minter has', () => {
  it('naming each scope that the minter lacks', async () => {
    const { status, body } = await mint(
      gateway,
      { scopes: ['admin', 'operators:read', 'tokens:mint'] },
      crm(),
    )
    expect([status, body.code]).toEqual([403, 'session.exceeds'])
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/scopes/0', '/scopes/2'])
  })

  it('naming each organization, equally for foreign and unknown ones', async () => {
    const { status, body } = await mint(gateway, { organizations: [24, 6, 42, 777] }, crm())
    expect([status, body.code]).toEqual([404, 'organization.unknown'])
    const [foreign, nobodys] = body.errors
    expect([foreign.pointer, nobodys.pointer]).toEqual(['/organizations/1', '/organizations/3'])
    expect([foreign.code, foreign.detail]).toEqual([nobodys.code, nobodys.detail])
  })

  it('nor minted without the scope, nor by a session', async () => {
    const reader = await mint(gateway, {}, gateway.keys['reader'] as string)
    expect([reader.status, reader.body.code]).toEqual([403, 'scope.missing'])
    const id = await openSession(gateway, { scopes: ['sessions:mint', 'operators:read'] })
    const body = { organizations: [24], scopes: ['operators:read'], origin: page }
    const nested = await gateway.ask('POST', '/v1/sessions', asPage(id, {}, body))
    expect([nested.status, nested.body.code]).toEqual([403, 'session.exceeds'])
  })

  it('and needs an exact origin and one minute to twelve hours', async () => {
    for (const [pointer, grant] of [
      ['/origin', { origin: '*' }],
      ['/origin', { origin: 'null' }],
      ['/origin', { origin: `${page}/` }],
      ['/origin', { origin: 'https://CRM.example.com' }],
      ['/ttlSeconds', { ttlSeconds: 59 }],
      ['/ttlSeconds', { ttlSeconds: 43_201 }],
      ['/scopes/0', { scopes: ['root' as 'admin'] }],
    ] as const) {
      const { status, body } = await mint(gateway, grant as object)
      expect([grant, status, body.errors[0].pointer]).toEqual([grant, 422, pointer])
    }
  })

  it('and has only its own scopes, although its minter has more', async () => {
    const id = await openSession(gateway, { scopes: ['operators:read'] })
    const change = asPage(id, {}, { status: 'inactive' })
    const { status, body } = await gateway.ask('PATCH', '/v1/organizations/24/operators/101', change)
    expect([status, body.code]).toEqual([403, 'scope.missing'])
  })
})

describe('a session ends', () => {
  it('after 30 minutes without use, and a use extends it', async () => {
    const id = await openSession(gateway)
    for (const minutes of [20, 20, 20]) {
      clock.jump(minutes * minute)
      expect((await session(id)).status).toBe(200)
    }
    clock.jump(30 * minute)
    expect((await session(id)).status).toBe(401)
  })

  it('at its own expiry however often it is used, and after twelve hours at the latest', async () => {
    const [brief, long] = [await openSession(gateway, { ttlSeconds: 1500 }), await openSession(gateway)]
    clock.jump(24 * minute)
    expect((await session(brief)).status).toBe(200)
    clock.jump(minute)
    expect((await session(brief)).status).toBe(401)
    for (let minutes = 25; minutes < 720; minutes += 25) {
      expect([minutes, (await session(long)).status]).toEqual([minutes, 200])
      clock.jump(25 * minute)
    }
    expect((await session(long)).status).toBe(401)
  })

  it('although pages that may not use it send requests', async () => {
    const id = await openSession(gateway)
    clock.jump(20 * minute)
    const withoutHeader = { key: '', headers: { Cookie: `${cookieName}=${id}` } }
    expect((await gateway.ask('GET', '/v1/session', withoutHeader)).status).toBe(403)
    clock.jump(10 * minute)
    expect((await session(id)).status).toBe(401)
  })

  it('as soon as the key that minted it is revoked, although its client has another key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sessions-'))
    const path = join(folder, 'clients.json')
    const [old, next] = [makeKey('crm'), makeKey('crm')]
    const listed = (key: string, may = scopes as readonly string[]) => ({
      id: 'crm',
      keyHash: hashKey(key),
      scopes: may,
      organizations: [24],
    })
    const write = (...clients: object[]) => writeFile(path, JSON.stringify({ clients }))
    await write(listed(old), listed(next))
    const own = await startGateway({ env: { ...sessionEnv, API_KEYS: '', API_KEYS_FILE: path } })
    const read = async (...clients: object[]) => {
      const told = own.reports.length
      await write(...clients)
      await until(() => own.reports.slice(told).some(({ name }) => name === 'secret-file'))
    }
    const ids = [await openSession(own, {}, old), await openSession(own, {}, next)] as [string, string]
    const list = async (id: string) =>
      (await own.ask('GET', '/v1/organizations/24/operators', asPage(id))).status
    expect([await list(ids[0]), await list(ids[1])]).toEqual([200, 200])
    await read(listed(old, ['sessions:mint']), listed(next))
    expect([await list(ids[0]), await list(ids[1])]).toEqual([403, 200])
    await read(listed(next))
    expect([await list(ids[0]), await list(ids[1])]).toEqual([401, 200])
    await own.close()
    await rm(folder, { recursive: true })
  })
})
