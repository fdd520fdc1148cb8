import { type Scope, scopes } from '../contract/scopes.ts'

/** Who is calling, and its rights. Immutable. Only a key or a cached JWT gives the same object for each call. */
export type Caller = {
  /** Client id; limits, idempotency keys and operations belong to it. */
  id: string
  kind: 'key' | 'jwt' | 'session' | 'token' | 'system'
  scopes: ReadonlySet<Scope>
  /** `'*'`: every organization, also future ones. */
  organizations: ReadonlySet<number> | '*'
  requestsPerMinute: number
  /** A limit on trial: it refuses nothing, and GET /v1/usage says what it would refuse. */
  shadowRequestsPerMinute?: number | undefined
  /** Epoch ms; undefined: never. */
  expiresAt: number | undefined
  /** Hash of its key, or of the key that its token was made with. Its rights end with that key. */
  keyHash?: string
  /** For a session: the only origin whose pages may use it. */
  origin?: string
  /** For a session: the person that its minter named. */
  subject?: string | undefined
  /** For a session: the operator of that person, whose token it may have. */
  operator?: number | undefined
}

/** The client whose quotas count. The id of a session is that of its minter, a slash and eight characters. */
export const minterOf = (client: string): string => client.replace(/\/[\w-]{8}$/, '')

/** The quota of a credential that names none. */
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
