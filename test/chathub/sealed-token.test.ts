import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { openToken, sealToken } from '../../src/chathub/sealed-token.ts'
import { Secret } from '../../src/secret.ts'

const secret = new Secret('a-secret-of-more-than-thirty-two-characters')
const bound = 'https://chathub.example demo'
const sealed = (text = 'ct_token', expiresAt?: number) =>
  sealToken({ token: new Secret(text), expiresAt }, secret, bound)

it('a sealed token opens with its expiry, and never shows the token', () => {
  const text = sealed('ct_token', 1_900_000_000_000)
  const opened = openToken(text, secret, bound)
  expect([opened?.token.reveal(), opened?.expiresAt, opened?.shared]).toEqual([
    'ct_token',
    1_900_000_000_000,
    true,
  ])
  expect(openToken(sealed(), secret, bound)?.expiresAt).toBeUndefined()
  expect(Buffer.from(text, 'base64url').includes('ct_token')).toBe(false)
  expect(sealed()).not.toBe(sealed())
})

it('a token opens only with the same secret, for the same ChatHub and login, and unchanged', () => {
  expect(openToken(sealed(), new Secret(`${secret.reveal()}!`), bound)).toBeUndefined()
  expect(openToken(sealed(), secret, 'https://chathub.example another')).toBeUndefined()
  const bytes = Buffer.from(sealed(), 'base64url')
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ flip
      expect(openToken(changed.toString('base64url'), secret, bound)).toBeUndefined()
    }),
  )
  fc.assert(fc.property(fc.string(), (text) => openToken(text, secret, bound) === undefined))
})
