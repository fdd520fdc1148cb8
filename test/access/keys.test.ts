import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { createSystemCaller } from '../../src/access/caller.ts'
import { type ClientEntry, createKeys, hashKey, makeKey, parseClients } from '../../src/access/keys.ts'
import { createClock } from '../support/clock.ts'

const entry = (key: string, more: Partial<ClientEntry> = {}): ClientEntry => ({
  id: 'crm',
  keyHash: hashKey(key),
  scopes: ['operators:read'],
  organizations: [24],
  requestsPerMinute: 6000,
  ...more,
})

describe('a made key', () => {
  it('has a form that leak scanners recognize, contains a checksum, and is unique', () => {
    const keys = Array.from({ length: 200 }, () => makeKey('crm.shop-1'))
    for (const key of keys) expect(key).toMatch(/^cgw_crm\.shop-1_[\w-]{43}_[A-Za-z0-9]{6}$/)
    expect(new Set(keys).size).toBe(200)
    const sums = new Set(keys.map((key) => key.slice(-6)))
    expect(sums.size).toBeGreaterThan(190)
  })

  it('is listed by the SHA-256 of its text', () => {
    expect(hashKey('abc')).toBe(`sha256:${createHash('sha256').update('abc').digest('hex')}`)
  })
})

describe('the callers', () => {
  it('are found by their key, with the rights of their entry', () => {
    const key = makeKey('crm')
    const keys = createKeys([entry(key, { organizations: '*', requestsPerMinute: 60 })], createClock())
    const caller = keys.find(key)
    expect(caller).toMatchObject({ id: 'crm', kind: 'key', organizations: '*', requestsPerMinute: 60 })
    expect(caller?.scopes).toEqual(new Set(['operators:read']))
    expect(keys.find(key)).toBe(caller)
    expect(keys.findByHash(hashKey(key))).toBe(caller)
  })

  it('are not found by another key, the hash itself, a part of the key or another case', () => {
    const key = makeKey('crm')
    const keys = createKeys([entry(key)], createClock())
    for (const other of [makeKey('crm'), hashKey(key), key.slice(0, -1), `${key} `, key.toUpperCase(), ''])
      expect(keys.find(other)).toBeUndefined()
  })

  it('may use any string of 32 to 512 characters whose hash is listed', () => {
    for (const [length, found] of [
      [31, false],
      [32, true],
      [512, true],
      [513, false],
    ] as const) {
      const key = 'k'.repeat(length)
      expect(createKeys([entry(key)], createClock()).find(key) !== undefined).toBe(found)
    }
  })

  it('expire at the time that their entry names, also after an earlier look-up', async () => {
    const clock = createClock(Date.UTC(2026, 0, 1))
    const key = makeKey('crm')
    const keys = createKeys([entry(key, { expiresAt: '2026-01-01T01:00:10+01:00' })], clock)
    expect(keys.find(key)).toBeDefined()
    await clock.advance(9999)
    expect(keys.find(key)).toBeDefined()
    await clock.advance(1)
    expect(keys.find(key)).toBeUndefined()
    expect(keys.findByHash(hashKey(key))).toBeUndefined()
    clock.jumpWall(-5000)
    expect(keys.find(key)).toBeDefined()
  })

  it('can have two keys while one is replaced; the old key ends when its entry is removed', () => {
    const [old, next] = [makeKey('crm'), makeKey('crm')]
    const keys = createKeys([entry(old), entry(next)], createClock())
    expect([keys.find(old)?.id, keys.find(next)?.id, keys.uses(createSystemCaller()).length]).toEqual([
      'crm',
      'crm',
      2,
    ])
    keys.replace([entry(next)])
    expect(keys.find(old)).toBeUndefined()
    expect(keys.findByHash(hashKey(old))).toBeUndefined()
    expect(keys.find(next)?.id).toBe('crm')
  })

  it('have their new rights with the next call after their entry has changed', () => {
    const key = makeKey('crm')
    const keys = createKeys([entry(key)], createClock())
    keys.find(key)
    keys.replace([entry(key, { scopes: ['admin'], organizations: [6] })])
    expect(keys.find(key)?.scopes).toEqual(new Set(['admin']))
    expect(keys.find(key)?.organizations).toEqual(new Set([6]))
  })

  it('report which keys are used and when, without revealing a key', async () => {
    const clock = createClock(Date.UTC(2026, 0, 1))
    const [used, idle] = [makeKey('crm'), makeKey('crm')]
    const keys = createKeys([entry(used), entry(idle)], clock)
    await clock.advance(5000)
    keys.find(used)
    const usedAt = '2026-01-01T00:00:05.000Z'
    expect(keys.uses(createSystemCaller()).map(({ id, lastUsedAt }) => [id, lastUsedAt])).toEqual([
      ['crm', usedAt],
      ['crm', null],
    ])
    keys.replace([entry(idle), entry(used, { scopes: [] })])
    expect(keys.uses(createSystemCaller()).map(({ lastUsedAt }) => lastUsedAt)).toEqual([null, usedAt])
    expect(keys.uses(createSystemCaller()).every(({ key }) => key.length <= 'sha256:'.length + 8)).toBe(true)
  })
})

describe('the callers’ JSON', () => {
  const good = { id: 'crm', keyHash: hashKey('k'.repeat(32)) }
  const parse = (...clients: object[]) => parseClients(JSON.stringify({ clients }), true, 0)

  it('has defaults: no scope, no organization, 6,000 requests a minute, no end', () => {
    const { entries, faults } = parse(good)
    expect(faults).toEqual([])
    expect(entries).toEqual([{ ...good, scopes: [], organizations: [], requestsPerMinute: 6000 }])
  })

  it('is refused as a whole when one entry is invalid, with the place of every fault', () => {
    const { entries, faults } = parse(good, { ...good, id: '' }, { ...good, scopes: ['root'], extra: 1 })
    expect(entries).toEqual([])
    expect(faults.map((fault) => fault.split(': ')[0]).toSorted()).toEqual([
      '/clients/1/id',
      '/clients/2/extra',
      '/clients/2/scopes/0',
    ])
  })

  it.each(['', 'null', '[]', '{}', '{"clients":{}}', '{"clients":[null]}', '{"clients":[],"more":1}'])(
    'is refused when it is %j',
    (text) => {
      expect(parseClients(text, true, 0).faults.length).toBeGreaterThan(0)
    },
  )
})
