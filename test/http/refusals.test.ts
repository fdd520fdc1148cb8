import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { makeKey } from '../../src/access/keys.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './raw-bytes.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    clients: [
      { id: 'one-call', requestsPerMinute: 1 },
      { id: 'another-one-call', requestsPerMinute: 1 },
      { id: 'blind', scopes: [], organizations: [24] },
      { id: 'reader', scopes: ['operators:read'], organizations: [24] },
      { id: 'writer', organizations: [24] },
      { id: 'two-calls', requestsPerMinute: 2 },
      { id: 'expired', expiresAt: '2020-01-01T00:00:00Z' },
    ],
  })
})
afterAll(() => gateway.close())
beforeEach(() => gateway.simulator.clearArrivals())

type Case = { method?: string; path: string; key?: string; headers?: Record<string, string>; body?: unknown }
const ask = ({ method = 'POST', path, ...options }: Case) => gateway.ask(method, path, options)
const foreign = '/v1/organizations/6/operators'

describe('refusals have one order, and the first that applies is sent', () => {
  const operators = '/v1/organizations/24/operators'
  const text = { 'Content-Type': 'text/plain' }
  const json = { 'Content-Type': 'application/json' }
  const image = { Accept: 'image/png' }
  // Each case has its own fault and faults of every kind that comes later in the order.
  const cases: [number, string, string, Case][] = [
    [404, 'route.unknown', '', { method: 'PUT', path: '/v1/nothing?x=1', key: 'wrong' }],
    [
      405,
      'route.method',
      '',
      { method: 'PUT', path: `${foreign}?x=1`, key: 'wrong', headers: text, body: '{' },
    ],
    [401, 'credential.missing', '', { path: `${foreign}?x=1`, headers: text, body: '{' }],
    [401, 'credential.invalid', '', { path: `${foreign}?x=1`, key: 'wrong', headers: text, body: '{' }],
    [429, 'limit.exceeded', 'one-call', { path: `${foreign}?x=1`, headers: text, body: '{' }],
    [403, 'scope.missing', 'blind', { path: `${foreign}?x=1`, headers: text, body: '{' }],
    [
      400,
      'request.invalid',
      'writer',
      { path: '/v1/organizations/x/operators?x=1', headers: text, body: '{' },
    ],
    [404, 'organization.unknown', 'writer', { path: `${foreign}?x=1`, headers: text, body: '{' }],
    [
      406,
      'request.not-acceptable',
      'writer',
      { path: `${operators}?x=1`, headers: { ...text, ...image }, body: '{' },
    ],
    [415, 'body.type', 'writer', { path: `${operators}?x=1`, headers: text, body: '{' }],
    [
      413,
      'body.too-large',
      'writer',
      { path: '/v1/tokens:validate?x=1', headers: json, body: 'x'.repeat(65_537) },
    ],
    [400, 'request.invalid', 'writer', { path: `${operators}?x=1`, headers: json, body: '{' }],
    [400, 'request.malformed', 'writer', { path: operators, headers: json, body: '{' }],
    [422, 'request.invalid-body', 'writer', { path: operators, body: { operators: [] } }],
    [404, 'organization.unknown', 'writer', { path: '/v1/cache:purge', body: { organization: 6 } }],
  ]
  it.each(cases)('%i %s (%s)', async (status, code, client, what) => {
    const key = what.key ?? (client === '' ? '' : (gateway.keys[client] as string))
    if (code === 'limit.exceeded') await gateway.ask('GET', '/v1/me', { key })
    const answer = await ask({ ...what, key })
    expect([answer.status, answer.body.code]).toEqual([status, code])
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it('the faults of a path that does not parse are sent together with those of the query', async () => {
    const { status, body } = await ask({ method: 'GET', path: '/v1/organizations/x/operators?limit=0' })
    const pointers = body.errors.map(({ pointer }: { pointer: string }) => pointer)
    expect([status, pointers]).toEqual([400, ['/path/org', '/query/limit']])
  })

  it('say what came and what is wanted', async () => {
    const detailOf = async (what: Case) => (await ask({ key: gateway.key, ...what })).body.detail
    const asked: [Case, string][] = [
      [
        { method: 'GET', path: operators, headers: { Accept: 'text/xml;q=0.9' } },
        'Accept came as "text/xml;q=0.9". Wanted: application/json, text/csv, application/x-ndjson.',
      ],
      [
        { path: '/v1/tokens:validate', headers: json, body: 'x'.repeat(65_537) },
        'Wanted: a body of at most 65536 bytes, also when it is unpacked.',
      ],
      [{ method: 'PUT', path: operators }, 'The method came as PUT. Wanted: GET, HEAD, POST.'],
      [
        { method: 'GET', path: '/v1/me', headers: { Authorization: 'Bearer cgw_other' } },
        'Different credentials came in Authorization and X-API-Key. Wanted: one of them.',
      ],
    ]
    for (const [what, detail] of asked) expect(await detailOf(what)).toBe(detail)
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`X-Any-${at}`, '1']))
    expect(await detailOf({ method: 'GET', path: '/v1/me', headers: many })).toBe(
      'Wanted: at most 100 headers.',
    )
    const large = `GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Any: ${'x'.repeat(16_384)}\r\n\r\n`
    expect((await sendRaw(gateway, [large])).text).toContain(
      'Wanted: a request line and headers of at most 16384 bytes.',
    )
  })

  it('of a credential in the URL name its parameter, and never the credential', async () => {
    const pointersOf = async (query: string) =>
      (await ask({ method: 'GET', path: `/v1/me?${query}`, key: '' })).body.errors.map(
        ({ pointer }: { pointer: string }) => pointer,
      )
    expect(await pointersOf('api_key=x')).toEqual(['/query/api_key'])
    expect(await pointersOf(`x=${gateway.key}`)).toEqual(['/query/x'])
    expect(await pointersOf(`${gateway.key}=x`)).toEqual(['/query'])
  })

  it('405 names the allowed methods', async () => {
    for (const [method, path, allow] of [
      ['DELETE', '/v1/organizations/24/operators', 'GET, HEAD, POST'],
      ['POST', '/v1/me', 'GET, HEAD'],
      ['GET', '/v1/cache:purge', 'POST'],
      ['OPTIONS', '/v1/organizations/24/operators/101', 'DELETE, GET, HEAD, PATCH'],
      ['PUT', '/api/operator', 'GET, HEAD'],
      ['TRACE', '/livez', 'GET, HEAD'],
    ] as const) {
      const { status, headers } = await gateway.ask(method, path, { key: '' })
      const allowed = String(headers['allow']).split(', ').toSorted().join(', ')
      expect([method, path, status, allowed]).toEqual([method, path, 405, allow])
    }
  })

  it('401 has a challenge that names how to authenticate', async () => {
    const missing = await gateway.ask('GET', '/v1/me', { key: '' })
    expect(missing.headers['www-authenticate']).toBe('Bearer realm="chathub-gateway"')
    const invalid = await gateway.ask('GET', '/v1/me', { key: makeKey('other') })
    expect(invalid.headers['www-authenticate']).toBe('Bearer realm="chathub-gateway", error="invalid_token"')
  })

  it('429 names the limit and has Retry-After', async () => {
    const key = gateway.keys['another-one-call'] as string
    await gateway.ask('GET', '/v1/me', { key })
    const { status, headers } = await gateway.ask('GET', '/v1/me', { key })
    expect([status, headers['ratelimit-policy']]).toEqual([429, '"client";q=1;w=60'])
    expect(headers['ratelimit']).toBe(`"client";r=0;t=${headers['retry-after']}`)
    expect(Number(headers['retry-after'])).toBeGreaterThan(50)
  })
})

describe('paths', () => {
  it('that are not exactly a path of the OpenAPI document are unknown', async () => {
    for (const path of [
      '/v1',
      '/v1/me/',
      '/V1/me',
      '//v1/me',
      '/v1//me',
      '/v1/organizations/',
      '/v1/organizations/24/Operators',
      '/v1/organizations/24/operators/101/tokens/',
      '/v1/tokens:Validate',
      '/v1/tokens',
      '/v1/cache',
      '/api/operator/',
      '/livez.',
      '/v1/organizations/24/operators:nothing',
    ]) {
      const { status, body } = await gateway.ask('GET', path)
      expect([path, status, body.code]).toEqual([path, 404, 'route.unknown'])
    }
  })

  it('that cannot be decoded are malformed, and are not repeated in the answer', async () => {
    for (const path of ['/v1/organizations/%zz', '/v1/organizations/%c0%af', '/v1/operators/%']) {
      const { status, body, text } = await gateway.ask('GET', path)
      expect([path, status, body.code]).toEqual([path, 400, 'request.malformed'])
      expect(text).not.toContain('%')
    }
  })

  it('longer than 4096 bytes are too long', async () => {
    const { status, body } = await gateway.ask('GET', `/v1/organizations?q=${'a'.repeat(4096)}`)
    expect([status, body.code]).toEqual([414, 'request.uri-too-long'])
  })
})

describe('credentials', () => {
  it('that are invalid or missing never cause a call to ChatHub, on any path', async () => {
    const wrong = [
      makeKey('all'),
      `${gateway.key}x`,
      gateway.key.slice(0, -1),
      'x',
      gateway.keys['expired'] as string,
    ]
    const paths = Object.entries((await gateway.ask('GET', '/openapi.json', { key: '' })).body.paths) as [
      string,
      object,
    ][]
    gateway.simulator.clearArrivals()
    for (const [template, methods] of paths)
      for (const [method, operation] of Object.entries(methods) as [string, { security: unknown[] }][]) {
        if (operation.security.length === 0) continue
        const path = template.replaceAll(/\{\w+\}/g, '24')
        const statuses = [await gateway.ask(method, path, { key: '' })]
        for (const key of wrong) statuses.push(await gateway.ask(method, path, { key }))
        const inUrl = await gateway.ask(method, `${path}?access_token=${gateway.key}`, { key: '' })
        expect([400, 401]).toContain(inUrl.status)
        expect([method, path, [...new Set(statuses.map(({ status }) => status))]]).toEqual([
          method,
          path,
          [401],
        ])
      }
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it('in two headers conflict when they differ, and count as one when they are equal', async () => {
    const bearer = (key: string) => ({ Authorization: `Bearer ${key}` })
    expect((await gateway.ask('GET', '/v1/me', { key: '', headers: bearer(gateway.key) })).status).toBe(200)
    expect(
      (await gateway.ask('GET', '/v1/me', { key: '', headers: { authorization: `bEARER  ${gateway.key}` } }))
        .status,
    ).toBe(200)
    expect((await gateway.ask('GET', '/v1/me', { headers: bearer(gateway.key) })).status).toBe(200)
    const conflict = await gateway.ask('GET', '/v1/me', { headers: bearer(gateway.keys['reader'] as string) })
    expect([conflict.status, conflict.body.code]).toEqual([400, 'credential.conflict'])
    for (const authorization of ['Basic YTpi', 'Bearer', `Bearer ${gateway.key} x`, gateway.key]) {
      const answer = await gateway.ask('GET', '/v1/me', { key: '', headers: { authorization } })
      expect([authorization, answer.status]).toEqual([authorization, 401])
    }
  })

  it('in a repeated header conflict when they differ, and count as one when they are equal', async () => {
    const other = gateway.keys['reader'] as string
    for (const [name, before] of [
      ['Authorization', 'Bearer '],
      ['X-API-Key', ''],
    ] as const)
      for (const [second, status] of [
        [gateway.key, 200],
        [other, 400],
      ] as const) {
        const head = ['GET /v1/organizations/24 HTTP/1.1', 'Host: x', 'Connection: close']
        const given = [gateway.key, second].map((key) => `${name}: ${before}${key}`)
        const { statuses, problem } = await sendRaw(gateway, [[...head, ...given, '', ''].join('\r\n')])
        expect([name, statuses]).toEqual([name, [status]])
        if (status === 400) expect(problem.code).toBe('credential.conflict')
      }
  })

  it('in the URL are refused, also beside a valid credential, and are not repeated', async () => {
    const ofKey = gateway.key
    for (const query of [
      ...['api_key', 'apikey', 'X-API-Key', 'key', 'token', 'access_token', 'authorization'].map(
        (name) => `${name}=whatever-it-is`,
      ),
      `q=${ofKey}`,
      `${ofKey}=1`,
      `limit=1&q=cgt_${'a'.repeat(43)}`,
    ])
      for (const key of [ofKey, '']) {
        const { status, body, text } = await gateway.ask('GET', `${foreign}?${query}`, { key })
        expect([query, status, body.code]).toEqual([query, 400, 'credential.in-url'])
        expect(text).not.toMatch(/whatever|cg[wt]_/)
      }
    expect((await gateway.ask('GET', `${foreign}?q=keyboard`)).status).toBe(200)
  })

  it('as login and password count as a request of their client', async () => {
    const body = { login: 'two-calls', password: gateway.keys['two-calls'] }
    const statuses: number[] = []
    for (let call = 0; call < 3; call++)
      statuses.push((await ask({ path: '/api/company/get-token', key: '', body })).status)
    expect(statuses).toEqual([200, 200, 429])
  })

  it('without a scope get 403 with the name of that scope, and nothing else', async () => {
    const { status, body } = await gateway.ask('DELETE', '/v1/organizations/24/operators/101', {
      key: gateway.keys['reader'] as string,
    })
    expect([status, body.errors]).toEqual([
      403,
      [{ pointer: '/scopes', code: 'missing', detail: 'This endpoint needs the scope operators:write.' }],
    ])
  })
})
