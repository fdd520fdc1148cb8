import type { Clock } from '../clock.ts'
import type { Records } from '../redis/records.ts'
import type { Secret } from '../secret.ts'
import { createAuthenticate } from './authenticate.ts'
import { createClientLimit } from './client-limit.ts'
import { createGatewayTokens } from './gateway-tokens.ts'
import { createJwtFinder } from './jwt.ts'
import { type ClientEntry, createKeys } from './keys.ts'
import { createSessions } from './sessions.ts'

/** Who is calling: keys first, then gateway tokens, then JWTs; sessions when a secret is set. */
export const createAccess = (options: {
  clientEntries: readonly ClientEntry[]
  jwksUrl: URL | undefined
  jwtIssuer: string | undefined
  jwtAudience: string | undefined
  sessionSecret: Secret | undefined
  /** A store for one kind of record. In memory each kind has its own bound, so none evicts another. */
  newRecords(): Records
  clock: Clock
}) => {
  const { clientEntries, jwksUrl, jwtIssuer: issuer, jwtAudience: audience, newRecords, clock } = options
  const keys = createKeys(clientEntries, clock)
  const limit = createClientLimit(clock)
  const gatewayTokens = createGatewayTokens({ keys, records: newRecords(), clock, limit })
  const { sessionSecret: secret } = options
  const sessions = secret && createSessions({ secret, records: newRecords(), keys, clock })
  const findByJwt =
    jwksUrl && issuer && audience ? [createJwtFinder({ jwksUrl, issuer, audience, clock })] : []
  const authenticate = createAuthenticate([keys.find, gatewayTokens.find, ...findByJwt], sessions)
  return {
    keys,
    limit,
    gatewayTokens,
    sessions,
    authenticate,
    /** When each key was last used. */
    uses: () =>
      keys.uses().map(({ lastUsedAt, ...use }) => ({
        ...use,
        lastUsedAt: lastUsedAt === undefined ? null : new Date(lastUsedAt).toISOString(),
      })),
  }
}
