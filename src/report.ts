import type { FailureCode } from './errors.ts'
import type { clientQuotas } from './redis/quotas.ts'

/**
 * Events of the inner folders, which neither log nor count. `metrics/` counts them, `log.ts` writes them, tests read
 * them. An event never holds a person's name or a token.
 */
export type Report =
  | {
      name: 'upstream'
      operation: string
      outcome: Outcome
      status: number | undefined
      ms: number
      /** For whom it was made. */
      client: string
      because?: string
    }
  | { name: 'upstream-wait'; lane: string; client: string; ms: number }
  | { name: 'upstream-paused'; ms: number }
  | { name: 'slot-too-old' }
  | { name: 'never-sent' }
  | { name: 'retry'; operation: string }
  | { name: 'breaker'; breaker: 'chathub'; state: 'open' | 'half-open' | 'closed' }
  | { name: 'login'; result: 'ok' | 'shared' | 'throttled' | 'refused' | 'failed'; retryInMs?: number }
  | { name: 'token-refused'; source: 'token' | 'login'; retryInMs: number }
  | { name: 'secret-file'; setting: string; result: 'changed' | 'kept'; because?: string }
  | {
      name: 'contract-drift'
      operation: string
      organization?: Id
      what: string
      rows: number
      /** A field that is not documented, and the type of its value. */
      field?: string
      type?: string
    }
  | {
      name: 'cache'
      list: List
      event: 'hit' | 'stale' | 'miss' | 'collapsed'
      /** Undefined: not for a reader, but for other work. */
      served: Served | undefined
      reads: number
      /** Their mean age. */
      ageMs: number
    }
  | { name: 'load-invalidated'; list: List }
  | { name: 'refresh-failed'; list: List; because: string }
  | { name: 'list-shrank'; organization?: Id; before: number; after: number; confirmed: boolean }
  /** Redis was emptied, and has a switch again as this instance knew it. */
  | { name: 'switch-restored'; switch: string; value: boolean | string | null }
  | { name: 'redis'; event: RedisEvent; because?: string }
  | { name: 'redis-error'; reason: RedisErrorReason }
  /** ChatHub applied a request long after it was given up. */
  | { name: 'late-write'; organization: number; operation: string; operators: number }
  | { name: 'late-watch-full'; organization: number }
  /** Something was refused because too much of its kind is kept. */
  | { name: 'quota-exceeded'; scope: 'client' | 'organization'; kind: QuotaKind }
  /** Whether there is room for large writes. */
  | { name: 'storage'; state: 'ok' | 'full'; usedBytes?: number; maxBytes?: number }
  /** One attempt to deliver an event to a webhook. */
  | {
      name: 'webhook-delivery'
      webhook: string
      client: string
      organization: number | null
      outcome: WebhookOutcome
      status: number | null
      attempt: number
    }
  /** An event was given up for a webhook; its receiver wants nothing more. */
  | { name: 'webhook-dead-letter'; webhook: string; client: string; organization: number }
  | { name: 'webhook-stopped'; webhook: string; client: string }
  /** Its deliveries begin again with what is kept. */
  | { name: 'webhook-interrupted'; webhook: string; because: string }
  /** Somebody came back from the identity provider. */
  | { name: 'sign-in'; result: string; requestId: string; because?: string }
  | { name: 'write'; operation: string; organization?: Id; client: string; outcome: string; rows: number }

/** The states of Redis, an error of the connection, a new address that is not used yet, a policy that loses keys. */
export const redisEvents = [
  'error',
  'away',
  'ready',
  'refused',
  'unsupported',
  'new-address',
  'may-evict',
] as const
type RedisEvent = (typeof redisEvents)[number]

/**
 * Why a command or a connection failed. `starting`: Redis loads its data or is busy, or its master or cluster is down.
 * `denied`: rights or password. `moved`: a node of a cluster behind `redis://`. `readonly`: a replica. `full`: no memory.
 * `unwritable`: it cannot save or replicate. `refused`: one command, for example a key of another type.
 */
export const redisErrorReasons = [
  'connection',
  'timeout',
  'starting',
  'denied',
  'moved',
  'readonly',
  'full',
  'unwritable',
  'refused',
] as const
export type RedisErrorReason = (typeof redisErrorReasons)[number]

export type QuotaKind = keyof typeof clientQuotas

/** `address`: the host is not allowed, or leads to no address that is. */
export const webhookOutcomes = [
  'delivered',
  'gone',
  'status',
  'redirect',
  'timeout',
  'connection',
  'address',
] as const
export type WebhookOutcome = (typeof webhookOutcomes)[number]

/** What readers of lists get: fresh; old and refreshed behind them; new after a wait; old, for want of a new one. */
export const servedKinds = ['fresh', 'revalidated', 'waited', 'stale'] as const
export type Served = (typeof servedKinds)[number]
type List = 'operators' | 'organizations'
type Outcome = 'ok' | FailureCode | `proxy.${'refused' | 'timeout' | 'unreachable'}`
/** The id of an organization. Undefined: the event is about none. */
type Id = number | undefined

export type Reporter = (report: Report) => void
