import { errors, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { scopes } from '../contract/scopes.ts'
import { Failure, isFailure } from '../errors.ts'
import { type Caller, requestsPerMinuteDefault } from './caller.ts'
import { createKeySet } from './key-set.ts'

const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']
const tokenMax = 8192
const leewaySeconds = 60
const ageMaxSeconds = 24 * 3600
// A key that the host application withdrew counts no longer than this and the age of the key set.
const believedMs = 5 * 60_000

const claims = z.object({
  sub: z.string().min(1).max(128),
  iat: z.number(),
  exp: z.number(),
  scope: z.string().default(''),
  organizations: z.union([z.literal('*'), z.array(z.int())]).default([]),
})

/**
 * Callers by a host application's JWTs: pinned algorithms, issuer and audience, `iat` and `exp` required, at most a day
 * old. An unknown key id asks for the key set again, at most once in 30 s however many tokens come.
 * @throws Failure `credential.unverifiable` when the key set cannot be had
 */
export const createJwtFinder = (options: {
  jwksUrl: URL
  issuer: string
  audience: string
  clock: Clock
}) => {
  const { clock } = options
  const keySet = createKeySet({ url: options.jwksUrl, clock })
  const verified = new LRUCache<string, { caller: Caller; until: number }>({ max: 10_000 })

  return async (token: string): Promise<Caller | undefined> => {
    if (token.length > tokenMax || token.split('.').length !== 3) return undefined
    const known = verified.get(token)
    if (known && clock.wall() < known.until) return known.caller
    try {
      const { payload } = await jwtVerify(token, keySet, {
        algorithms,
        issuer: options.issuer,
        audience: options.audience,
        clockTolerance: leewaySeconds,
        maxTokenAge: ageMaxSeconds,
        requiredClaims: ['sub', 'iat', 'exp'],
        currentDate: new Date(clock.wall()),
      })
      const parsed = claims.safeParse(payload)
      if (!parsed.success) return undefined
      const caller = callerOf(parsed.data)
      verified.set(token, { caller, until: Math.min(caller.expiresAt, clock.wall() + believedMs) })
      return caller
    } catch (error) {
      if (isFailure(error)) throw error
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid)) return undefined
      throw new Failure('credential.unverifiable', { retryAfterMs: 5000, cause: error })
    }
  }
}

const callerOf = (claimed: z.infer<typeof claims>): Caller & { expiresAt: number } => {
  const { sub, scope, organizations, iat, exp } = claimed
  const granted = scope.split(' ')
  return {
    id: sub,
    kind: 'jwt',
    scopes: new Set(scopes.filter((known) => granted.includes(known))),
    organizations: organizations === '*' ? '*' : new Set(organizations),
    requestsPerMinute: requestsPerMinuteDefault,
    expiresAt: Math.min(exp, iat + ageMaxSeconds) * 1000,
  }
}
