import { createHmac, KeyObject, sign as signBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type CryptoKey, exportSPKI, importJWK, type JWTPayload } from 'jose'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import {
  audience,
  claimsAt,
  issuer,
  type JwksServer,
  makeSigningKey,
  type SigningKey,
  sign,
  startJwks,
} from './jwks.ts'

const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']
const keys: Record<string, SigningKey> = {}
// The date stands still, so a slow machine changes the age of no token.
const now = Date.UTC(2026, 0, 1)
const wall = () => now
let strangers: SigningKey
let jwks: JwksServer
let gateway: TestGateway
beforeAll(async () => {
  for (const alg of [...algorithms, 'RS512']) keys[alg] = await makeSigningKey(alg)
  strangers = await makeSigningKey('RS256', 'key-RS256')
  // The last is a key of the same set that is not for signatures.
  const encrypting = { ...(await makeSigningKey('RS256', 'for-encryption')).publicJwk, use: 'enc' }
  jwks = await startJwks([...Object.values(keys).map(({ publicJwk }) => publicJwk), encrypting])
  gateway = await startGateway({
    wall,
    env: { JWT_JWKS_URL: jwks.url.href, JWT_ISSUER: issuer, JWT_AUDIENCE: audience },
  })
})
afterAll(async () => {
  await gateway.close()
  await jwks.close()
})

const me = (token: string, header = 'Authorization') =>
  gateway.ask('GET', '/v1/me', {
    key: '',
    headers: { [header]: header === 'Authorization' ? `Bearer ${token}` : token },
  })
const seconds = () => now / 1000
const rs256 = () => keys['RS256'] as SigningKey
const claims = (more: JWTPayload = {}) => claimsAt(now, more)
const encode = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const refused = async (token: string) => {
  const { status, body, headers } = await me(token)
  expect([status, body.code]).toEqual([401, 'credential.invalid'])
  expect(headers['www-authenticate']).toContain('error="invalid_token"')
}

describe('a host application’s JWT', () => {
  it.each(algorithms)('signed with %s is a caller', async (alg) => {
    const { status, body } = await me(await sign(keys[alg] as SigningKey, claims()))
    expect([status, body.id, body.kind]).toEqual([200, 'portal', 'jwt'])
  })

  it('gives its bearer the known scopes and organizations that it names; unknown ones are ignored', async () => {
    const scope = 'operators:read openid superuser operators:write'
    const payload = claims({ scope, organizations: [24, 6] })
    const { exp } = payload
    const token = await sign(rs256(), payload)
    const { body } = await me(token)
    expect(body).toEqual({
      id: 'portal',
      kind: 'jwt',
      scopes: ['operators:read', 'operators:write'],
      organizations: [24, 6],
      requestsPerMinute: 6000,
      expiresAt: new Date(Number(exp) * 1000).toISOString(),
    })
    const list = (organization: number) =>
      gateway.ask('GET', `/v1/organizations/${organization}/operators`, { key: token })
    expect([(await list(24)).status, (await list(42)).status]).toEqual([200, 404])
  })

  it('may touch every organization with "*", and none when it names none', async () => {
    expect((await me(await sign(rs256(), claims({ organizations: '*' })))).body.organizations).toBe('*')
    const { body } = await me(await sign(rs256(), claims()))
    expect([body.organizations, body.scopes]).toEqual([[], []])
  })

  it('is accepted in X-API-Key and in Authorization, and with several audiences if one is right', async () => {
    expect((await me(await sign(rs256(), claims()), 'X-API-Key')).status).toBe(200)
    expect((await me(await sign(rs256(), claims({ aud: ['other', audience] })))).status).toBe(200)
  })

  it('is accepted with a clock difference of up to one minute', async () => {
    const near = [{ exp: seconds() - 30 }, { nbf: seconds() + 30 }, { iat: seconds() + 30 }]
    for (const more of near)
      expect([more, (await me(await sign(rs256(), claims(more)))).status]).toEqual([more, 200])
  })

  it('expires at most one day after it was issued, whatever its exp claim is', async () => {
    const iat = seconds() - 3600
    const { body } = await me(await sign(rs256(), claims({ iat, exp: 1e300 })))
    expect(body.expiresAt).toBe(new Date((iat + 86_400) * 1000).toISOString())
  })
})

describe('401 is the answer to', () => {
  it.each<[string, () => Record<string, unknown>]>([
    ['another issuer', () => ({ iss: 'https://host.example.com' })],
    ['no issuer', () => ({ iss: undefined })],
    ['another audience', () => ({ aud: 'chathub' })],
    ['no audience', () => ({ aud: undefined })],
    ['one that has expired', () => ({ exp: seconds() - 90 })],
    ['one without an end', () => ({ exp: undefined })],
    ['one that is not valid yet', () => ({ nbf: seconds() + 120 })],
    ['one issued in the future', () => ({ iat: seconds() + 120 })],
    ['one of unknown age', () => ({ iat: undefined })],
    ['one older than a day', () => ({ iat: seconds() - 86_500 })],
    ['one of nobody', () => ({ sub: undefined })],
    ['one of an empty name', () => ({ sub: '' })],
    ['one of an endless name', () => ({ sub: 'a'.repeat(129) })],
    ['organizations that are none', () => ({ organizations: ['24'] })],
    ['a scope that is no text', () => ({ scope: ['operators:read'] })],
  ])('%s', async (_name, more) => refused(await sign(rs256(), claims(more() as JWTPayload))))

  it('a token without a signature', async () => {
    const body = encode(claims())
    for (const alg of ['none', 'None', 'NONE', '']) await refused(`${encode({ alg })}.${body}.`)
    const [head, , signature] = (await sign(rs256(), claims())).split('.')
    await refused(`${head}.${body}x.${signature}`)
    await refused(`${head}.${body}.`)
  })

  it('HS256 with the public key as its secret', async () => {
    const key = (await importJWK(rs256().publicJwk, 'RS256')) as CryptoKey
    for (const secret of [
      await exportSPKI(key),
      JSON.stringify(rs256().publicJwk),
      rs256().publicJwk.n as string,
    ]) {
      const signed = `${encode({ alg: 'HS256', kid: rs256().kid })}.${encode(claims())}`
      await refused(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`)
    }
  })

  it('an algorithm that is not allowed, although its key is in the set', async () =>
    refused(await sign(keys['RS512'] as SigningKey, claims())))

  it('a key of the set that is not for signatures, and one key id with another algorithm', async () => {
    await refused(await sign(rs256(), claims(), { kid: 'for-encryption' }))
    await refused(await sign(rs256(), claims(), { kid: 'key-ES256' }))
    await refused(await sign(rs256(), claims(), { alg: 'RS256', kid: 'key-PS256' }))
  })

  it('a foreign signature under a key id of the set', async () => refused(await sign(strangers, claims())))

  it('a foreign key that the token carries in its header or by URL', async () => {
    const own = await startJwks([{ ...strangers.publicJwk }])
    for (const header of [
      { jwk: strangers.publicJwk },
      { jku: own.url.href },
      { x5u: own.url.href },
      { jku: own.url.href, kid: undefined },
      { x5c: ['MIIB'] },
    ]) {
      gateway.jump(5_000) // the keys may be fetched again, so the answer is no 503
      await refused(await sign(strangers, claims(), header))
    }
    expect(own.asked()).toBe(0)
    await own.close()
  })

  it('a critical extension that is not supported', async () => {
    const privateKey = KeyObject.from(rs256().privateKey)
    const plain = `${encode({ alg: 'RS256', kid: rs256().kid })}.${encode(claims())}`
    const signature = signBytes('sha256', Buffer.from(plain), privateKey).toString('base64url')
    expect((await me(`${plain}.${signature}`)).status).toBe(200)
    for (const crit of [['exp'], ['urn:example:unknown'], ['b64'], [], 'exp']) {
      const header = { alg: 'RS256', kid: rs256().kid, crit, 'urn:example:unknown': true, b64: false }
      const signed = `${encode(header)}.${encode(claims())}`
      await refused(`${signed}.${signBytes('sha256', Buffer.from(signed), privateKey).toString('base64url')}`)
    }
  })

  it('a token larger than 8 KiB, before it is parsed', async () => {
    const token = await sign(rs256(), claims({ padding: 'a'.repeat(6200) }))
    expect(token.length).toBeGreaterThan(8192)
    await refused(token)
    const fits = await sign(rs256(), claims({ padding: 'a'.repeat(5200) }))
    expect(fits.length).toBeLessThan(8192)
    expect((await me(fits)).status).toBe(200)
  })

  it('text that only looks like a JWT', async () => {
    const [head = '', body = '', signature = ''] = (await sign(rs256(), claims())).split('.')
    for (const token of [
      `${head}.${body}`,
      `${head}.${body}.${signature}.${signature}`,
      '..',
      'a.b.c',
      `${head}.${encode('null')}.${signature}`,
      `${encode('[]')}.${body}.${signature}`,
      `${encode('{"alg":"RS256","alg":"none"}')}.${body}.${signature}`,
      `${encode({ alg: ['RS256'] })}.${body}.${signature}`,
      `${encode({ alg: 'RS256', kid: { a: 1 } })}.${body}.${signature}`,
    ])
      await refused(token)
  })

  it('two different tokens in one request: 400', async () => {
    const [one, two] = [await sign(rs256(), claims()), await sign(rs256(), claims({ sub: 'two' }))]
    const headers = { Authorization: `Bearer ${one}`, 'X-API-Key': two }
    expect((await gateway.ask('GET', '/v1/me', { key: '', headers })).body.code).toBe('credential.conflict')
  })
})

it('a JWT can mint a browser session that ends with the JWT, and neither is logged', async () => {
  const token = await sign(
    rs256(),
    claims({ scope: 'sessions:mint operators:read', organizations: [24], exp: seconds() + 300 }),
  )
  const own = await startGateway({
    beside: gateway,
    wall,
    env: {
      SESSION_SECRET: 'a-secret-of-at-least-32-characters',
      JWT_JWKS_URL: jwks.url.href,
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: audience,
    },
  })
  const Origin = 'https://crm.example.com'
  const grant = { organizations: [24], scopes: ['operators:read'], origin: Origin }
  const { ticket } = (await own.ask('POST', '/v1/sessions', { key: token, body: grant })).body
  const opened = await own.ask('POST', '/v1/session', { key: '', headers: { Origin }, body: { ticket } })
  const Cookie = String(opened.headers['set-cookie']).split(';')[0] as string
  const { body } = await own.ask('GET', '/v1/session', {
    key: '',
    headers: { Origin, Cookie, 'X-Gateway-Session': '1' },
  })
  expect(Date.parse(body.expiresAt)).toBeLessThanOrEqual((seconds() + 300) * 1000)
  expect(own.logged()).not.toContain(token)
  await own.close()
})

it('while the key set cannot be fetched, a JWT is answered 503 with Retry-After, and keys still work', async () => {
  const gone = await startJwks([])
  await gone.close()
  const env = { JWT_JWKS_URL: gone.url.href, JWT_ISSUER: issuer, JWT_AUDIENCE: audience }
  const own = await startGateway({ beside: gateway, wall, env })
  const { status, body, headers } = await own.ask('GET', '/v1/me', { key: await sign(rs256(), claims()) })
  expect([status, body.code, headers['retry-after']]).toEqual([503, 'credential.unverifiable', '5'])
  expect((await own.ask('GET', '/v1/me')).status).toBe(200)
  expect((await own.ask('GET', '/v1/me', { key: 'neither-a-key-nor-a-token-of-any-kind' })).status).toBe(401)
  await own.close()
})
