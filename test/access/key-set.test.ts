import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createJwtFinder } from '../../src/access/jwt.ts'
import { createClock, type HandClock } from '../support/clock.ts'
import {
  audience,
  claimsAt,
  direct,
  issuer,
  type JwksServer,
  makeSigningKey,
  type SigningKey,
  sign,
  startJwks,
} from './jwks.ts'

const known = await makeSigningKey('ES256', 'known')
const added = await makeSigningKey('ES256', 'added')
let clock: HandClock
let jwks: JwksServer
let find: ReturnType<typeof createJwtFinder>
beforeEach(async () => {
  clock = createClock()
  jwks = await startJwks([known.publicJwk])
  find = createJwtFinder({ jwksUrl: jwks.url, issuer, audience, proxies: direct, clock })
})
afterEach(() => jwks.close())

let serial = 0
/** Never the same token twice, so that none is remembered. */
const token = (key: SigningKey, header?: object) =>
  sign(key, claimsAt(clock.wall(), { sub: `client-${serial++}` }), header)
const use = async (key: SigningKey, header?: object) => {
  try {
    return (await find(await token(key, header))) ? 'in' : 'out'
  } catch (error) {
    return (error as { code?: string }).code
  }
}
const useMany = (count: number, key: SigningKey, header?: (index: number) => object) =>
  Promise.all(Array.from({ length: count }, (_, index) => use(key, header?.(index))))
const minute = 60_000

describe('the key set of a host application', () => {
  it('is fetched when the first token arrives, once for all waiting requests', async () => {
    expect(jwks.asked()).toBe(0)
    expect(new Set(await useMany(20, known))).toEqual(new Set(['in']))
    expect(jwks.asked()).toBe(1)
  })

  it('is fetched again for an unknown key id, at most once in 5 s however many tokens arrive', async () => {
    await use(known)
    await clock.advance(6_000)
    const answers = await useMany(500, added, (index) => ({ kid: `unknown-${index}` }))
    expect(new Set(answers)).toEqual(new Set(['out']))
    expect(jwks.asked()).toBe(2)
    jwks.keys = [known.publicJwk, added.publicJwk]
    await clock.advance(4_000)
    // The keys are older than this token, so they do not show that it is invalid.
    expect([await use(added), jwks.asked()]).toEqual(['credential.unverifiable', 2])
    await clock.advance(1_000)
    expect([await use(added), jwks.asked()]).toEqual(['in', 3])
  })

  it('that is unavailable keeps known keys valid for hours; unknown keys are answered 503', async () => {
    await use(known)
    jwks.broken = { status: 500 }
    for (let minutes = 0; minutes < 180; minutes += 15) {
      await clock.advance(15 * minute)
      expect([minutes, await use(known), await use(added)]).toEqual([
        minutes,
        'in',
        'credential.unverifiable',
      ])
    }
    jwks.broken = undefined
    jwks.keys = [known.publicJwk, added.publicJwk]
    await clock.advance(5_000)
    expect(await use(added)).toBe('in')
  })

  it('that is unavailable is not requested for every token', async () => {
    await use(known)
    jwks.broken = { status: 503 }
    await clock.advance(31_000)
    expect(new Set(await useMany(200, added))).toEqual(new Set(['credential.unverifiable']))
    expect(new Set(await useMany(200, added))).toEqual(new Set(['credential.unverifiable']))
    expect(jwks.asked()).toBe(2)
  })

  it('that was never fetched gives 503 for every token, and is requested again after five seconds', async () => {
    jwks.broken = { status: 200, body: '<html>' }
    expect([await use(known), await use(known), jwks.asked()]).toEqual([
      'credential.unverifiable',
      'credential.unverifiable',
      1,
    ])
    jwks.broken = undefined
    await clock.advance(5_000)
    expect([await use(known), jwks.asked()]).toEqual(['in', 2])
  })

  it.each([
    ['no JSON', { status: 200, body: 'keys' }],
    ['JSON that is no key set', { status: 200, body: '{"keys":{}}' }],
    ['a redirection', { status: 302 }],
    ['an error', { status: 404, body: '{"keys":[]}' }],
  ])('is not accepted from %s', async (_name, broken) => {
    jwks.broken = broken
    expect([await use(known), jwks.asked()]).toEqual(['credential.unverifiable', 1])
  })

  it('is not fetched for a known key within ten minutes', async () => {
    await use(known)
    await clock.advance(10 * minute - 1)
    expect(await use(known)).toBe('in')
    // A request in the background would be at the server before this one.
    await fetch(jwks.url)
    expect(jwks.asked()).toBe(2)
  })

  it('drops a withdrawn key: the set is fetched again every ten minutes in the background', async () => {
    const remembered = await token(known)
    expect(await find(remembered)).toBeDefined()
    jwks.keys = [added.publicJwk]
    await clock.advance(10 * minute)
    expect(await use(known)).toBe('in')
    for (let tries = 0; (await use(known)) === 'in'; tries++) expect(tries).toBeLessThan(10_000)
    expect(jwks.asked()).toBe(2)
    expect(await find(remembered)).toBeUndefined()
  })

  it('that cannot be reached at all gives 503', async () => {
    await jwks.close()
    expect(await use(known)).toBe('credential.unverifiable')
    jwks = await startJwks([])
  })
})

describe('a verified token', () => {
  it('is not verified again for five minutes, and is refused after its expiry', async () => {
    const brief = await sign(known, claimsAt(clock.wall(), { exp: Math.floor(clock.wall() / 1000) + 120 }))
    const caller = await find(brief)
    expect(await find(brief)).toBe(caller)
    await clock.advance(2 * minute + 60_000)
    expect(await find(brief)).toBeUndefined()
    const long = await token(known)
    const first = await find(long)
    await clock.advance(5 * minute)
    expect(await find(long)).toEqual(first)
  })

  it('expires one day after it was issued, although it is used continuously', async () => {
    const iat = Math.floor(clock.wall() / 1000)
    const endless = await sign(known, claimsAt(clock.wall(), { exp: iat + 10 * 86_400 }))
    for (let hours = 0; hours < 24; hours++) {
      expect([hours, Boolean(await find(endless))]).toEqual([hours, true])
      await clock.advance(60 * minute)
    }
    await clock.advance(2 * minute)
    expect(await find(endless)).toBeUndefined()
  })
})
