import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { QuotaKind, Reporter } from '../report.ts'

/** What is counted for each client, with the default limits. The order is that of the setting. */
export const clientQuotas = {
  operations: 10_000,
  rows: 200_000,
  'idempotency-keys': 25_000,
  sessions: 10_000,
  tickets: 5_000,
  tokens: 5_000,
  assignments: 500_000,
  // Sessions count for their minter, so all browsers of a front end share this.
  streams: 5_000,
  webhooks: 20,
} as const

/** The same for each organization, over all clients. */
export const organizationQuotas = { operations: 50_000, rows: 500_000 } as const

/** The least limit of rows: an import of the greatest size must fit, or no wait would help. */
export const rowsLeast = 50_000

export type QuotaOptions = {
  clock: Clock
  report: Reporter
  quotasPerClient: Record<keyof typeof clientQuotas, number>
  quotasPerOrganization: Record<keyof typeof organizationQuotas, number>
}

/** Something that is kept for a while. */
export type Thing = {
  kind: QuotaKind
  /** Who has it kept. Sessions count for their minter. */
  client: string
  /** It counts for the organization too, where that has a limit for the kind. */
  organization?: number
  /** Names it among the things of its kind. It counts once. */
  id: string
  /** Default 1. The same for the whole time. */
  weight?: number
  keepMs: number
}

/** A change of a sorted set in Redis. Without `score` the member is removed. */
export type ListChange = { key: string; member: string; score?: number }

/**
 * Counts what is kept. A count ends with the time of its thing, so nothing leaks when an instance dies. `lists`: sorted sets
 * in Redis, under keys with `keptTag`, that change in the same command; not without Redis.
 */
export type Quotas = {
  /**
   * Counts all of the things, or none. What is counted already is never refused.
   * @throws Failure `quota.exceeded`, `redis.unavailable`
   */
  take(things: readonly Thing[], lists?: readonly ListChange[]): Promise<void>
  /** Counts them for their new time, above the limits too. */
  extend(things: readonly Thing[], lists?: readonly ListChange[]): Promise<void>
  /** Counts them no longer. */
  release(things: readonly Omit<Thing, 'keepMs'>[], lists?: readonly ListChange[]): Promise<void>
}

/** The hash tag of all counts. A cluster has them on one node, so that one command changes several. */
export const keptTag = '{kept}'

/** One count that a thing adds to. */
export type Count = {
  scope: 'client' | 'organization'
  kind: QuotaKind
  /** Of the scope and the kind. */
  name: string
  /** `id*weight`, so that the weight is known when the time is over. */
  member: string
  weight: number
  limit: number
  keepMs: number
}

/** The counts of things, with their limits. */
export const countsOf = (
  things: readonly (Omit<Thing, 'keepMs'> & { keepMs?: number })[],
  { quotasPerClient, quotasPerOrganization }: QuotaOptions,
): Count[] =>
  things.flatMap(({ kind, client, organization, id, weight = 1, keepMs = 0 }) => {
    const count = (scope: Count['scope'], name: string, limit: number): Count => {
      // What is heavier than the limit fits alone, or no wait would help.
      const counted = Math.min(weight, limit)
      const member = counted === 1 ? id : `${id}*${counted}`
      const ms = Math.max(1, Math.round(keepMs))
      return { scope, kind, name: `${scope}:${name}:${kind}`, member, weight: counted, limit, keepMs: ms }
    }
    const own = count('client', client, quotasPerClient[kind])
    if (organization === undefined || !(kind === 'operations' || kind === 'rows')) return [own]
    return [own, count('organization', String(organization), quotasPerOrganization[kind])]
  })

/** The failure for a count that is full. `releasedMs`: from now on until the thing fits. */
export const quotaExceeded = (
  { scope, kind, weight, limit }: Count,
  kept: number,
  releasedMs: number,
  { clock, report }: QuotaOptions,
): Failure => {
  report({ name: 'quota-exceeded', scope, kind })
  const words = kind.replace('-', ' ')
  const whose = scope === 'client' ? 'this client' : 'this organization'
  const asked = weight === 1 ? '' : ` This request needs ${weight}.`
  const at = new Date(clock.wall() + releasedMs).toISOString()
  const seconds = Math.max(1, Math.ceil(releasedMs / 1000))
  return new Failure('quota.exceeded', {
    detail: `The gateway keeps ${kept} ${words} for ${whose}, and ${limit} is the limit.${asked} Enough of them end by ${at}.`,
    retryAfterMs: releasedMs,
    headers: {
      // Days may pass, and other failures never wait that long.
      'Retry-After': String(seconds),
      'RateLimit-Policy': `"${scope}-${kind}";q=${limit}`,
      RateLimit: `"${scope}-${kind}";r=${Math.max(0, limit - kept)};t=${seconds}`,
    },
  })
}

/** Limits that nothing reaches. */
export const unlimited: Quotas = { take: async () => {}, extend: async () => {}, release: async () => {} }
