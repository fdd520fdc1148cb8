import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { OAuth2Server } from 'oauth2-mock-server'
import type { Response } from 'supertest'
import { freePort } from '../support/free-port.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'
import { cookieName, sessionEnv } from './browser-session.ts'

const clock = createPacedClock()
const provider = new OAuth2Server()
const secret = 'client-secret-of-the-gateway'
const roles = {
  supervisors: { scopes: ['operators:read', 'operators:status', 'audit:read'], organizations: [24] },
  admins: { scopes: ['admin', 'operators:read'], organizations: '*' },
}
const env = (issuer: string) => ({
  ...sessionEnv,
  ...{ OIDC_ISSUER: issuer, OIDC_CLIENT_ID: 'gateway', OIDC_CLIENT_SECRET: secret },
  OIDC_ROLES: JSON.stringify(roles),
})

/** What the provider puts into the id token of the next sign-in. */
let claims: Record<string, unknown> = {}
let gateway: TestGateway
beforeAll(async () => {
  await provider.issuer.keys.generate('RS256')
  await provider.start(0, '127.0.0.1')
  provider.service.on('beforeTokenSigning', ({ payload }) => Object.assign(payload, claims))
  gateway = await startGateway({ env: env(provider.issuer.url as string), clock })
})
afterAll(async () => {
  await gateway.close()
  await provider.stop()
})
beforeEach(() => {
  claims = { sub: '42', aud: 'gateway', email: 'olena@example.com', groups: ['sales', 'supervisors'] }
})

const cookiesOf = ({ headers }: Response) => (headers['set-cookie'] ?? []) as unknown as string[]
const pairOf = (cookie = '') => cookie.split(';')[0] as string
const get = (path: string, cookie = '') =>
  gateway.ask('GET', path, { key: '', headers: cookie === '' ? {} : { Cookie: cookie } })

/** Goes to the provider and signs in there. Gives the path of the callback, and the cookie of the attempt. */
const begin = async (): Promise<{ path: string; cookie: string }> => {
  const begun = await get('/console/login')
  expect(begun.status).toBe(302)
  const signedIn = await fetch(String(begun.headers['location']), { redirect: 'manual' })
  const { origin, pathname, search } = new URL(String(signedIn.headers.get('location')))
  expect([origin, pathname]).toEqual([gateway.url, '/console/callback'])
  return { path: pathname + search, cookie: pairOf(cookiesOf(begun)[0]) }
}
const signIn = async (): Promise<Response> => {
  const { path, cookie } = await begin()
  return get(path, cookie)
}
const sessionIn = (answer: Response) => cookiesOf(answer).find((each) => each.startsWith(`${cookieName}=`))
const asPage = (answer: Response) => ({
  key: '',
  headers: { Cookie: pairOf(sessionIn(answer)), Origin: gateway.url, 'X-Gateway-Session': '1' },
})
const isRefused = (answer: Response, problem: string) => {
  expect([answer.status, answer.headers['location'], sessionIn(answer)]).toEqual([
    ...[302, `/console/#error=${problem}`, undefined],
  ])
}

describe('signing in with an identity provider', () => {
  it('opens a session of the person with the rights of its group, and signing out ends it', async () => {
    const answer = await signIn()
    expect([answer.status, answer.headers['location']]).toEqual([302, '/console/'])
    expect(sessionIn(answer)).toContain('; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=')
    expect(cookiesOf(answer)).toContainEqual(expect.stringMatching(/^__Host-chathub-sign-in=;.*Max-Age=0$/))
    const { body } = await gateway.ask('GET', '/v1/session', asPage(answer))
    expect(body).toMatchObject({ subject: 'olena@example.com', ...roles.supervisors, origin: gateway.url })
    const change = { ...asPage(answer), body: { status: 'active' } }
    expect((await gateway.ask('PATCH', '/v1/organizations/24/operators/103', change)).status).toBe(200)
    const { items } = (await gateway.ask('GET', '/v1/audit?subject=olena@example.com&limit=2')).body
    expect(items.map(({ kind }: { kind: string }) => kind)).toEqual(['statusChanged', 'sessionMinted'])
    expect((await gateway.ask('DELETE', '/v1/session', asPage(answer))).status).toBe(204)
    expect((await gateway.ask('GET', '/v1/session', asPage(answer))).status).toBe(401)
  })

  it('gives the rights of one group alone: the first of the table', async () => {
    claims['groups'] = ['admins', 'supervisors']
    const both = await gateway.ask('GET', '/v1/session', asPage(await signIn()))
    expect(both.body).toMatchObject(roles.supervisors)
    claims['groups'] = 'admins'
    expect((await gateway.ask('GET', '/v1/session', asPage(await signIn()))).body).toMatchObject(roles.admins)
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['its address while that is not verified', { email: 'boss@example.com', email_verified: false }, '42'],
    ['nothing else where the provider tells no address', { email: undefined }, '42'],
    ['characters that reorder text', { email: 'a\u202Eb\u0007@example.com' }, 'ab@example.com'],
  ])('names the person by `sub` and never by %s', async (_name, more, subject) => {
    Object.assign(claims, more)
    expect((await gateway.ask('GET', '/v1/session', asPage(await signIn()))).body.subject).toBe(subject)
  })

  it('is refused to a person without a group that has a role', async () => {
    for (const groups of [['sales'], [], undefined, { supervisors: true }]) {
      claims['groups'] = groups
      isRefused(await signIn(), 'sign-in.no-role')
    }
  })

  it('is refused with another state, with the attempt of another browser, and without one', async () => {
    const { path, cookie } = await begin()
    isRefused(await get(path.replace(/state=[^&]+/, 'state=another'), cookie), 'sign-in.failed')
    isRefused(await get(path, (await begin()).cookie), 'sign-in.failed')
    isRefused(await get(path), 'sign-in.failed')
    isRefused(await get(path, `${cookie.slice(0, -4)}AAAA`), 'sign-in.failed')
    isRefused(await get('/console/callback', cookie), 'sign-in.failed')
  })

  it('is refused when a code is used again', async () => {
    const { path, cookie } = await begin()
    expect(sessionIn(await get(path, cookie))).toBeDefined()
    isRefused(await get(path, cookie), 'sign-in.failed')
  })

  it.each([
    ['another nonce', { nonce: 'another' }],
    ['another audience', { aud: 'another' }],
    ['another issuer', { iss: 'https://another.example' }],
    ['an end in the past', { exp: 1 }],
  ])('is refused for an id token with %s', async (_name, wrong) => {
    Object.assign(claims, wrong)
    isRefused(await signIn(), 'sign-in.failed')
  })

  it('is refused when the provider refuses it, and when it took too long', async () => {
    const { path, cookie } = await begin()
    const state = /state=[^&]+/.exec(path)?.[0]
    isRefused(await get(`/console/callback?error=access_denied&${state}`, cookie), 'sign-in.refused')
    isRefused(await get(`/console/callback?error=server_error&${state}`, cookie), 'sign-in.failed')
    clock.jump(10 * 60_000)
    isRefused(await get(path, cookie), 'sign-in.failed')
  })

  it('tells in the log why it failed, and never a code, a token or the secret', async () => {
    const { path, cookie } = await begin()
    claims['nonce'] = 'another'
    await get(path, cookie)
    expect(gateway.reports.filter(({ name }) => name === 'sign-in').at(-1)).toMatchObject({
      ...{ result: 'sign-in.failed', because: expect.stringContaining('nonce') },
    })
    const code = /code=([^&]+)/.exec(path)?.[1] as string
    for (const each of [code, cookie.split('=')[1] as string, secret])
      expect(gateway.logged()).not.toContain(each)
  })

  it('leads to the sign-out of the provider, where it has one, for people that it signed in', async () => {
    const session = await gateway.ask('GET', '/v1/session', asPage(await signIn()))
    expect(session.body.signOut).toBe('/console/logout')
    const { origin, pathname, searchParams } = new URL(
      String((await get('/console/logout')).headers['location']),
    )
    expect([origin, pathname, Object.fromEntries(searchParams)]).toEqual([
      ...[provider.issuer.url, '/endsession'],
      { client_id: 'gateway', post_logout_redirect_uri: `${gateway.url}/console/` },
    ])
    const away = await startGateway({ env: env(`http://127.0.0.1:${await freePort()}`) })
    const answer = await away.ask('GET', '/console/logout', { key: '' })
    expect(answer.headers['location']).toBe('/console/#error=sign-in.still-there')
    await away.close()
  })

  it('follows the file of roles', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roles-'))
    const file = join(folder, 'roles.json')
    await writeFile(file, JSON.stringify({ others: roles.admins }))
    const { OIDC_ROLES: _, ...rest } = env(provider.issuer.url as string)
    const own = await startGateway({ env: { ...rest, OIDC_ROLES_FILE: file } })
    const attempt = async () => {
      const begun = await own.ask('GET', '/console/login', { key: '' })
      const there = await fetch(String(begun.headers['location']), { redirect: 'manual' })
      const { pathname, search } = new URL(String(there.headers.get('location')))
      const headers = { Cookie: pairOf(cookiesOf(begun)[0]) }
      return (await own.ask('GET', pathname + search, { key: '', headers })).headers['location']
    }
    expect(await attempt()).toBe('/console/#error=sign-in.no-role')
    await writeFile(file, JSON.stringify(roles))
    await until(() => own.reports.some(({ name }) => name === 'secret-file'))
    expect(await attempt()).toBe('/console/')
    await own.close()
    await rm(folder, { recursive: true })
  })

  it('is offered by the page, and only where there is a provider', async () => {
    expect((await get('/console')).text).toContain('<meta name="console-login" content="/console/login">')
    const plain = await startGateway({ env: sessionEnv })
    expect((await plain.ask('GET', '/console', { key: '' })).text).not.toContain('console-login')
    for (const [path, next] of [
      ['/console/login', '/console/#error=sign-in.off'],
      ['/console/callback?code=a', '/console/#error=sign-in.off'],
      ['/console/logout', '/console/'],
    ]) {
      const answer = await plain.ask('GET', path as string, { key: '' })
      expect([path, answer.status, answer.headers['location']]).toEqual([path, 302, next])
    }
    await plain.close()
  })

  it('says that the provider is away, and works when it is back', async () => {
    const port = await freePort()
    const own = await startGateway({ env: env(`http://127.0.0.1:${port}`) })
    const login = async () => (await own.ask('GET', '/console/login', { key: '' })).headers['location']
    expect(await login()).toBe('/console/#error=sign-in.unavailable')
    const late = new OAuth2Server()
    await late.issuer.keys.generate('RS256')
    await late.start(port, '127.0.0.1')
    late.issuer.url = `http://127.0.0.1:${port}`
    const begun = await own.ask('GET', '/console/login', { key: '' })
    const url = new URL(String(begun.headers['location']))
    expect([url.origin, url.pathname]).toEqual([late.issuer.url, '/authorize'])
    await late.stop()
    // It ends between the sign-in there and the exchange of the code.
    const path = `/console/callback?code=a&state=${url.searchParams.get('state')}`
    const back = await own.ask('GET', path, { key: '', headers: { Cookie: pairOf(cookiesOf(begun)[0]) } })
    isRefused(back, 'sign-in.unavailable')
    await own.close()
  })
})
