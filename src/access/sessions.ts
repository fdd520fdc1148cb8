import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { type OnChange, oneChange } from '../contract/audit.ts'
import { Failure } from '../errors.ts'
import type { Quotas, Thing } from '../redis/quotas.ts'
import type { Records } from '../redis/records.ts'
import { seal, unseal } from '../seal.ts'
import type { Secret } from '../secret.ts'
import { hasScope } from './authorize.ts'
import { type Caller, minterOf } from './caller.ts'
import { createEndedPeople } from './ended-people.ts'
import type { Keys } from './keys.ts'
import { refuseExcess, rightsNow, type SessionRights } from './session-rights.ts'
import { createTrustedRecords } from './trusted-records.ts'

/** Stored under a keyed hash of the id. It holds nothing that works as a credential. */
type SessionRecord = SessionRights & {
  /** The hash is missing when the minter used a JWT, or an identity provider vouches for the person. */
  minter: { id: string; keyHash: string | undefined }
  /** Epoch ms; use does not extend it. */
  endsAt: number
  /** Epoch ms of the last use, exact to a minute. */
  seenAt: number
  /** Of the person at the minting. */
  marks?: (string | null)[] | undefined
}

/** A use is stored at most this often, because it costs a round trip. */
const touchMs = 60_000
/** A session of many organizations counts as several. */
const organizationsPerCount = 100
const browserRequestsPerMinute = 1200

/**
 * Browser sessions, so that a page needs no token. Ids are stored as HMACs under SESSION_SECRET: a copy of Redis opens no
 * session. A session never has more rights than its minter's key has now, and it ends with that key.
 */
export const createSessions = (options: {
  secret: Secret
  records: Records
  quotas: Quotas
  keys: Keys
  /** A session that is not used for so long loses its record, ms. */
  sessionIdleMs: number
  /** The longest life of a session, ms. */
  sessionMaxMs: number
  clock: Clock
  onChange: OnChange
}) => {
  const { records, quotas, keys, clock, onChange, sessionIdleMs, sessionMaxMs } = options
  let { secret } = options
  const hash = (kind: 'ticket' | 'session' | 'person', id: string): string =>
    createHmac('sha256', secret.reveal()).update(`${kind} ${id}`).digest('base64url')
  const newId = (): string => randomBytes(32).toString('base64url')
  /** Saves a round trip for other texts. */
  const isId = (text: string): boolean => /^[\w-]{43}$/.test(text)
  const trusted = createTrustedRecords<SessionRecord>(options)
  const people = createEndedPeople({ ...options, hash })
  const ttlOf = (record: SessionRecord): number => Math.min(sessionIdleMs, record.endsAt - clock.wall())
  const counted = (key: string, { minter, organizations }: SessionRecord, keepMs = 0): Thing => ({
    kind: key.startsWith('ticket:') ? 'tickets' : 'sessions',
    client: minter.id,
    id: key.slice(-16),
    weight: 1 + Math.floor(organizations.length / organizationsPerCount),
    keepMs,
  })
  const touch = async (key: string, used: SessionRecord): Promise<void> => {
    trusted.set(key, used)
    // An ended session stays ended, and a read succeeds though Redis is away.
    await records.replace(key, used, ttlOf(used)).catch(() => {})
    await quotas.extend([counted(key, used, ttlOf(used))]).catch(() => {})
  }
  const hasEnded = async ({ subject, minter, marks = [], endsAt }: SessionRecord): Promise<boolean> =>
    endsAt <= clock.wall() || (subject !== undefined && people.hasEnded(minter.id, subject, marks))
  const newRecord = async (
    minter: Pick<Caller, 'id' | 'keyHash' | 'expiresAt'>,
    rights: SessionRights,
    ttlMs: number,
  ): Promise<SessionRecord> => {
    const now = clock.wall()
    return {
      ...rights,
      minter: { id: minter.id, keyHash: minter.keyHash },
      endsAt: Math.min(now + Math.min(ttlMs, sessionMaxMs), minter.expiresAt ?? Number.POSITIVE_INFINITY),
      seenAt: now,
      marks: rights.subject === undefined ? undefined : await people.marks(minter.id, rights.subject),
    }
  }
  const begin = async (record: SessionRecord) => {
    const id = newId()
    const key = `session:${hash('session', id)}`
    await quotas.take([counted(key, record, ttlOf(record))])
    await records.put(key, record, ttlOf(record))
    return { id, endsAt: record.endsAt }
  }
  const tellMinted = async (
    { organizations, subject }: SessionRights,
    client: string,
    requestId: string | undefined,
  ): Promise<void> => {
    const at = clock.wall()
    const changes = [{ ...oneChange, kind: 'sessionMinted' as const }]
    const told = organizations === '*' ? [null] : organizations
    await Promise.all(
      told.map((organization) => onChange({ organization, at, client, subject, requestId, changes })),
    )
  }

  return {
    idleMs: sessionIdleMs,
    /**
     * A ticket for one session. It works once, within `ticketSeconds`.
     * @throws Failure `quota.exceeded`; `session.exceeds`, `organization.unknown`, with every scope or organization that the minter lacks
     */
    mint: async (
      minter: Caller,
      { ttlSeconds, ticketSeconds, ...rights }: SessionRights & { ttlSeconds: number; ticketSeconds: number },
      requestId?: string,
    ) => {
      refuseExcess(minter, rights)
      const ticket = newId()
      const ticketMs = ticketSeconds * 1000
      const record = await newRecord(minter, rights, ttlSeconds * 1000)
      const key = `ticket:${hash('ticket', ticket)}`
      await quotas.take([counted(key, record, ticketMs)])
      await records.put(key, record, ticketMs)
      await tellMinted(rights, minter.id, requestId)
      return { ticket, expiresAt: new Date(record.seenAt + ticketMs) }
    },
    /**
     * Exchanges a ticket for a session id. The ticket is used up even when `check` throws, which compares the origin.
     * @throws Failure `session.ticket`, `quota.exceeded`
     */
    open: async (ticket: string, check: (origin: string) => void) => {
      const key = `ticket:${hash('ticket', ticket)}`
      const record = isId(ticket) ? ((await records.take(key)) as SessionRecord | undefined) : undefined
      if (!record || (await hasEnded(record))) throw new Failure('session.ticket')
      check(record.origin)
      await quotas.release([counted(key, record)])
      return begin(record)
    },
    /** A session for a person for whom `minter` vouches, without a key. @throws Failure `quota.exceeded`, `redis.unavailable` */
    start: async (minter: string, rights: SessionRights, requestId?: string) => {
      const record = await newRecord({ id: minter, expiresAt: undefined }, rights, sessionMaxMs)
      const session = await begin(record)
      await tellMinted(rights, minter, requestId)
      return session
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
      const record = await trusted.get(`session:${name}`)
      if (!record || (await hasEnded(record))) return undefined
      const { minter, origin, subject, endsAt: expiresAt } = record
      const key = minter.keyHash === undefined ? undefined : keys.findByHash(minter.keyHash)
      if (minter.keyHash !== undefined && !key) return undefined
      check(origin)
      const now = clock.wall()
      if (now - record.seenAt > touchMs) await touch(`session:${name}`, { ...record, seenAt: now })
      return {
        id: `${minter.id}/${name.slice(0, 8)}`,
        kind: 'session',
        ...rightsNow(record, key),
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
      trusted.forget(key)
      const record = (await records.take(key)) as SessionRecord | undefined
      if (record) await quotas.release([counted(key, record)]).catch(() => {})
    },
    /**
     * Ends the sessions and tickets of a person on every instance: those that the client of the caller minted. `admin` for every
     * organization ends those of all clients. @throws Failure `redis.unavailable`
     */
    endAll: async (caller: Caller, subject: string, requestId?: string): Promise<void> => {
      const isForAll = hasScope(caller, 'admin') && caller.organizations === '*'
      await people.end(isForAll ? undefined : minterOf(caller.id), subject)
      const changes = [{ ...oneChange, kind: 'sessionsEnded' as const, reason: subject }]
      const { id: client, subject: by } = caller
      await onChange({ organization: null, at: clock.wall(), client, subject: by, requestId, changes })
    },
    /** A text that only gateways with this secret can read, for what `bound` names. */
    seal: (text: string, bound: string): string => seal(text, { secret, purpose: 'session', bound }),
    unseal: (sealed: string, bound: string): string | undefined =>
      unseal(sealed, { secret, purpose: 'session', bound }),
    /** Sessions that were opened under the old secret end. */
    replaceSecret: (next: Secret): void => {
      secret = next
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>
