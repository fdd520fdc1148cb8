import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ clients: [{ id: 'few', organizations: [24, 42] }] })
})
afterAll(() => gateway.close())
beforeEach(() => gateway.simulator.clearArrivals())

const key = (client: string) => gateway.keys[client] as string
const get = (path: string, headers: Record<string, string> = {}, client = 'all') =>
  gateway.ask('GET', path, { key: key(client), headers })
const post = (path: string, body: unknown, client = 'all') =>
  gateway.ask('POST', path, { key: key(client), body })
const sent = () =>
  gateway.simulator
    .arrivals()
    .filter(({ route }) => ['synchronize', 'status', 'operator-token'].includes(route))
const tomorrow = () => new Date(Date.now() + 23 * 3_600_000).toISOString()

describe('GET /api/company/organization', () => {
  it('returns a bare array in ChatHub’s order, with the organizations of the caller', async () => {
    expect((await get('/api/company/organization')).body).toEqual(gateway.simulator.organizations())
    expect(
      (await get('/api/company/organization', {}, 'few')).body.map(({ id }: { id: number }) => id),
    ).toEqual([24, 42])
  })
})

describe('GET /api/operator', () => {
  it('returns ChatHub’s shape with its status integers, undocumented ones too', async () => {
    gateway.simulator.addOperator(6, 'Nova', 9)
    const truth = gateway.simulator.operators(6).map(({ id, name, status }) => ({
      id,
      name,
      status,
      organization: { id: 6, name: 'Sales' },
    }))
    expect((await get('/api/operator?organizationId=6')).body).toEqual(truth)
    expect(truth.map(({ status }) => status)).toContain(9)
  })

  it('labels the JSON with the media type that Accept asks for', async () => {
    for (const [accept, label] of [
      ['text/plain', 'text/plain; charset=utf-8'],
      ['text/plain, application/json', 'text/plain; charset=utf-8'],
      ['application/json, text/plain, */*', 'application/json; charset=utf-8'],
      ['text/json', 'text/json; charset=utf-8'],
      ['text/*', 'text/plain; charset=utf-8'],
      ['*/*', 'application/json; charset=utf-8'],
      ['text/plain;q=0, */*', 'application/json; charset=utf-8'],
      ['text/plain;q=0.1, application/json', 'application/json; charset=utf-8'],
      ['*/*;q=0.1, text/json;q=0.2', 'text/json; charset=utf-8'],
      ['*/*, application/json;q=0.5, text/json;q=0', 'text/plain; charset=utf-8'],
    ] as const) {
      const { headers, text } = await get('/api/operator?organizationId=24', { Accept: accept })
      expect([accept, headers['content-type']]).toEqual([accept, label])
      expect(JSON.parse(text)).toHaveLength(3)
      expect(headers['vary']).toMatch(/^Accept, .*, X-Authorization-Key$/)
    }
    expect((await get('/api/operator?organizationId=24', { Accept: 'text/html' })).status).toBe(406)
  })

  it('ignores unknown parameters, and answers 400 to an invalid id', async () => {
    expect((await get('/api/operator?organizationId=24&_=123&page=2')).status).toBe(200)
    for (const query of [
      '',
      '?organizationId=',
      '?organizationId=abc',
      '?organizationid=24',
      '?organizationId=-1',
    ])
      expect([query, (await get(`/api/operator${query}`)).status]).toEqual([query, 400])
  })

  it('has ETag, Age and 304 like other lists', async () => {
    const { headers } = await get('/api/operator?organizationId=24')
    expect(headers['age']).toMatch(/^\d+$/)
    expect(headers['cache-control']).toBe('private, max-age=0, must-revalidate')
    const again = await get('/api/operator?organizationId=24', { 'If-None-Match': headers['etag'] as string })
    expect(again.status).toBe(304)
  })
})

describe('POST /api/operator/synchronize', () => {
  it('adds to several organizations at once and answers in input order, also for equal names', async () => {
    const wanted = [
      { organizationId: 24, name: 'One' },
      { organizationId: 42, name: 'Two' },
      { organizationId: 24, name: 'John Smith' },
      { organizationId: 42, name: ' Two ' },
      { organizationId: 24, name: 'One', extra: true },
    ]
    const { status, body } = await post('/api/operator/synchronize', wanted, 'few')
    expect(status).toBe(200)
    expect(
      body.map(({ name, status: code }: { name: string; status: number }) => [name.trim(), code]),
    ).toEqual(wanted.map(({ name }) => [name.trim(), 0]))
    expect(new Set(body.map(({ id }: { id: number }) => id)).size).toBe(5)
    const truth = new Map(gateway.simulator.operators().map((row) => [row.id, row]))
    for (const [place, { organizationId, name }] of wanted.entries())
      expect(truth.get(body[place].id)).toMatchObject({ organizationId, name })
    expect(sent()).toHaveLength(2)
    expect((await get('/api/operator?organizationId=42')).body).toHaveLength(7)
  })

  it('with one foreign or unknown organization is 404 and sends nothing', async () => {
    for (const organizationId of [6, 777]) {
      const rows = [
        { organizationId: 24, name: 'A' },
        { organizationId, name: 'B' },
      ]
      const { status, body } = await post('/api/operator/synchronize', rows, 'few')
      expect([status, body.code]).toEqual([404, 'organization.unknown'])
    }
    expect(sent()).toEqual([])
  })

  it('answers every fault of a body with 400, all of them at once', async () => {
    const { status, body } = await post('/api/operator/synchronize', [
      { organizationId: 24, name: 'Fine' },
      { organizationId: '24', name: 'A' },
      { name: '' },
      { organizationId: 24, name: 'a'.repeat(101) },
      7,
    ])
    expect([status, body.code]).toEqual([400, 'request.invalid'])
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/1/organizationId',
      '/2/organizationId',
      '/2/name',
      '/3/name',
      '/4',
    ])
    for (const wrong of [{}, null, 'text', '{"a":', '[{"organizationId":24,"name":"a","name":"b"}]'])
      expect((await post('/api/operator/synchronize', wrong)).status).toBeGreaterThanOrEqual(400)
    expect(sent()).toEqual([])
  })

  it('answers 400 when ChatHub says that the rows are not valid', async () => {
    gateway.simulator.fault({ mode: 'status', status: 400, route: 'synchronize', times: 1 })
    const { status } = await post('/api/operator/synchronize', [{ organizationId: 24, name: 'Refused' }])
    expect(status).toBe(400)
  })

  it('does not claim that nothing was changed when another organization has its rows already', async () => {
    gateway.simulator.fault({ mode: 'status', status: 400, route: 'synchronize', organization: 42, times: 1 })
    const { status, body } = await post('/api/operator/synchronize', [
      { organizationId: 24, name: 'Added First' },
      { organizationId: 42, name: 'Refused Then' },
    ])
    expect([status, body.code]).toEqual([504, 'write.in-doubt'])
    expect(gateway.simulator.operators(24).map(({ name }) => name)).toContain('Added First')
  })
})

describe('POST /api/operator/status', () => {
  it('answers an empty 200, and sends nothing when nothing changes', async () => {
    const { status, text, headers } = await post('/api/operator/status', { id: 103, status: 0 }, 'few')
    expect([status, text, headers['content-length']]).toEqual([200, '', '0'])
    expect(gateway.simulator.operators(24).find(({ id }) => id === 103)?.status).toBe(0)
    gateway.simulator.clearArrivals()
    expect((await post('/api/operator/status', { id: 103, status: 0, note: 'x' }, 'few')).status).toBe(200)
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it('of an operator of a foreign organization is 404 and sends nothing', async () => {
    for (const id of [1, 999]) {
      const { status, body } = await post('/api/operator/status', { id, status: 2 }, 'few')
      expect([status, body.code]).toEqual([404, 'operator.unknown'])
    }
    expect(sent()).toEqual([])
  })

  it('answers every fault with 400', async () => {
    for (const body of [
      {},
      { id: 101 },
      { id: 101, status: 3 },
      { id: '101', status: 1 },
      { id: 0, status: 1 },
      [],
    ])
      expect([body, (await post('/api/operator/status', body)).status]).toEqual([body, 400])
    expect(sent()).toEqual([])
  })
})

describe('POST /api/operator/get-token and validate-token', () => {
  it('return a token as a JSON string, and ChatHub’s answer to its validation', async () => {
    const { status, body, text, headers } = await post('/api/operator/get-token', {
      id: 101,
      expiresAt: tomorrow(),
    })
    expect([status, text, headers['cache-control']]).toEqual([200, JSON.stringify(body), 'no-store'])
    expect(gateway.simulator.issuedTokens()).toContain(body)
    const verdict = (await post('/api/operator/validate-token', { token: body })).body
    expect(verdict).toMatchObject({ isValid: true, operatorId: 101, clientId: 1 })
    expect((await post('/api/operator/validate-token', { token: 'nothing' })).body).toMatchObject({
      isValid: false,
    })
  })

  it('accept the full 24 hours that ChatHub allows', async () => {
    const expiresAt = new Date(Date.now() + 24 * 3_600_000).toISOString()
    expect((await post('/api/operator/get-token', { id: 101, expiresAt })).status).toBe(200)
  })

  it('answer every fault with 400, also an expiry in the past', async () => {
    for (const body of [
      {},
      { id: 101 },
      { id: 101, expiresAt: 'tomorrow' },
      { id: 101, expiresAt: 1_900_000_000 },
      { id: 101, expiresAt: '2020-01-01T00:00:00Z' },
      { id: 'x', expiresAt: tomorrow() },
    ])
      expect([body, (await post('/api/operator/get-token', body)).status]).toEqual([body, 400])
    for (const body of [{}, { token: '' }, { token: 7 }])
      expect([body, (await post('/api/operator/validate-token', body)).status]).toEqual([body, 400])
  })

  it('of an operator of a foreign organization are not requested', async () => {
    for (const id of [1, 999])
      expect((await post('/api/operator/get-token', { id, expiresAt: tomorrow() }, 'few')).status).toBe(404)
    expect(sent()).toEqual([])
  })
})

describe('POST /api/company/get-token', () => {
  const logIn = (login: unknown, password: unknown) =>
    gateway.ask('POST', '/api/company/get-token', { key: '', body: { login, password } })

  it('returns a gateway token that works in every header, with the rights of its key', async () => {
    const before = Date.now()
    const { status, body: token, headers } = await logIn('few', key('few'))
    const after = Date.now()
    expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
    expect(token).toMatch(/^cgt_[A-Za-z0-9_-]{43}$/)
    for (const header of ['X-Authorization-Key', 'X-API-Key', 'Authorization']) {
      const value = header === 'Authorization' ? `Bearer ${token}` : token
      const answer = await gateway.ask('GET', '/api/company/organization', {
        key: '',
        headers: { [header]: value },
      })
      expect([header, answer.status, answer.body.length]).toEqual([header, 200, 2])
    }
    const me = await gateway.ask('GET', '/v1/me', { key: '', headers: { Authorization: `Bearer ${token}` } })
    expect(me.body).toMatchObject({ id: 'few', kind: 'token', organizations: [24, 42] })
    const issuedAt = Date.parse(me.body.expiresAt) - 24 * 3_600_000
    expect([issuedAt >= before, issuedAt <= after]).toEqual([true, true])
    const foreign = await gateway.ask('GET', '/api/operator?organizationId=6', { key: token })
    expect(foreign.status).toBe(404)
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it('does not reveal whether the id or the key was wrong', async () => {
    for (const [login, password] of [
      ['few', key('all')],
      ['nobody', key('few')],
      ['few', 'wrong'],
    ] as const) {
      const { status, body, headers } = await logIn(login, password)
      expect([status, body.code, body.detail]).toEqual([401, 'credential.invalid', expect.any(String)])
      expect(headers['www-authenticate']).toMatch(/^Bearer /)
    }
    for (const [login, password] of [
      [undefined, 'x'],
      ['few', 7],
      ['', ''],
    ])
      expect((await logIn(login, password)).status).toBe(400)
  })

  it('accepts X-Authorization-Key on drop-in paths only', async () => {
    const headers = { 'X-Authorization-Key': key('all') }
    expect((await gateway.ask('GET', '/api/company/organization', { key: '', headers })).status).toBe(200)
    expect((await gateway.ask('GET', '/v1/organizations', { key: '', headers })).status).toBe(401)
  })
})
