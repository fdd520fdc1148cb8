import { describe, expect, it } from '@jest/globals'
import { createAuthenticate, credentialOf } from '../../src/access/authenticate.ts'
import type { Caller } from '../../src/access/caller.ts'

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

describe('the guard', () => {
  it('answers at once, without a promise, when the first place to look knows the credential', () => {
    const authenticate = createAuthenticate([(key) => (key === 'k' ? caller : undefined)], undefined)
    expect(authenticate(request({ 'x-api-key': 'k' }))).toBe(caller)
  })

  it('asks one place after the other, and stops at the first that knows', async () => {
    const asked: string[] = []
    const place = (name: string, found?: Caller) => async () => {
      asked.push(name)
      return found
    }
    const authenticate = createAuthenticate(
      [() => undefined, place('second', caller), place('third')],
      undefined,
    )
    expect(await authenticate(request({ authorization: 'Bearer t' }))).toBe(caller)
    expect(asked).toEqual(['second'])
  })

  it('refuses a request without a credential, and one with a credential that nobody knows, with a challenge', async () => {
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

  it('passes on the failure of a place that could not look', async () => {
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
