import {
  createLocalJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose'
import { fetch } from 'undici'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import { createDispatcher, type Proxies, proxyFor } from '../outbound.ts'

const fetchMs = 3000
const freshMs = 600_000
/** The least time between two fetches, however many tokens with unknown keys arrive. */
const spacingMs = 5000
/** Bounds the work for one token without a key id. */
const triesMax = 20

type JwkSet = Parameters<typeof createLocalJWKSet>[0]
type Keys = { all: JWTVerifyGetKey; unnamed: JWTVerifyGetKey; ids: Set<unknown> }

/** `payload`: undefined when no key of the set verifies the token. `isNamed`: the set has a key with the token's key id. */
type Verdict = { payload: JWTPayload | undefined; isNamed: boolean }

/**
 * The payload of a token that a key of a host application verifies. The keys are fetched from `url`, and after ten minutes
 * again in the background, so known keys remain valid while the application is down. A token whose key is not known lets
 * the keys be fetched again, at most once in 5 s.
 * @throws JOSEError when the token is not valid
 * @throws Failure `credential.unverifiable` while its key may be missing only because the set cannot be fetched yet
 */
export const createKeySet = ({ url, clock, proxies }: { url: URL; clock: Clock; proxies: Proxies }) => {
  const dispatcher = createDispatcher(url, proxyFor(url, proxies), {
    connections: 1,
    connectMs: fetchMs,
    keepAliveTimeout: 1000,
  })
  let keys: Keys | undefined
  let failure: unknown
  let triedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined

  const load = async (): Promise<void> => {
    triedAt = clock.now()
    try {
      const response = await fetch(url, {
        dispatcher,
        redirect: 'error',
        headers: { Accept: 'application/json' },
        signal: AbortSignal.timeout(fetchMs),
      })
      if (!response.ok) throw new Error(`the key set was answered with ${response.status}`)
      keys = keysOf((await response.json()) as JwkSet)
      failure = undefined
    } catch (error) {
      failure = error
    }
  }
  /** One fetch for all waiters, at least `ms` after the last one. Sooner after a failed one. */
  const refresh = (ms: number): Promise<void> | undefined => {
    if (!fetching && clock.now() - triedAt >= (failure === undefined ? ms : spacingMs))
      fetching = load().finally(() => (fetching = undefined))
    return fetching
  }
  const unverifiable = (): Failure =>
    new Failure('credential.unverifiable', {
      retryAfterMs: Math.max(1000, triedAt + spacingMs - clock.now()),
      cause: failure,
    })

  return async (token: string, options: JWTVerifyOptions): Promise<JWTPayload> => {
    const arrivedAt = clock.now()
    if (!keys) await refresh(0)
    if (!keys) throw unverifiable()
    void refresh(freshMs)
    let verdict = await judge(keys, token, options)
    if (verdict.payload) return verdict.payload
    await refresh(spacingMs)
    verdict = await judge(keys, token, options)
    if (verdict.payload) return verdict.payload
    // Keys that were fetched before the token arrived may lack its key.
    if (!verdict.isNamed && (failure !== undefined || triedAt < arrivedAt)) throw unverifiable()
    throw new errors.JWSSignatureVerificationFailed()
  }
}

const keysOf = (set: JwkSet): Keys => {
  const all = createLocalJWKSet(set)
  const unnamed = createLocalJWKSet({ keys: set.keys.filter(({ kid }) => kid === undefined) })
  return {
    all,
    unnamed: ({ kid: _, ...header }, token) => unnamed(header, token),
    ids: new Set(set.keys.flatMap(({ kid }) => kid ?? [])),
  }
}

/** Tries the key that the token names. If the set does not have it, or the token names none, each key that fits is tried. */
const judge = async (keys: Keys, token: string, options: JWTVerifyOptions): Promise<Verdict> => {
  let isNamed = false
  const find: JWTVerifyGetKey = (header, input) => {
    const { kid } = header as { kid?: unknown }
    if (kid !== undefined && typeof kid !== 'string') throw new errors.JWSInvalid('kid is not text')
    isNamed = keys.ids.has(kid)
    return (kid === undefined || isNamed ? keys.all : keys.unnamed)(header, input)
  }
  const verify = async (key: JWTVerifyGetKey): Promise<JWTPayload | undefined> =>
    (await jwtVerify(token, key, options).catch(ignoreWrongKey))?.payload
  try {
    const payload = await verify(find)
    return { payload, isNamed }
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    let left = triesMax
    for await (const key of error) {
      const payload = await verify(() => key)
      if (payload || --left === 0) return { payload, isNamed }
    }
    return { payload: undefined, isNamed }
  }
}

const ignoreWrongKey = (error: unknown): undefined => {
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)
    return undefined
  throw error
}
