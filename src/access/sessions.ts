import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import { type OnChange, oneChange } from '../contract/audit.ts'
import { includes, type Scope } from '../contract/scopes.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Quotas, Thing } from '../redis/quotas.ts'
import type { Records } from '../redis/records.ts'
import type { Secret } from '../secret.ts'
import { hasScope, mayTouch } from './authorize.ts'
import type { Caller } from './caller.ts'
import type { Keys } from './keys.ts'

/** `origin`: the only origin whose pages may use the session. */
type SessionRights = {
  organizations: number[]
  scopes: Scope[]
  origin: string
  /** Names the person. */
  subject?: string | undefined
}

/** Stored under a keyed hash of the id. It holds nothing that works as a credential. */
type SessionRecord = SessionRights & {
  /** The hash is missing when the minter used a JWT. */
  minter: { id: string; keyHash: string | undefined }
  /** Epoch ms; use does not extend it. */
  endsAt: number
  /** Epoch ms of the last use, exact to a minute. */
  seenAt: number
}

const ticketMs = 60_000
/** A session that is not used for so long loses its record. */
const idleMs = 30 * 60_000
/** A use is stored at most this often, because it costs a round trip. */
const touchMs = 60_000
/** A session of many organizations counts as several. */
const organizationsPerCount = 100
const browserRequestsPerMinute = 1200
/**
 * How long a look-up is trusted. A session that another instance ended ends here within this time, and its event streams
 * within a second: they are checked twice a second.
 */
const trustedMs = 450
/** The same while Redis is away, because then no instance can end a session. */
const trustedAwayMs = 5 * 60_000

/**
 * Browser sessions, so that a page needs no token. Ids are stored as HMACs under SESSION_SECRET: a copy of Redis opens no
 * session. A session never has more rights than its minter's key has now, and it ends with that key.
 */
export const createSessions = (options: {
  secret: Secret
  records: Records
  quotas: Quotas
  keys: Keys
  clock: Clock
  onChange: OnChange
}) => {
  const { records, quotas, keys, clock, onChange } = options
  let { secret } = options
  const hash = (kind: 'ticket' | 'session', id: string): string =>
    createHmac('sha256', secret.reveal()).update(`${kind} ${id}`).digest('base64url')
  const newId = (): string => randomBytes(32).toString('base64url')
  /** Saves a round trip for other texts. */
  const isId = (text: string): boolean => /^[\w-]{43}$/.test(text)
  /** `at`: monotonic ms of the look-up. */
  const seen = new LRUCache<string, { record: SessionRecord; at: number }>(atMost(10_000))
  const lookUp = async (key: string): Promise<SessionRecord | undefined> => {
    const known = seen.get(key)
    const age = known ? clock.now() - known.at : Number.POSITIVE_INFINITY
    if (known && age < trustedMs) return known.record
    try {
      const record = (await records.get(key)) as SessionRecord | undefined
      if (record) seen.set(key, { record, at: clock.now() })
      else seen.delete(key)
      return record
    } catch (cause) {
      if (!isFailure(cause, 'redis.unavailable')) throw cause
      if (known && age < trustedAwayMs) return known.record
      throw new Failure('credential.unverifiable', { retryAfterMs: 1000, cause })
    }
  }
  const ttlOf = (record: SessionRecord): number => Math.min(idleMs, record.endsAt - clock.wall())
  const counted = (key: string, { minter, organizations }: SessionRecord, keepMs = ticketMs): Thing => ({
    kind: key.startsWith('ticket:') ? 'tickets' : 'sessions',
    client: minter.id,
    id: key.slice(-16),
    weight: 1 + Math.floor(organizations.length / organizationsPerCount),
    keepMs,
  })
  const touch = async (key: string, used: SessionRecord): Promise<void> => {
    // The time of the look-up stays: a stored use must not extend the trust in it.
    seen.set(key, { record: used, at: seen.get(key)?.at ?? clock.now() })
    // An ended session stays ended, and a read succeeds though Redis is away.
    await records.replace(key, used, ttlOf(used)).catch(() => {})
    await quotas.extend([counted(key, used, ttlOf(used))]).catch(() => {})
  }

  return {
    /**
     * A ticket for one session. It works once, within a minute.
     * @throws Failure `quota.exceeded`; `session.exceeds`, `organization.unknown`, with every scope or organization that the minter lacks
     */
    mint: async (
      minter: Caller,
      { ttlSeconds, ...rights }: SessionRights & { ttlSeconds: number },
      requestId?: string,
    ) => {
      refuseExcess(minter, rights)
      const ticket = newId()
      const now = clock.wall()
      const record: SessionRecord = {
        ...rights,
        minter: { id: minter.id, keyHash: minter.keyHash },
        endsAt: Math.min(now + ttlSeconds * 1000, minter.expiresAt ?? Number.POSITIVE_INFINITY),
        seenAt: now,
      }
      const key = `ticket:${hash('ticket', ticket)}`
      await quotas.take([counted(key, record)])
      await records.put(key, record, ticketMs)
      const changes = [{ ...oneChange, kind: 'sessionMinted' as const }]
      const { subject } = rights
      await Promise.all(
        rights.organizations.map((organization) =>
          onChange({ organization, at: now, client: minter.id, subject, requestId, changes }),
        ),
      )
      return { ticket, expiresAt: new Date(now + ticketMs) }
    },
    /**
     * Exchanges a ticket for a session id. The ticket is used up even when `check` throws, which compares the origin.
     * @throws Failure `session.ticket`, `quota.exceeded`
     */
    open: async (ticket: string, check: (origin: string) => void) => {
      const ticketKey = `ticket:${hash('ticket', ticket)}`
      const record = isId(ticket) ? ((await records.take(ticketKey)) as SessionRecord | undefined) : undefined
      if (!record || record.endsAt <= clock.wall()) throw new Failure('session.ticket')
      check(record.origin)
      const id = newId()
      const key = `session:${hash('session', id)}`
      await quotas.release([counted(ticketKey, record)])
      await quotas.take([counted(key, record, ttlOf(record))])
      await records.put(key, record, ttlOf(record))
      return { id, record }
    },
    /**
     * The caller of a session. Undefined: it is unknown, has ended, or its minter's key is revoked. What `check` throws, which
     * compares the origin, does not count as use.
     * @throws Failure `credential.unverifiable` while Redis is away and this instance has not seen the session
     */
    find: async (
      id: string,
      check: (origin: string) => void = () => {},
    ): Promise<(Caller & { origin: string }) | undefined> => {
      if (!isId(id)) return undefined
      const name = hash('session', id)
      const record = await lookUp(`session:${name}`)
      const now = clock.wall()
      if (!record || record.endsAt <= now) return undefined
      const { minter, scopes, organizations, origin, subject, endsAt: expiresAt } = record
      const key = minter.keyHash === undefined ? undefined : keys.findByHash(minter.keyHash)
      if (minter.keyHash !== undefined && !key) return undefined
      check(origin)
      if (now - record.seenAt > touchMs) await touch(`session:${name}`, { ...record, seenAt: now })
      return {
        id: `${minter.id}/${name.slice(0, 8)}`,
        kind: 'session',
        // The rights that the key has now. Rights from a JWT are those of then.
        scopes: new Set(key ? scopes.flatMap((scope) => withinRights(key, scope)) : scopes),
        organizations: new Set(organizations.filter((organization) => !key || mayTouch(key, organization))),
        requestsPerMinute: Math.min(
          browserRequestsPerMinute,
          key?.requestsPerMinute ?? Number.POSITIVE_INFINITY,
        ),
        origin,
        subject,
        expiresAt,
      }
    },
    /** Ends the session on every instance. */
    end: async (id: string): Promise<void> => {
      const key = `session:${hash('session', id)}`
      seen.delete(key)
      const record = (await records.take(key)) as SessionRecord | undefined
      if (record) await quotas.release([counted(key, record)]).catch(() => {})
    },
    /** Sessions that were opened under the old secret end. */
    replaceSecret: (next: Secret): void => {
      secret = next
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>

/** The scope if the key has it; else what it includes and the key has. */
const withinRights = (key: Caller, scope: Scope): readonly Scope[] =>
  hasScope(key, scope) ? [scope] : (includes[scope] ?? []).filter((each) => hasScope(key, each))

const refuseExcess = (minter: Caller, { scopes, organizations }: SessionRights): void => {
  if (minter.kind === 'session')
    throw new Failure('session.exceeds', { detail: 'A browser session cannot mint another.' })
  const lacks = { code: 'exceeds', detail: 'The minter lacks this scope.' }
  const excess = scopes.flatMap((scope, i) =>
    hasScope(minter, scope) ? [] : [{ pointer: `/scopes/${i}`, ...lacks }],
  )
  if (excess.length > 0) throw new Failure('session.exceeds', { errors: excess })
  const unknown = { code: 'unknown', detail: 'No such organization.' }
  const foreign = organizations.flatMap((id, i) =>
    mayTouch(minter, id) ? [] : [{ pointer: `/organizations/${i}`, ...unknown }],
  )
  if (foreign.length > 0) throw new Failure('organization.unknown', { errors: foreign })
}
