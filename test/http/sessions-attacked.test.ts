import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Endpoint, endpoints } from '../../src/contract/endpoints.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { asPage, cookieName, openSession, page, sessionEnv } from './browser-session.ts'

let gateway: TestGateway
let id: string
let other: string
beforeAll(async () => {
  gateway = await startGateway({ env: { ...sessionEnv, MCP_ENABLED: 'true' } })
  const scopes = ['operators:read', 'operators:write'] as const
  id = await openSession(gateway, { scopes: [...scopes] })
  other = await openSession(gateway, { scopes: [...scopes] })
})
afterAll(() => gateway.close())

const me = async (headers: Record<string, string>): Promise<[number, string | undefined]> => {
  const { status, body } = await gateway.ask('GET', '/v1/me', { key: '', headers })
  return [status, status === 200 ? undefined : body.code]
}
const withCookie = (cookie: string) => me({ Cookie: cookie, Origin: page, 'X-Gateway-Session': '1' })
const cookieOf = (value: string) => `${cookieName}=${value}`

describe('a session cookie that was changed opens no session', () => {
  it('at any place, by a character of its own alphabet', async () => {
    for (let place = 0; place < id.length; place++) {
      const changed = id[place] === 'A' ? 'B' : 'A'
      const tampered = id.slice(0, place) + changed + id.slice(place + 1)
      expect([place, await withCookie(cookieOf(tampered))]).toEqual([place, [401, 'credential.invalid']])
    }
  })

  it('by a character of any other kind, by its length, its case or its coding', async () => {
    const kinds = ['"', '%', '=', '+', '/', '.', ',', '(', '\\', '~', '\u00e9', '\u0080', '\t', ' ']
    const variants = kinds.flatMap((kind) => [
      kind + id.slice(1),
      id.slice(0, 20) + kind + id.slice(21),
      id.slice(0, -1) + kind,
    ])
    const encoded = `%${(id.codePointAt(0) as number).toString(16)}${id.slice(1)}`
    const others = [
      `"${id}"`,
      encoded,
      id.toUpperCase(),
      id.toLowerCase(),
      `${id}A`,
      id.slice(1),
      `${id}=`,
      '',
    ]
    for (const value of [...variants, ...others])
      expect([value, (await withCookie(cookieOf(value)))[0]]).toEqual([value, 401])
    expect(await withCookie(cookieOf(id))).toEqual([200, undefined])
  })

  it('and two different ones are a conflict in any order, also of a live and an invalid one', async () => {
    for (const pair of [
      [id, other],
      [other, id],
      [id, 'n'.repeat(43)],
      ['n'.repeat(43), id],
      [id, ''],
    ]) {
      const cookie = pair.map(cookieOf).join('; ')
      expect([pair, await withCookie(cookie)]).toEqual([pair, [400, 'credential.conflict']])
    }
    expect(await withCookie(`${cookieOf(id)}; a=1; ${cookieOf(id)}`)).toEqual([200, undefined])
  })
})

describe('a session cookie beside another credential', () => {
  it('is a conflict for each header that may hold a key, on drop-in paths too', async () => {
    for (const [path, headers] of [
      ['/v1/me', { 'X-API-Key': gateway.key }],
      ['/v1/me', { Authorization: `Bearer ${gateway.key}` }],
      ['/api/company/organization', { 'X-Authorization-Key': gateway.key }],
      ['/api/company/organization', { 'X-Authorization-Key': 'nonsense' }],
    ] as const) {
      const { status, body } = await gateway.ask('GET', path, asPage(id, headers))
      expect([path, status, body.code]).toEqual([path, 400, 'credential.conflict'])
    }
  })
})

describe('a page of another site', () => {
  const guarded = Object.values<Endpoint>(endpoints).filter(({ scope }) => scope !== 'open')
  const forged: [string, Record<string, string>][] = [
    ['without the header of sessions', { Origin: page }],
    ['from another origin', { 'X-Gateway-Session': '1', Origin: 'https://evil.example' }],
    ['from a sandboxed page', { 'X-Gateway-Session': '1', Origin: 'null' }],
    ['without an origin', { 'X-Gateway-Session': '1' }],
    ['without an origin, and cross-site', { 'X-Gateway-Session': '1', 'Sec-Fetch-Site': 'cross-site' }],
    [
      'without an origin, and the same one as another',
      { 'X-Gateway-Session': '1', 'Sec-Fetch-Site': 'same-origin' },
    ],
  ]
  it.each(forged)('is refused on every endpoint, before its body is read: %s', async (name, headers) => {
    gateway.simulator.clearArrivals()
    for (const { method, path, body, produces } of guarded) {
      // EventSource cannot send the header; the origin decides.
      if (name === forged[0]?.[0] && produces === 'text/event-stream') continue
      const url = path.replace('{org}', '24').replaceAll(/\{\w+\}/g, '101')
      const answer = await gateway.ask(method, url, {
        key: '',
        headers: { Cookie: cookieOf(id), ...headers },
        ...(body && { body: '{' }),
      })
      expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 403, 'csrf.refused'])
    }
    expect(gateway.simulator.arrivals()).toEqual([])
  })
})
