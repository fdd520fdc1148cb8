import { seal, unseal } from '../seal.ts'
import { Secret } from '../secret.ts'

/** A company token. `expiresAt` is ms since 1970, undefined if ChatHub did not say. `shared`: another instance obtained it. */
export type Token = { token: Secret; expiresAt: number | undefined; shared: boolean }

const purpose = 'chathub company token'

/** The token under authenticated encryption. `bound`: it cannot be used for another ChatHub or login. */
export const sealToken = (
  { token, expiresAt }: Omit<Token, 'shared'>,
  secret: Secret,
  bound: string,
): string => seal(JSON.stringify([token.reveal(), expiresAt]), { secret, purpose, bound })

/** Undefined for anything that was not sealed with the same secret and `bound`. */
export const openToken = (sealed: string, secret: Secret, bound: string): Token | undefined => {
  const text = unseal(sealed, { secret, purpose, bound })
  if (text === undefined) return undefined
  const [token, expiresAt] = JSON.parse(text) as [string, number | null | undefined]
  return { token: new Secret(token), expiresAt: expiresAt ?? undefined, shared: true }
}
