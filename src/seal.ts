import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { Secret } from './secret.ts'

const nonceBytes = 12
const tagBytes = 16
const keyOf = (secret: Secret, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret.reveal(), '', purpose, 32))

/** What a sealed text is for, and what it belongs to. It opens for nothing else. */
type Use = { secret: Secret; purpose: string; bound: string }

/** The text under authenticated encryption: AES-256-GCM with a key that is derived from `secret` for this purpose. */
export const seal = (text: string, { secret, purpose, bound }: Use): string => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, purpose), nonce).setAAD(Buffer.from(bound))
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  )
}

/** Undefined for anything that was not sealed for the same use. */
export const unseal = (sealed: string, { secret, purpose, bound }: Use): string | undefined => {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < nonceBytes + tagBytes) return undefined
  const nonce = bytes.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret, purpose), nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(bound)).setAuthTag(bytes.subarray(-tagBytes))
  try {
    const text = [decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]
    return Buffer.concat(text).toString()
  } catch {
    return undefined
  }
}
