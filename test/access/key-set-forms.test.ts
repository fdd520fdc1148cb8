import { afterEach, describe, expect, it } from '@jest/globals'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { createJwtFinder } from '../../src/access/jwt.ts'
import { keySetRows } from '../compatibility/key-set.ts'
import { createClock } from '../support/clock.ts'
import { audience, claimsAt, direct, issuer, startJwks } from './jwks.ts'

const pairs = await Promise.all(
  Array.from({ length: 5 }, () => generateKeyPair('ES256', { extractable: true })),
)
const publicJwks = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)))
const [later, stranger] = [3, 4]
const jwkOf = (index: number, kid: string | null): JWK => ({
  ...(publicJwks[index] as JWK),
  alg: 'ES256',
  use: 'sig',
  ...(kid !== null && { kid }),
})
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const start = async (keys: JWK[]) => {
  const clock = createClock()
  const jwks = await startJwks(keys)
  closing.push(jwks.close)
  const find = createJwtFinder({ jwksUrl: jwks.url, issuer, audience, proxies: direct, clock })
  let serial = 0
  const use = async (signer: number, kid?: string): Promise<{ answer: string; retryAfterMs?: number }> => {
    const token = await new SignJWT(claimsAt(clock.wall(), { sub: `client-${serial++}` }))
      .setProtectedHeader({ alg: 'ES256', ...(kid !== undefined && { kid }) })
      .sign((pairs[signer] as (typeof pairs)[number]).privateKey)
    return find(token).then(
      (caller) => ({ answer: caller ? 'in' : 'out' }),
      ({ code, retryAfterMs }) => ({ answer: code, retryAfterMs }),
    )
  }
  return { clock, jwks, use }
}

describe('a token of a host application', () => {
  it.each(keySetRows)('$form, $example: $result', async ({ set, signer, kid, answers }) => {
    const { clock, jwks, use } = await start(set.map((id, index) => jwkOf(index, id)))
    if (signer === 'later') {
      expect((await use(0, set[0] ?? undefined)).answer).toBe('in')
      await clock.advance(1_000)
      jwks.keys = [...jwks.keys, jwkOf(later, kid ?? null)]
    }
    const by = signer === 'later' ? later : signer === 'stranger' ? stranger : signer
    const seen = [await use(by, kid)]
    // The time that the first answer asks for is enough.
    await clock.advance(seen[0]?.retryAfterMs ?? 1_000)
    if (answers.length > 1) seen.push(await use(by, kid))
    expect(seen.map(({ answer }) => answer)).toEqual(answers)
  })

  it('lets the keys be fetched at most once in 5 s, whatever tokens arrive', async () => {
    const { clock, jwks, use } = await start([jwkOf(0, 'a')])
    for (let second = 0; second < 30; second++) {
      await Promise.all([use(stranger, `x-${second}`), use(stranger), use(stranger, 'a'), use(0, 'a')])
      await clock.advance(1_000)
    }
    expect(jwks.asked()).toBe(6)
  })

  it('that the keys of 100 ms ago do not verify is not refused, since its key may be newer', async () => {
    const { clock, jwks, use } = await start([jwkOf(0, 'a')])
    expect((await use(0, 'a')).answer).toBe('in')
    await clock.advance(5_000)
    expect((await use(stranger, 'x')).answer).toBe('out')
    await clock.advance(100)
    expect(await use(stranger, 'x')).toEqual({ answer: 'credential.unverifiable', retryAfterMs: 4_900 })
    await clock.advance(4_900)
    expect([(await use(stranger, 'x')).answer, jwks.asked()]).toEqual(['out', 3])
  })

  it('without a key id costs at most 20 checks of signatures', async () => {
    const many = Array.from({ length: 60 }, () => jwkOf(0, null))
    const { use } = await start([...many.slice(0, 19), jwkOf(1, null), ...many, jwkOf(2, null)])
    expect((await use(1)).answer).toBe('in')
    expect((await use(2)).answer).not.toBe('in')
  })
})
