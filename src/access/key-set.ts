import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'

const fetchMs = 3000
const freshMs = 600_000
/** The least time between two fetches for unknown key ids, however many tokens arrive. */
const cooldownMs = 30_000
const retryMs = 5000

/**
 * The keys of a host application, fetched from `url`. After ten minutes they are fetched again in the background, so
 * known keys remain valid while the application is down.
 * @throws Failure `credential.unverifiable` for an unknown key while the set cannot be fetched
 */
export const createKeySet = ({ url, clock }: { url: URL; clock: Clock }): JWTVerifyGetKey => {
  let keys: JWTVerifyGetKey | undefined
  let failure: unknown
  let triedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined

  const load = async (): Promise<void> => {
    triedAt = clock.now()
    try {
      const response = await fetch(url, {
        redirect: 'error',
        headers: { Accept: 'application/json' },
        signal: AbortSignal.timeout(fetchMs),
      })
      if (!response.ok) throw new Error(`the key set was answered with ${response.status}`)
      keys = createLocalJWKSet((await response.json()) as Parameters<typeof createLocalJWKSet>[0])
      failure = undefined
    } catch (error) {
      failure = error
    }
  }
  /** One fetch for all waiters, at least `ms` after the last one. Sooner after a failed one. */
  const refresh = (ms: number): Promise<void> | undefined => {
    if (!fetching && clock.now() - triedAt >= (failure === undefined ? ms : retryMs))
      fetching = load().finally(() => (fetching = undefined))
    return fetching
  }
  const unverifiable = (): Failure =>
    new Failure('credential.unverifiable', { retryAfterMs: retryMs, cause: failure })

  return async (header, token) => {
    if (!keys) await refresh(0)
    if (!keys) throw unverifiable()
    void refresh(freshMs)
    try {
      return await keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await refresh(cooldownMs)
      if (failure !== undefined) throw unverifiable()
      return keys(header, token)
    }
  }
}
