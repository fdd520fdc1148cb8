import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { responseHeaders } from '../../src/contract/response-headers.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { type Raw, raw } from './raw.ts'
import { sendRaw } from './raw-bytes.ts'

const listed = ['https://crm.example.com', 'https://admin.example.com:8443', 'http://localhost:3000']
const unlisted = [
  'null',
  '*',
  '',
  'https://crm.example.com.evil.example',
  'https://evilcrm.example.com',
  'https://evil.example/https://crm.example.com',
  'https://sub.crm.example.com',
  'https://example.com',
  'http://crm.example.com',
  'https://crm.example.com:443',
  'https://crm.example.com:8443',
  'https://admin.example.com',
  'https://CRM.example.com',
  'https://crm.example.com/',
  'https://crm.example.com, https://evil.example',
  'https://crm.example.com%00.evil.example',
  'https://crmxexample.com',
  'http://localhost',
  'http://localhost:30000',
  'http://127.0.0.1:3000',
]
let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ env: { CORS_ORIGINS: listed.join(',') } })
})
afterAll(() => gateway.close())

const read = (headers: Record<string, string>, path = '/v1/organizations/24/operators') =>
  raw(gateway, path, { headers })
const preflight = (
  origin: string,
  more: Record<string, string> = {},
  path = '/v1/organizations/24/operators',
) =>
  raw(gateway, path, {
    method: 'OPTIONS',
    headers: { Origin: origin, 'Access-Control-Request-Method': 'PATCH', ...more },
  })
const corsHeaders = ({ headers }: Raw) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'))

describe('a page of a listed origin', () => {
  it.each(listed)(
    '%s may read answers with credentials, and only its own origin is named',
    async (origin) => {
      const { status, headers } = await read({ Origin: origin })
      expect(status).toBe(200)
      expect(headers['access-control-allow-origin']).toBe(origin)
      expect(headers['access-control-allow-credentials']).toBe('true')
      expect(headers['vary']?.split(', ')).toContain('Origin')
    },
  )

  it('may read refusals too: unknown path, no credential, unknown organization', async () => {
    const Origin = listed[0] as string
    for (const [path, status] of [
      ['/nothing', 404],
      ['/v1/organizations/777/operators', 404],
      ['/v1/organizations/24/operators?x=1', 400],
    ] as const) {
      const answer = await read({ Origin }, path)
      expect([path, answer.status]).toEqual([path, status])
      expect(answer.headers['access-control-allow-origin']).toBe(Origin)
    }
    const without = await fetch(`${gateway.url}/v1/me`, { headers: { Origin } })
    expect([without.status, without.headers.get('access-control-allow-origin')]).toEqual([401, Origin])
  })

  it('may read the headers of the contract', async () => {
    const { headers } = await read({ Origin: listed[0] as string })
    const exposed = headers['access-control-expose-headers']?.toLowerCase().split(', ') ?? []
    const documented = Object.keys(responseHeaders).map((name) => name.toLowerCase())
    expect(documented.filter((name) => !exposed.includes(name))).toEqual(['set-cookie'])
  })

  it('may send the headers and methods of the contract after a preflight', async () => {
    const { status, headers, body } = await preflight(listed[0] as string, {
      'Access-Control-Request-Headers': 'content-type,x-gateway-session',
    })
    expect([status, body.length]).toEqual([204, 0])
    expect(headers['access-control-allow-origin']).toBe(listed[0])
    expect(headers['access-control-allow-credentials']).toBe('true')
    expect(headers['access-control-allow-methods']?.split(', ').sort()).toEqual(
      ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST'].sort(),
    )
    const allowed = headers['access-control-allow-headers']?.toLowerCase().split(', ') ?? []
    for (const name of [
      'authorization',
      'cache-control',
      'content-encoding',
      'content-type',
      'idempotency-key',
      'if-none-match',
      'last-event-id',
      'mcp-method',
      'mcp-name',
      'mcp-protocol-version',
      'x-api-key',
      'x-gateway-session',
      'x-request-id',
    ])
      expect(allowed).toContain(name)
    expect(Number(headers['access-control-max-age'])).toBeGreaterThan(0)
    expect(headers['vary']).toContain('Origin')
    expect(headers).not.toHaveProperty('allow')
  })

  it('needs no credential for a preflight, and a preflight has no effect', async () => {
    gateway.simulator.clearArrivals()
    const asked = await fetch(`${gateway.url}/v1/organizations/6/operators/1`, {
      method: 'OPTIONS',
      headers: { Origin: listed[0] as string, 'Access-Control-Request-Method': 'DELETE' },
    })
    expect(asked.status).toBe(204)
    expect(gateway.simulator.arrivals()).toEqual([])
  })
})

describe('a page of an origin that is not listed, character by character,', () => {
  it.each(unlisted)('%j gets no CORS headers', async (origin) => {
    const answer = await read({ Origin: origin })
    expect([answer.status, corsHeaders(answer)]).toEqual([200, []])
    const asked = await preflight(origin)
    expect([asked.status, corsHeaders(asked)]).toEqual([405, []])
  })

  it('gets no answer to another origin from a cache in between', async () => {
    const answer = await read({ Origin: 'https://evil.example' })
    expect(answer.headers['vary']?.split(', ')).toContain('Origin')
    expect(answer.headers['cache-control']).toContain('private')
  })
})

it('a file that caches keep is kept for each origin apart', async () => {
  for (const path of ['/widget/loader.js', '/docs/assets/docs.css', '/docs/assets/icon.svg'])
    for (const headers of [{}, { Origin: listed[0] as string }, { 'Accept-Encoding': 'gzip' }]) {
      const answer = await read(headers, path)
      expect([path, answer.status, answer.headers['cache-control']]).toEqual([
        path,
        200,
        'public, max-age=3600',
      ])
      expect([path, answer.headers['vary']]).toEqual([path, 'Accept-Encoding, Origin'])
    }
})

it('a request without Origin gets no CORS headers', async () => {
  expect(corsHeaders(await read({}))).toEqual([])
})

it('a preflight with an unread body is the last request of its connection', async () => {
  const head = [
    'OPTIONS /v1/organizations HTTP/1.1',
    'Host: x',
    `Origin: ${listed[0]}`,
    'Access-Control-Request-Method: GET',
    'Expect: 100-continue',
    'Content-Length: 60',
  ].join('\r\n')
  const next = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'
  const { text, statuses } = await sendRaw(gateway, [`${head}\r\n\r\n`, next])
  expect(statuses[0]).toBe(204)
  expect(text).toMatch(/^connection: close\r$/im)
  expect(text).not.toContain('"status":400')
})

it('OPTIONS without preflight headers is refused with 405 and Allow', async () => {
  const { status, headers } = await raw(gateway, '/v1/organizations/24/operators', {
    method: 'OPTIONS',
    headers: { Origin: listed[0] as string },
  })
  expect([status, headers['allow']]).toEqual([405, 'GET, HEAD, POST'])
})

it('without CORS_ORIGINS no origin is allowed', async () => {
  const closed = await startGateway({ beside: gateway })
  for (const origin of [...listed, 'null']) {
    const answer = await raw(closed, '/v1/me', { headers: { Origin: origin } })
    expect([origin, corsHeaders(answer)]).toEqual([origin, []])
  }
  await closed.close()
})

it('no answer can be embedded by a foreign page', async () => {
  for (const path of ['/v1/me', '/nothing', '/docs', '/openapi.json', '/livez']) {
    const { headers } = await raw(gateway, path)
    expect([path, headers['cross-origin-resource-policy']]).toEqual([path, 'same-origin'])
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
  }
})
