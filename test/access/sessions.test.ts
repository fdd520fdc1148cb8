import { describe, expect, it } from '@jest/globals'
import type { Caller } from '../../src/access/caller.ts'
import { type ClientEntry, createKeys, hashKey, makeKey } from '../../src/access/keys.ts'
import { createSessions, type Sessions } from '../../src/access/sessions.ts'
import type { Scope } from '../../src/contract/scopes.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import { Secret } from '../../src/secret.ts'
import { createClock } from '../support/clock.ts'
import { createTestRecords } from './records.ts'

const origin = 'https://crm.example.com'
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const grant = {
  organizations: [24],
  scopes: ['operators:read'] as Scope[],
  origin,
  ttlSeconds: 12 * 3600,
  ticketSeconds: 60,
}
const anyOrigin = () => {}

const setUp = (more: Partial<ClientEntry> = {}) => {
  const clock = createClock()
  const records = createTestRecords(clock)
  const key = makeKey('crm')
  const entry: ClientEntry = {
    id: 'crm',
    keyHash: hashKey(key),
    scopes: ['operators:read', 'operators:write', 'sessions:mint'],
    organizations: [24, 6],
    requestsPerMinute: 6000,
    ...more,
  }
  const keys = createKeys([entry], clock)
  const minter = keys.find(key) as Caller
  /** An instance of the gateway; instances share records, keys and the secret. */
  const instance = () =>
    createSessions({
      secret: new Secret('s'.repeat(32)),
      ...{ records, quotas: unlimited, keys, clock },
      ...{ sessionIdleMs: 30 * minuteMs, sessionMaxMs: 12 * hourMs },
      onChange: async () => {},
    })
  const open = async (sessions: Sessions = instance(), wanted = grant): Promise<string> => {
    const { ticket } = await sessions.mint(minter, wanted)
    return (await sessions.open(ticket, anyOrigin)).id
  }
  return { clock, records, keys, entry, minter, instance, open }
}

describe('a ticket', () => {
  it('opens one session, also when two requests use it at the same time', async () => {
    const { minter, instance } = setUp()
    const sessions = instance()
    const { ticket } = await sessions.mint(minter, grant)
    const uses = await Promise.allSettled([
      sessions.open(ticket, anyOrigin),
      instance().open(ticket, anyOrigin),
    ])
    expect(uses.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  it('expires after a minute', async () => {
    const { clock, minter, instance } = setUp()
    const sessions = instance()
    const { ticket, expiresAt } = await sessions.mint(minter, grant)
    expect(expiresAt.getTime()).toBe(clock.wall() + minuteMs)
    await clock.advance(minuteMs)
    await expect(sessions.open(ticket, anyOrigin)).rejects.toMatchObject({ code: 'session.ticket' })
  })

  it('is used up by a page of another origin', async () => {
    const { minter, instance } = setUp()
    const sessions = instance()
    const { ticket } = await sessions.mint(minter, grant)
    const refuse = (bound: string) => {
      throw new Error(`not ${bound}`)
    }
    await expect(sessions.open(ticket, refuse)).rejects.toThrow(`not ${origin}`)
    await expect(sessions.open(ticket, anyOrigin)).rejects.toMatchObject({ code: 'session.ticket' })
  })

  it('cannot grant what the minter lacks, and the refusal names every excess', async () => {
    const { minter, instance } = setUp()
    const scopes = ['admin', 'operators:read', 'cache:purge'] as const
    await expect(instance().mint(minter, { ...grant, scopes: [...scopes] })).rejects.toMatchObject({
      code: 'session.exceeds',
      errors: [{ pointer: '/scopes/0' }, { pointer: '/scopes/2' }],
    })
    await expect(instance().mint(minter, { ...grant, organizations: [24, 7] })).rejects.toMatchObject({
      code: 'organization.unknown',
      errors: [{ pointer: '/organizations/1' }],
    })
  })

  it('cannot be minted by a session', async () => {
    const { instance, open } = setUp()
    const sessions = instance()
    const caller = (await sessions.find(await open(sessions))) as Caller
    await expect(sessions.mint(caller, grant)).rejects.toMatchObject({ code: 'session.exceeds' })
  })
})

describe('a session', () => {
  it('is a caller with the granted rights, its own id and its own limit', async () => {
    const { clock, instance, open } = setUp()
    const id = await open()
    expect(await instance().find(id)).toEqual({
      id: expect.stringMatching(/^crm\/[\w-]{8}$/),
      kind: 'session',
      scopes: new Set(['operators:read']),
      organizations: new Set([24]),
      requestsPerMinute: 1200,
      origin,
      expiresAt: clock.wall() + 12 * hourMs,
    })
    expect((await instance().find(id))?.id).not.toBe((await instance().find(await open()))?.id)
  })

  it('loses its operator with the right of its minter to issue tokens', async () => {
    const may = { scopes: ['sessions:mint', 'operators:read', 'tokens:mint'] as Scope[] }
    const { keys, entry, instance, open } = setUp(may)
    const sessions = instance()
    const id = await open(sessions, { ...grant, operator: 101 } as typeof grant)
    expect((await sessions.find(id))?.operator).toBe(101)
    keys.replace([{ ...entry, scopes: ['operators:read'] }])
    expect((await sessions.find(id))?.operator).toBeUndefined()
  })

  it('never has more rights than its minter has now', async () => {
    const { keys, entry, instance, open } = setUp()
    const sessions = instance()
    const id = await open(sessions, { ...grant, organizations: [24, 6] })
    await sessions.find(id)
    keys.replace([{ ...entry, scopes: [], organizations: [6], requestsPerMinute: 10 }])
    expect(await sessions.find(id)).toMatchObject({
      scopes: new Set(),
      organizations: new Set([6]),
      requestsPerMinute: 10,
    })
  })

  it('keeps what its scopes include when its minter has only that', async () => {
    const { keys, entry, instance, open } = setUp()
    const sessions = instance()
    const [writer, supervisor] = [
      await open(sessions, { ...grant, scopes: ['operators:write'] }),
      await open(sessions, { ...grant, scopes: ['operators:status'] }),
    ]
    const scopesNow = async () => [
      [...((await sessions.find(writer))?.scopes ?? [])],
      [...((await sessions.find(supervisor))?.scopes ?? [])],
    ]
    expect(await scopesNow()).toEqual([['operators:write'], ['operators:status']])
    keys.replace([{ ...entry, scopes: ['operators:status'] }])
    expect(await scopesNow()).toEqual([['operators:status'], ['operators:status']])
    keys.replace([{ ...entry, scopes: ['operators:read'] }])
    expect(await scopesNow()).toEqual([[], []])
  })

  it('ends as soon as its minter’s key is revoked', async () => {
    const { keys, instance, open } = setUp()
    const sessions = instance()
    const id = await open(sessions)
    expect(await sessions.find(id)).toBeDefined()
    keys.replace([])
    expect(await sessions.find(id)).toBeUndefined()
  })

  it('ends after 30 minutes without use, and a use extends it', async () => {
    const { clock, instance, open } = setUp()
    const sessions = instance()
    const id = await open(sessions)
    for (let use = 0; use < 3; use++) {
      await clock.advance(30 * minuteMs - 1)
      expect(await sessions.find(id)).toBeDefined()
    }
    await clock.advance(30 * minuteMs)
    expect(await sessions.find(id)).toBeUndefined()
  })

  it('ends at its own time, however often it is used', async () => {
    const { clock, instance, open } = setUp()
    const sessions = instance()
    const id = await open(sessions, { ...grant, ttlSeconds: 3600 })
    for (let minutes = 20; minutes < 60; minutes += 20) {
      await clock.advance(20 * minuteMs)
      expect(await sessions.find(id)).toBeDefined()
    }
    await clock.advance(20 * minuteMs)
    expect(await sessions.find(id)).toBeUndefined()
  })

  it('does not outlive its minter', async () => {
    const { clock, instance, open } = setUp({
      expiresAt: new Date(createClock().wall() + hourMs).toISOString(),
    })
    const { expiresAt } = (await instance().find(await open())) as Caller
    expect(expiresAt).toBe(clock.wall() + hourMs)
  })

  it('that one instance ends has ended on every other instance within a second', async () => {
    const { clock, instance, open } = setUp()
    const [one, other] = [instance(), instance()]
    const id = await open(one)
    for (const sessions of [one, other]) expect(await sessions.find(id)).toBeDefined()
    await one.end(id)
    expect(await one.find(id)).toBeUndefined()
    await clock.advance(1000)
    expect(await other.find(id)).toBeUndefined()
  })

  it('that has ended is not restored by a use on another instance', async () => {
    const { clock, instance, open } = setUp()
    const [one, other] = [instance(), instance()]
    const id = await open(one)
    await clock.advance(5 * minuteMs)
    await other.find(id)
    await clock.advance(2 * minuteMs - 500)
    await other.find(id)
    await one.end(id)
    await clock.advance(500)
    await other.find(id)
    await clock.advance(1000)
    expect([await one.find(id), await other.find(id)]).toEqual([undefined, undefined])
  })

  it('stores its use at most once a minute', async () => {
    const { clock, records, instance, open } = setUp()
    const sessions = instance()
    const id = await open(sessions)
    for (let use = 0; use < 240; use++) {
      await clock.advance(1000)
      await sessions.find(id)
    }
    expect(records.calls.filter((call) => call === 'replace session')).toHaveLength(3)
  })

  it('works for five minutes without Redis on an instance that used it, and cannot be verified on others', async () => {
    const { clock, records, instance, open } = setUp()
    const sessions = instance()
    const id = await open(sessions)
    await sessions.find(id)
    records.away = true
    await clock.advance(5 * minuteMs - 1)
    expect(await sessions.find(id)).toBeDefined()
    await expect(instance().find(id)).rejects.toMatchObject({ code: 'credential.unverifiable', status: 503 })
    await clock.advance(1)
    await expect(sessions.find(id)).rejects.toMatchObject({ code: 'credential.unverifiable' })
  })

  it('ends when SESSION_SECRET is replaced, and so do tickets', async () => {
    const { minter, instance, open } = setUp()
    const sessions = instance()
    const id = await open(sessions)
    const { ticket } = await sessions.mint(minter, grant)
    sessions.replaceSecret(new Secret('t'.repeat(32)))
    expect(await sessions.find(id)).toBeUndefined()
    await expect(sessions.open(ticket, anyOrigin)).rejects.toMatchObject({ code: 'session.ticket' })
    expect(await sessions.find(await open(sessions))).toBeDefined()
  })

  it('is stored without its id, its ticket or a key', async () => {
    const { records, minter, instance } = setUp()
    const sessions = instance()
    const { ticket } = await sessions.mint(minter, grant)
    const { id } = await sessions.open(ticket, anyOrigin)
    expect(records.stored()).toContain('session:')
    for (const secret of [id, ticket]) expect(records.stored()).not.toContain(secret)
  })

  it('and a ticket that are malformed are refused without a look-up', async () => {
    const { records, instance } = setUp()
    const sessions = instance()
    const expired = { code: 'session.ticket' }
    for (const text of ['', 'x', 'a'.repeat(42), 'a'.repeat(44), '='.repeat(43), 'a'.repeat(5000)]) {
      expect(await sessions.find(text)).toBeUndefined()
      await expect(sessions.open(text, anyOrigin)).rejects.toMatchObject(expired)
    }
    expect(records.calls).toEqual([])
    const id = 'A-z_0123456'.padEnd(43, 'x')
    expect(await sessions.find(id)).toBeUndefined()
    await expect(sessions.open(id, anyOrigin)).rejects.toMatchObject(expired)
    expect(records.calls).toEqual(['get session', 'take ticket'])
  })
})
