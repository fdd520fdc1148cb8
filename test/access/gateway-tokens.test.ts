import { describe, expect, it } from '@jest/globals'
import { createClientLimit } from '../../src/access/client-limit.ts'
import { createGatewayTokens } from '../../src/access/gateway-tokens.ts'
import { type ClientEntry, createKeys, hashKey, makeKey } from '../../src/access/keys.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import { createClock } from '../support/clock.ts'
import { createTestRecords } from './records.ts'

const dayMs = 24 * 3600 * 1000
const setUp = (more: Partial<ClientEntry> = {}) => {
  const clock = createClock()
  const records = createTestRecords(clock)
  const key = makeKey('crm')
  const entry: ClientEntry = {
    id: 'crm',
    keyHash: hashKey(key),
    scopes: ['operators:read'],
    organizations: [24],
    requestsPerMinute: 60,
    ...more,
  }
  const keys = createKeys([entry], clock)
  /** An instance of the gateway; instances share records and keys. */
  const instance = () =>
    createGatewayTokens({ keys, records, quotas: unlimited, clock, limit: createClientLimit(clock, 1) })
  const issue = async (tokens = instance()) => (await tokens.issue('crm', key)) as string
  return { clock, records, key, keys, entry, instance, issue }
}

describe('a gateway token', () => {
  it('is issued for an id and a key that belong together, and for nothing else', async () => {
    const { key, instance } = setUp()
    const tokens = instance()
    expect(await tokens.issue('crm', key)).toMatch(/^cgt_[\w-]{43}$/)
    expect(await tokens.issue('other', key)).toBeUndefined()
    expect(await tokens.issue('crm', makeKey('crm'))).toBeUndefined()
    expect(await tokens.issue('crm', '')).toBeUndefined()
  })

  it('gives the id, scopes and organizations of its key, on every instance', async () => {
    const { clock, instance, issue } = setUp()
    const token = await issue()
    expect(await instance().find(token)).toMatchObject({
      id: 'crm',
      kind: 'token',
      scopes: new Set(['operators:read']),
      organizations: new Set([24]),
      expiresAt: clock.wall() + dayMs,
    })
  })

  it('has the rights that its key has now', async () => {
    const { keys, entry, instance, issue } = setUp()
    const tokens = instance()
    const token = await issue(tokens)
    await tokens.find(token)
    keys.replace([{ ...entry, organizations: [6] }])
    expect((await tokens.find(token))?.organizations).toEqual(new Set([6]))
  })

  it('ends with its key, also where it was used before', async () => {
    const { keys, instance, issue } = setUp()
    const tokens = instance()
    const token = await issue(tokens)
    expect(await tokens.find(token)).toBeDefined()
    keys.replace([])
    expect(await tokens.find(token)).toBeUndefined()
  })

  it('ends after 24 hours, also where it was used before', async () => {
    const { clock, instance, issue } = setUp()
    const used = instance()
    const token = await issue(used)
    await clock.advance(dayMs - 1)
    expect(await used.find(token)).toBeDefined()
    await clock.advance(1)
    expect(await used.find(token)).toBeUndefined()
    expect(await instance().find(token)).toBeUndefined()
  })

  it('is stored only as a hash', async () => {
    const { records, key, issue } = setUp()
    const token = await issue()
    expect(records.stored()).toContain('token:')
    for (const secret of [token, token.slice(4), key]) expect(records.stored()).not.toContain(secret)
  })

  it('costs a request of the limit when it is issued', async () => {
    const { key, instance } = setUp({ requestsPerMinute: 1 })
    const tokens = instance()
    await tokens.issue('crm', key)
    await expect(tokens.issue('crm', key)).rejects.toMatchObject({ code: 'limit.exceeded' })
  })

  it('works without Redis on an instance that used it before, and cannot be verified on others', async () => {
    const { records, instance, issue } = setUp()
    const used = instance()
    const token = await issue(used)
    await used.find(token)
    records.away = true
    expect(await used.find(token)).toBeDefined()
    await expect(instance().find(token)).rejects.toMatchObject({
      code: 'credential.unverifiable',
      status: 503,
    })
  })

  it('that is malformed is refused without a look-up', async () => {
    const { records, instance } = setUp()
    const tokens = instance()
    for (const text of ['', 'cgt_', 'cgt_short', `cgt_${'a'.repeat(44)}`, `cgt_${'='.repeat(43)}`])
      expect(await tokens.find(text)).toBeUndefined()
    expect(records.calls).toEqual([])
    expect(await tokens.find(`cgt_${'a'.repeat(43)}`)).toBeUndefined()
    expect(records.calls).toEqual(['get token'])
  })
})
