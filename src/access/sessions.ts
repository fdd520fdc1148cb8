import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Scope } from '../contract/scopes.ts'
import { Failure, type Fault, isFailure } from '../errors.ts'
import type { Records } from '../redis/records.ts'
import type { Secret } from '../secret.ts'
import { mayTouch } from './authorize.ts'
import type { Caller } from './caller.ts'
import type { Keys } from './keys.ts'

/** What a back end asks for on behalf of a browser. */
type SessionGrant = SessionRights & { ttlSeconds: number }

/** `origin`: the one whose pages may use it. */
type SessionRights = { organizations: number[]; scopes: Scope[]; origin: string }

/** What is kept of a session, under a hash of its id: nothing that could be sent as a credential. */
type SessionRecord = SessionRights & {
  /** By id and, unless it came with a JWT, by the hash of its key. */
  minter: { id: string; keyHash: string | undefined }
  /** Epoch ms; however busy it is, it ends then. */
  endsAt: number
  /** Epoch ms; idle since. */
  seenAt: number
}

const ticketMs = 60_000
const idleMs = 30 * 60_000
// Writing the last use on every request would cost a round trip each; a minute is close enough for 30.
const touchMs = 60_000
const browserRequestsPerMinute = 1200
// A session ended elsewhere ends here within this time; while Redis is away nobody can end one, so what was known stands longer.
const believedMs = 1000
const believedAwayMs = 5 * 60_000

export type Sessions = {
  /**
   * A ticket for one session, good once and for a minute.
   * @throws Failure `session.exceeds`, `organization.unknown`, with every scope or organization that is too much
   */
  mint(minter: Caller, grant: SessionGrant): Promise<{ ticket: string; expiresAt: Date }>
  /**
   * Trades a ticket for a session id. `check` may throw when the page is not of the origin that the session is for;
   * the ticket is spent then too. @throws Failure `session.ticket`
   */
  open(ticket: string, check: (origin: string) => void): Promise<{ id: string; record: SessionRecord }>
  /**
   * The session of this id, unless it is over or its minter has lost its rights.
   * @throws Failure `credential.unverifiable` while Redis is away and this instance does not know it
   */
  find(id: string): Promise<(Caller & { origin: string }) | undefined>
  /** Ends it on every instance. */
  end(id: string): Promise<void>
  /** Another SESSION_SECRET from now on: what was opened under the old one is over. */
  replaceSecret(secret: Secret): void
}

/**
 * Browser sessions without a token in the page. Ids are kept as HMACs under SESSION_SECRET, so that what stands in Redis
 * opens nothing. A session has never more than its minter has now: a revoked key ends the sessions it minted.
 */
export const createSessions = (options: {
  secret: Secret
  records: Records
  keys: Keys
  clock: Clock
}): Sessions => {
  const { records, keys, clock } = options
  let { secret } = options
  const hash = (kind: 'ticket' | 'session', id: string): string =>
    createHmac('sha256', secret.reveal()).update(`${kind} ${id}`).digest('base64url')
  const newId = (): string => randomBytes(32).toString('base64url')
  // What cannot be an id is not looked up: that costs a round trip.
  const isId = (text: string): boolean => /^[\w-]{43}$/.test(text)
  const seen = new LRUCache<string, { record: SessionRecord; at: number }>({ max: 10_000 })
  const look = async (key: string): Promise<SessionRecord | undefined> => {
    const known = seen.get(key)
    const age = known ? clock.now() - known.at : Number.POSITIVE_INFINITY
    if (known && age < believedMs) return known.record
    try {
      const record = (await records.get(key)) as SessionRecord | undefined
      if (record) seen.set(key, { record, at: clock.now() })
      else seen.delete(key)
      return record
    } catch (error) {
      if (!isFailure(error, 'redis.unavailable')) throw error
      if (known && age < believedAwayMs) return known.record
      throw new Failure('credential.unverifiable', { retryAfterMs: 1000, cause: error })
    }
  }
  const ttlOf = (record: SessionRecord): number => Math.min(idleMs, record.endsAt - clock.wall())

  /** Notes the use; a session that was ended meanwhile stays ended, and Redis away is no reason to refuse a read. */
  const touch = async (key: string, record: SessionRecord): Promise<void> => {
    // What was noted is not what was looked up: it is believed no longer than before.
    seen.set(key, { record, at: seen.get(key)?.at ?? clock.now() })
    await records.replace(key, record, ttlOf(record)).catch(() => {})
  }

  return {
    mint: async (minter, { ttlSeconds, ...rights }) => {
      refuseExcess(minter, rights)
      const ticket = newId()
      const now = clock.wall()
      const record: SessionRecord = {
        ...rights,
        minter: { id: minter.id, keyHash: minter.keyHash },
        endsAt: Math.min(now + ttlSeconds * 1000, minter.expiresAt ?? Number.POSITIVE_INFINITY),
        seenAt: now,
      }
      await records.put(`ticket:${hash('ticket', ticket)}`, record, ticketMs)
      return { ticket, expiresAt: new Date(now + ticketMs) }
    },
    open: async (ticket, check) => {
      const record = isId(ticket)
        ? ((await records.take(`ticket:${hash('ticket', ticket)}`)) as SessionRecord | undefined)
        : undefined
      if (!record || record.endsAt <= clock.wall()) throw new Failure('session.ticket')
      check(record.origin)
      const id = newId()
      await records.put(`session:${hash('session', id)}`, record, ttlOf(record))
      return { id, record }
    },
    find: async (id) => {
      if (!isId(id)) return undefined
      const key = `session:${hash('session', id)}`
      const record = await look(key)
      const now = clock.wall()
      if (!record || record.endsAt <= now || record.seenAt + idleMs <= now) return undefined
      const rights = rightsNow(record, keys)
      if (!rights) return undefined
      if (now - record.seenAt > touchMs) await touch(key, { ...record, seenAt: now })
      return {
        ...rights,
        id: `${record.minter.id}/${hash('session', id).slice(0, 8)}`,
        kind: 'session',
        origin: record.origin,
        expiresAt: record.endsAt,
      }
    },
    replaceSecret: (next) => {
      secret = next
    },
    end: async (id) => {
      const key = `session:${hash('session', id)}`
      seen.delete(key)
      await records.take(key)
    },
  }
}

const refuseExcess = (minter: Caller, { scopes, organizations }: SessionRights): void => {
  if (minter.kind === 'session')
    throw new Failure('session.exceeds', { detail: 'A browser session cannot mint another.' })
  const errors = scopes.flatMap((scope, index): Fault[] =>
    minter.scopes.has(scope)
      ? []
      : [{ pointer: `/scopes/${index}`, code: 'exceeds', detail: `The minter lacks the scope ${scope}.` }],
  )
  if (errors.length > 0) throw new Failure('session.exceeds', { errors })
  const unknown = organizations.flatMap((organization, index): Fault[] =>
    mayTouch(minter, organization)
      ? []
      : [{ pointer: `/organizations/${index}`, code: 'unknown', detail: 'No such organization.' }],
  )
  if (unknown.length > 0) throw new Failure('organization.unknown', { errors: unknown })
}

/** What the session may do now: no more than its minter's key, undefined when that is gone. A JWT is spent once used. */
const rightsNow = (
  { minter, scopes, organizations }: SessionRecord,
  keys: Keys,
): Pick<Caller, 'scopes' | 'organizations' | 'requestsPerMinute'> | undefined => {
  const key = minter.keyHash === undefined ? undefined : keys.findByHash(minter.keyHash)
  if (minter.keyHash !== undefined && !key) return undefined
  return {
    scopes: new Set(scopes.filter((scope) => !key || key.scopes.has(scope))),
    organizations: new Set(organizations.filter((organization) => !key || mayTouch(key, organization))),
    requestsPerMinute: Math.min(browserRequestsPerMinute, key?.requestsPerMinute ?? Number.POSITIVE_INFINITY),
  }
}
