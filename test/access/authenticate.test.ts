import { describe, expect, it } from '@jest/globals'
import { createAuthenticate, credentialOf } from '../../src/access/authenticate.ts'
import type { Caller } from '../../src/access/caller.ts'
import type { Sessions } from '../../src/access/sessions.ts'

const caller: Caller = {
  id: 'crm',
  kind: 'key',
  scopes: new Set(),
  organizations: '*',
  requestsPerMinute: 60,
  expiresAt: undefined,
}
type Headers = Parameters<typeof credentialOf>[0]
const request = (headers: Headers, dropIn = false) => ({
  headers,
  dropIn,
  ownOrigin: () => 'http://localhost',
})
const failure = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('the credential of a request', () => {
  it.each<[Headers, string | undefined]>([
    [{}, undefined],
    [{ authorization: 'Bearer abc' }, 'abc'],
    [{ authorization: 'bearer  abc ' }, 'abc'],
    [{ 'x-api-key': 'abc' }, 'abc'],
    [{ authorization: 'Bearer abc', 'x-api-key': 'abc' }, 'abc'],
    [{ 'x-authorization-key': 'abc' }, undefined],
  ])('in %j is %j', (headers, credential) => {
    expect(credentialOf(headers, false)).toBe(credential)
  })

  it('may stand in X-Authorization-Key on drop-in paths only', () => {
    const headers = { 'x-authorization-key': 'abc' }
    expect(credentialOf(headers, true)).toBe('abc')
    expect(credentialOf({ ...headers, 'x-api-key': 'other' }, false)).toBe('other')
    expect(failure(() => credentialOf({ ...headers, 'x-api-key': 'other' }, true))).toMatchObject({
      code: 'credential.conflict',
    })
  })

  it('must be one: two different are a conflict, the same twice is not', () => {
    const two = { authorization: 'Bearer abc', 'x-api-key': 'abd' }
    expect(failure(() => credentialOf(two, false))).toMatchObject({
      code: 'credential.conflict',
      status: 400,
    })
  })

  it.each(['', 'Basic YTpi', 'Bearer', 'Bearer ', 'abc', 'Bearer a b', 'Bearer a,b c', 'Bearer ключ'])(
    'is not valid as Authorization: %j',
    (authorization) => {
      expect(failure(() => credentialOf({ authorization }, false))).toMatchObject({
        code: 'credential.invalid',
        headers: { 'WWW-Authenticate': 'Bearer realm="chathub-gateway", error="invalid_request"' },
      })
    },
  )
})

describe('authentication', () => {
  it('gives no promise when the first finder knows the credential', () => {
    const authenticate = createAuthenticate([(key) => (key === 'k' ? caller : undefined)], undefined)
    expect(authenticate(request({ 'x-api-key': 'k' }))).toBe(caller)
  })

  it('asks the finders in order, and stops at the first that knows the credential', async () => {
    const asked: string[] = []
    const finder = (name: string, found?: Caller) => async () => {
      asked.push(name)
      return found
    }
    const authenticate = createAuthenticate(
      [() => undefined, finder('second', caller), finder('third')],
      undefined,
    )
    expect(await authenticate(request({ authorization: 'Bearer t' }))).toBe(caller)
    expect(asked).toEqual(['second'])
  })

  it('refuses a missing or unknown credential with a challenge', async () => {
    const authenticate = createAuthenticate([() => undefined, async () => undefined], undefined)
    expect(failure(() => authenticate(request({})))).toMatchObject({
      code: 'credential.missing',
      status: 401,
    })
    await expect(authenticate(request({ 'x-api-key': 'k' }))).rejects.toMatchObject({
      code: 'credential.invalid',
      status: 401,
      headers: { 'WWW-Authenticate': 'Bearer realm="chathub-gateway", error="invalid_token"' },
    })
  })

  it('passes on the failure of a finder', async () => {
    const away = new Error('away')
    const authenticate = createAuthenticate(
      [
        () => undefined,
        async () => {
          throw away
        },
      ],
      undefined,
    )
    await expect(authenticate(request({ 'x-api-key': 'k' }))).rejects.toBe(away)
  })
})

describe('a session cookie', () => {
  const origin = 'https://crm.example.com'
  const session = { ...caller, kind: 'session', origin } as const
  const used: string[] = []
  const find = async (id: string, check: (origin: string) => void) => {
    if (id !== 'known') return undefined
    check(session.origin)
    used.push(id)
    return session
  }
  const authenticate = createAuthenticate([() => caller], { find } as unknown as Sessions)
  const asPage = (more: Headers = {}, id = 'known') =>
    request({ cookie: `__Host-chathub-session=${id}`, origin, 'x-gateway-session': '1', ...more })

  it('is a credential where there is no other', async () => {
    expect(await authenticate(asPage())).toBe(session)
    expect(authenticate(request({ 'x-api-key': 'k' }))).toBe(caller)
  })

  it('conflicts with another credential', () => {
    expect(failure(() => authenticate(asPage({ 'x-api-key': 'k' })))).toMatchObject({
      code: 'credential.conflict',
    })
  })

  it('is not even used without its header, which other sites cannot send', async () => {
    used.length = 0
    const { 'x-gateway-session': _, ...headers } = asPage().headers
    await expect(authenticate(request(headers))).rejects.toMatchObject({ code: 'csrf.refused' })
    expect(used).toEqual([])
  })

  it('counts only from a page of the session’s origin', async () => {
    const evil = authenticate(asPage({ origin: 'https://evil.example' }))
    await expect(evil).rejects.toMatchObject({ code: 'csrf.refused' })
  })

  it('of an unknown session is refused with a challenge', async () => {
    await expect(authenticate(asPage({}, 'unknown'))).rejects.toMatchObject({
      code: 'credential.invalid',
      headers: { 'WWW-Authenticate': 'Bearer realm="chathub-gateway", error="invalid_token"' },
    })
  })

  it('is no credential where sessions are turned off', () => {
    const off = createAuthenticate([() => caller], undefined)
    expect(failure(() => off(asPage()))).toMatchObject({ code: 'credential.missing' })
  })
})
