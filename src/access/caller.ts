import { type Scope, scopes } from '../contract/scopes.ts'

/** Who is calling and what it may touch. Immutable; the same object for every call with the same credential. */
export type Caller = {
  /** Client id; limits, idempotency keys and operations belong to it. */
  id: string
  kind: 'key' | 'jwt' | 'session' | 'token' | 'system'
  scopes: ReadonlySet<Scope>
  /** `'*'`: every organization, those of tomorrow too. */
  organizations: ReadonlySet<number> | '*'
  requestsPerMinute: number
  /** Epoch ms; undefined: never. */
  expiresAt: number | undefined
  /** Of the key that it came with or was made from: what it may do ends with that key. */
  keyHash?: string
  /** For a session: the one origin whose pages may use it. */
  origin?: string
}

/** What is assumed of a caller whose credential does not say. */
export const requestsPerMinuteDefault = 6000

/** The gateway itself, for background work: it may touch everything. Only `gateway.ts` makes one. */
export const createSystemCaller = (): Caller => ({
  id: 'gateway',
  kind: 'system',
  scopes: new Set(scopes),
  organizations: '*',
  requestsPerMinute: Number.POSITIVE_INFINITY,
  expiresAt: undefined,
})
