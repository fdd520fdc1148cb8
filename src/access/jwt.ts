import { errors } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import { scopes } from '../contract/scopes.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Proxies } from '../outbound.ts'
import { type Caller, requestsPerMinuteDefault } from './caller.ts'
import { createKeySet } from './key-set.ts'

const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']
const tokenMax = 8192
const leewaySeconds = 60
const ageMaxSeconds = 24 * 3600
/** How long a verified token is trusted without a new look at the key set. */
const trustedMs = 5 * 60_000

const claims = z.object({
  sub: z.string().min(1).max(128),
  iat: z.number(),
  exp: z.number(),
  scope: z.string().default(''),
  organizations: z.union([z.literal('*'), z.array(z.int())]).default([]),
})

/**
 * Finds callers by a host application's JWTs (RFC 7519). Algorithms, issuer and audience are fixed. `sub`, `iat` and `exp`
 * are required, and a token is valid for at most a day. An unknown token is no caller; an unknown scope is ignored.
 * @throws Failure `credential.unverifiable` when the key set cannot be fetched, or may lack the key of the token
 */
export const createJwtFinder = (options: {
  jwksUrl: URL
  issuer: string
  audience: string
  proxies: Proxies
  clock: Clock
}) => {
  const { issuer, audience, clock } = options
  const verify = createKeySet({ ...options, url: options.jwksUrl })
  const verified = new LRUCache<string, { caller: Caller; until: number }>(atMost(10_000))

  return async (token: string): Promise<Caller | undefined> => {
    if (token.length > tokenMax || token.split('.').length !== 3) return undefined
    const known = verified.get(token)
    if (known && clock.wall() < known.until) return known.caller
    const payload = await verify(token, {
      algorithms,
      issuer,
      audience,
      requiredClaims: ['sub', 'iat', 'exp'],
      clockTolerance: leewaySeconds,
      maxTokenAge: ageMaxSeconds,
      currentDate: new Date(clock.wall()),
    }).catch(refuse)
    const { success, data } = claims.safeParse(payload)
    if (!success) return undefined
    const caller = callerOf(data)
    verified.set(token, { caller, until: Math.min(caller.expiresAt, clock.wall() + trustedMs) })
    return caller
  }
}

/** No payload for a token that is not valid. @throws Failure `credential.unverifiable` */
const refuse = (error: unknown): undefined => {
  if (isFailure(error)) throw error
  if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid)) return undefined
  throw new Failure('credential.unverifiable', { retryAfterMs: 5000, cause: error })
}

const callerOf = ({ sub, scope, organizations, iat, exp }: z.infer<typeof claims>) => {
  const granted = new Set(scope.split(' '))
  return {
    id: sub,
    kind: 'jwt',
    scopes: new Set(scopes.filter((known) => granted.has(known))),
    organizations: organizations === '*' ? '*' : new Set(organizations),
    requestsPerMinute: requestsPerMinuteDefault,
    expiresAt: Math.min(exp, iat + ageMaxSeconds) * 1000,
  } as const satisfies Caller
}
