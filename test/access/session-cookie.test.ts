import { describe, expect, it } from '@jest/globals'
import {
  requireOrigin,
  requireSessionHeader,
  sessionIdOf,
  setCookie,
} from '../../src/access/session-cookie.ts'

const refused = expect.objectContaining({ code: 'csrf.refused', status: 403 })
const own = 'https://gateway.example.com'
const page = 'https://crm.example.com'

describe('the session id', () => {
  it.each([
    ['__Host-chathub-session=abc', 'abc'],
    ['a=1; __Host-chathub-session=abc; b=2', 'abc'],
    ['a=1;__Host-chathub-session= abc ', 'abc'],
    ['__Host-chathub-session=', ''],
    ['__host-chathub-session=abc', undefined],
    ['chathub-session=abc', undefined],
    ['x__Host-chathub-session=abc', undefined],
    ['__Host-chathub-session', undefined],
    ['__Host-chathub-sessionX', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of the Cookie header %j is %j', (cookie, id) => {
    expect(sessionIdOf(cookie === undefined ? {} : { cookie })).toBe(id)
  })
})

it('two different session ids are a conflict, in any order, and the same one twice counts as one', () => {
  const two = (...ids: string[]) => ({ cookie: ids.map((id) => `__Host-chathub-session=${id}`).join('; ') })
  for (const ids of [
    ['abc', 'abd'],
    ['abc', 'abc', 'x'],
    ['', 'abc'],
    ['abc', ''],
  ])
    expect(() => sessionIdOf(two(...ids))).toThrow(
      expect.objectContaining({ code: 'credential.conflict', status: 400 }),
    )
  expect(sessionIdOf(two('abc', 'abc'))).toBe('abc')
})

describe('the cookie', () => {
  it('is bound to this host, to HTTPS and to HTTP, and ends with the session', () => {
    expect(setCookie('abc', 'strict', 59.9)).toBe(
      '__Host-chathub-session=abc; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=59',
    )
  })

  it('is partitioned only where other sites may send it', () => {
    expect(setCookie('abc', 'none', 60)).toMatch(/; SameSite=None; Max-Age=60; Partitioned$/)
    expect(setCookie('abc', 'lax', 60)).toMatch(/; SameSite=Lax; Max-Age=60$/)
  })

  it('is removed by an age of 0, and an age is never negative', () => {
    for (const age of [0, -5]) expect(setCookie('', 'strict', age)).toMatch(/; Max-Age=0$/)
  })
})

describe('a request with a session', () => {
  it('must come from a page of the session’s origin', () => {
    expect(requireOrigin({ origin: page }, page, own)).toBeUndefined()
    for (const origin of ['https://evil.example', 'http://crm.example.com', `${page}:8443`, 'null', ''])
      expect(() => requireOrigin({ origin }, page, own)).toThrow(refused)
    expect(() => requireOrigin({}, page, own)).toThrow(refused)
  })

  it('may leave Origin out only on a same-origin read of the session’s own origin', () => {
    const sameOrigin = { 'sec-fetch-site': 'same-origin' }
    expect(requireOrigin(sameOrigin, own, own)).toBeUndefined()
    expect(() => requireOrigin(sameOrigin, page, own)).toThrow(refused)
    for (const site of ['same-site', 'cross-site', 'none'])
      expect(() => requireOrigin({ 'sec-fetch-site': site }, own, own)).toThrow(refused)
    expect(() => requireOrigin({ ...sameOrigin, origin: page }, own, own)).toThrow(refused)
  })

  it('must carry the header that other sites cannot send', () => {
    expect(requireSessionHeader({ 'x-gateway-session': '1' })).toBeUndefined()
    expect(() => requireSessionHeader({})).toThrow(refused)
  })
})
