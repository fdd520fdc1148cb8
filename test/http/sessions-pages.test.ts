import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { asPage, cookieName, openSession, page, sessionEnv } from './browser-session.ts'
import { seen } from './seen.ts'

let gateway: TestGateway
let id: string
const other = 'https://other.example.com'
beforeAll(async () => {
  gateway = await startGateway({
    env: { ...sessionEnv, CORS_ORIGINS: `${page},${other}`, TRUST_PROXY: '127.0.0.1' },
  })
  id = await openSession(gateway, {
    scopes: ['organizations:read', 'operators:read', 'operators:write', 'tokens:mint', 'cache:purge'],
  })
})
afterAll(() => gateway.close())

const cookie = () => `${cookieName}=${id}`
const me = (headers: Record<string, string>) => gateway.ask('GET', '/v1/me', { key: '', headers })
const own = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'crm.example.com' }

describe('a session cookie counts', () => {
  it('from the page it is bound to', async () => {
    expect((await gateway.ask('GET', '/v1/me', asPage(id))).status).toBe(200)
    // A page on another site is what SESSION_SAME_SITE=none is for: the exact origin decides.
    const apart = asPage(id, { 'Sec-Fetch-Site': 'cross-site' })
    expect((await gateway.ask('GET', '/v1/me', apart)).status).toBe(200)
  })

  it('from the gateway’s own origin, where a browser sends no Origin with a read', async () => {
    const headers = { Cookie: cookie(), 'X-Gateway-Session': '1', 'Sec-Fetch-Site': 'same-origin' }
    expect((await me({ ...headers, ...own })).status).toBe(200)
    expect((await me({ ...headers, ...own, 'X-Forwarded-Proto': 'http' })).status).toBe(403)
    expect((await me({ ...headers, ...own, 'X-Forwarded-Host': 'crm.example.com:8443' })).status).toBe(403)
    expect((await me(headers)).status).toBe(403)
  })

  it.each<[string, Record<string, string>]>([
    ['without the header that no form can send', { Origin: page }],
    ['without any word of its page', { 'X-Gateway-Session': '1' }],
    ['from another page that CORS lets in', { 'X-Gateway-Session': '1', Origin: other }],
    ['from a page that is nobody’s', { 'X-Gateway-Session': '1', Origin: 'https://evil.example' }],
    ['from a name that ends like ours', { 'X-Gateway-Session': '1', Origin: 'https://evilcrm.example.com' }],
    ['from a name that begins like ours', { 'X-Gateway-Session': '1', Origin: `${page}.evil.example` }],
    ['from another port', { 'X-Gateway-Session': '1', Origin: `${page}:444` }],
    ['from the unencrypted page', { 'X-Gateway-Session': '1', Origin: 'http://crm.example.com' }],
    ['from a sandboxed page', { 'X-Gateway-Session': '1', Origin: 'null' }],
    ['from a cross-site read', { 'X-Gateway-Session': '1', 'Sec-Fetch-Site': 'cross-site', ...own }],
    ['from a same-site read', { 'X-Gateway-Session': '1', 'Sec-Fetch-Site': 'same-site', ...own }],
    ['from the address bar', { 'X-Gateway-Session': '1', 'Sec-Fetch-Site': 'none', ...own }],
    [
      'from a foreign page that calls itself the same origin',
      { 'X-Gateway-Session': '1', Origin: other, 'Sec-Fetch-Site': 'same-origin', ...own },
    ],
  ])('not %s', async (_name, headers) => {
    const before = gateway.simulator.operators()
    const read = await me({ Cookie: cookie(), ...headers })
    expect([read.status, read.body.code]).toEqual([403, 'csrf.refused'])
    expect(read.body.detail).toBe(
      'X-Gateway-Session' in headers
        ? 'Origin' in headers
          ? 'The origin of the page is not that of the session.'
          : 'The request names no origin of its page. Wanted: Origin, or Sec-Fetch-Site: same-origin.'
        : 'A session cookie came without the header X-Gateway-Session.',
    )
    const write = await gateway.ask('PATCH', '/v1/organizations/24/operators/101', {
      key: '',
      headers: { Cookie: cookie(), ...headers },
      body: { status: 'deleted' },
    })
    expect([write.status, write.body.code]).toEqual([403, 'csrf.refused'])
    expect(gateway.simulator.operators()).toEqual(before)
  })

  it('not together with a key: the request is refused', async () => {
    const others: Record<string, string>[] = [
      { 'X-API-Key': gateway.key },
      { Authorization: `Bearer ${gateway.key}` },
      { 'X-API-Key': 'not-a-key' },
    ]
    for (const headers of others) {
      const { status, body } = await me({ ...(asPage(id).headers as object), ...headers })
      expect([status, body.code]).toEqual([400, 'credential.conflict'])
    }
  })

  it('only under its own name, among any others', async () => {
    const among = asPage(id, { Cookie: `a=1; ${cookie()}; b="2"; broken` })
    expect((await gateway.ask('GET', '/v1/me', among)).status).toBe(200)
    for (const wrong of [
      `chathub-session=${id}`,
      `x${cookie()}`,
      cookieName,
      `${cookieName}=`,
      `${cookie()}x`,
    ])
      expect((await gateway.ask('GET', '/v1/me', asPage(id, { Cookie: wrong }))).status).toBe(401)
  })
})

describe('without SESSION_SECRET', () => {
  it('there are no sessions, and a cookie is ignored', async () => {
    const plain = await startGateway({ beside: gateway, env: { HOST: '0.0.0.0' } })
    // conforms() knows the whole contract, this gateway has no such path: asked without it.
    const minted = await fetch(`${plain.url}/v1/sessions`, {
      method: 'POST',
      headers: { 'X-API-Key': plain.key },
    })
    expect(minted.status).toBe(404)
    expect((await plain.ask('GET', '/v1/me', asPage(id))).body.code).toBe('credential.missing')
    expect((await plain.ask('GET', '/v1/me', { headers: { Cookie: cookie() } })).status).toBe(200)
    await plain.close()
  })
})

describe('with a session, a foreign organization is answered exactly like one that does not exist', () => {
  const paths: [string, string, object?][] = [
    ['GET', '/v1/organizations/ORG'],
    ['GET', '/v1/organizations?ids=ORG'],
    ['GET', '/v1/organizations/ORG/operators'],
    ['GET', '/v1/organizations/ORG/operators/1'],
    ['GET', '/v1/organizations/ORG/statistics'],
    ['GET', '/v1/organizations/ORG/diagnosis'],
    ['GET', '/v1/operators?organizations=ORG'],
    ['POST', '/v1/organizations/ORG/operators', { operators: [{ name: 'New One' }] }],
    ['PATCH', '/v1/organizations/ORG/operators/1', { status: 'inactive' }],
    ['DELETE', '/v1/organizations/ORG/operators/1'],
    ['POST', '/v1/organizations/ORG/operators/1/tokens', {}],
    ['POST', '/v1/cache:purge', { organization: 'ORG' }],
    ['GET', '/api/operator?organizationId=ORG'],
    ['POST', '/api/operator/synchronize', [{ organizationId: 'ORG', name: 'A' }]],
  ]
  it.each(paths.map(([method, path, body]) => [method, path, body ?? null] as const))(
    '%s %s',
    async (...row) => {
      const [method, path, body] = row
      await gateway.ask('GET', '/v1/operators')
      gateway.simulator.clearArrivals()
      const one = async (organization: number) => {
        const sent = body
          ? JSON.parse(JSON.stringify(body).replace('"ORG"', String(organization)))
          : undefined
        return seen(
          await gateway.ask(method, path.replace('ORG', String(organization)), asPage(id, {}, sent)),
        )
      }
      const foreign = await one(6)
      expect(foreign).toEqual(await one(777))
      expect(foreign.text).not.toMatch(/Sales|Олена|José/)
      expect(gateway.simulator.arrivals().filter(({ organization }) => organization === 6)).toEqual([])
    },
  )

  it('lists, directory and statistics contain only the organizations of the session', async () => {
    for (const path of [
      '/v1/organizations',
      '/v1/operators',
      '/v1/statistics',
      '/api/company/organization',
    ]) {
      const { status, text } = await gateway.ask('GET', path, asPage(id))
      expect([path, status]).toEqual([path, 200])
      expect(text).not.toMatch(/Sales|Back Office|Олена|"id":6\b|"id":42\b/)
    }
  })

  it('an operator of a foreign organization is unknown by its id alone', async () => {
    for (const [method, path, body] of [
      ['GET', '/v1/operators/2'],
      ['POST', '/api/operator/status', { id: 2, status: 2 }],
    ] as const)
      expect((await gateway.ask(method, path, asPage(id, {}, body))).body.code).toBe('operator.unknown')
  })
})
