import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { Secret } from '../secret.ts'

/** A company token. `expiresAt` is ms since 1970, undefined if ChatHub did not say. `shared`: another instance obtained it. */
export type Token = { token: Secret; expiresAt: number | undefined; shared: boolean }

const nonceBytes = 12
const tagBytes = 16
const keyOf = (secret: Secret): Buffer =>
  Buffer.from(hkdfSync('sha256', secret.reveal(), '', 'chathub company token', 32))

/**
 * The token under authenticated encryption: AES-256-GCM with a key derived from `secret`. `bound` is authenticated too, so
 * that a token cannot be used for another ChatHub or login.
 */
export const sealToken = (
  { token, expiresAt }: Omit<Token, 'shared'>,
  secret: Secret,
  bound: string,
): string => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret), nonce).setAAD(Buffer.from(bound))
  const text = JSON.stringify([token.reveal(), expiresAt])
  const sealed = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()])
  return sealed.toString('base64url')
}

/** Undefined for anything that was not sealed with the same secret and `bound`. */
export const openToken = (sealed: string, secret: Secret, bound: string): Token | undefined => {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < nonceBytes + tagBytes) return undefined
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(Buffer.from(bound)).setAuthTag(bytes.subarray(-tagBytes))
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()])
    const [token, expiresAt] = JSON.parse(text.toString()) as [string, number | null | undefined]
    return { token: new Secret(token), expiresAt: expiresAt ?? undefined, shared: true }
  } catch {
    return undefined
  }
}
