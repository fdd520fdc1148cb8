import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import type { Event } from '../../src/contract/event.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { cookieName, openSession, page, sessionEnv } from './browser-session.ts'
import { type EventReader, readEvents } from './event-reader.ts'

const readers: EventReader[] = []
const keyOf = (key: string) => ({ 'X-API-Key': key })
const follow = async (gateway: TestGateway, query = '', headers = keyOf(gateway.key) as object) => {
  const reader = await readEvents(`${gateway.url}/v1/events${query}`, headers as Record<string, string>)
  readers.push(reader)
  await reader.begun()
  return reader
}
const closeAll = () => {
  for (const reader of readers.splice(0)) reader.close()
}
const list = (organization: number) => `/v1/organizations/${organization}/operators`
const typesOf = (events: readonly Event[]) => events.map(({ type, operator }) => `${type} ${operator?.id}`)

describe('events of one process', () => {
  const narrowKey = makeKey('narrow')
  let folder: string
  let gateway: TestGateway
  const writeKeys = (organizations: number[]) =>
    writeFileSync(
      join(folder, 'keys.json'),
      JSON.stringify({
        clients: [
          { id: 'all', keyHash: hashKey(gatewayKey), scopes, organizations: '*', requestsPerMinute: 1e6 },
          { id: 'narrow', keyHash: hashKey(narrowKey), scopes: ['events:read'], organizations },
        ],
      }),
    )
  const gatewayKey = makeKey('all')
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'events-'))
    writeKeys([24, 6])
    gateway = await startGateway({
      env: {
        CACHE_FRESH_SECONDS: '1',
        ORGANIZATIONS_FRESH_SECONDS: '1',
        REFRESH_BUDGET_PERCENT: '50',
        API_KEYS: '',
        API_KEYS_FILE: join(folder, 'keys.json'),
        ...sessionEnv,
      },
    })
    gateway.key = gatewayKey
  })
  afterAll(async () => {
    closeAll()
    await gateway.close()
    rmSync(folder, { recursive: true })
  })
  const ask = (method: string, path: string, body?: unknown, headers = {}) =>
    gateway.ask(method, path, { key: gatewayKey, headers, ...(body !== undefined && { body }) })
  const loadNow = (organization: number) =>
    ask('GET', list(organization), undefined, { 'Cache-Control': 'no-cache' })
  const pageOf = async (query = '') =>
    (await ask('GET', `/v1/events${query}`, undefined, { Accept: 'application/json' })).body

  it('tell what changes behind the gateway’s back, though nobody reads the lists', async () => {
    const reader = await follow(gateway)
    for (const one of [24, 6]) await loadNow(one)
    const { simulator } = gateway
    const added = simulator.addOperator(24, 'Anna')
    simulator.changeOperator(101, { status: 1 })
    simulator.changeOperator(102, { name: 'Sarah Miller' })
    simulator.setOperators(6, simulator.operators(6).filter(({ id }) => id !== 3) as never)
    simulator.addOrganization(77, 'New')
    const event = await reader.has({ type: 'operator.added' })
    expect(event).toMatchObject({
      organization: 24,
      operator: { id: added.id, name: 'Anna', status: 'active' },
      via: 'observed',
      between: [expect.any(String), event.observedAt],
      client: null,
      operation: null,
      late: false,
    })
    expect(await reader.has({ type: 'operator.statusChanged' })).toMatchObject({
      operator: { id: 101, name: 'John Smith', status: 'inactive' },
      from: 'active',
      to: 'inactive',
    })
    expect((await reader.has({ type: 'operator.renamed' })).operator?.name).toBe('Sarah Miller')
    expect(await reader.has({ type: 'operator.removed' })).toMatchObject({
      organization: 6,
      operator: { id: 3, name: null, status: 'active' },
    })
    expect(await reader.has({ type: 'organization.added' })).toMatchObject({ organization: 77, name: 'New' })
    simulator.removeOrganization(77)
    await reader.has({ type: 'organization.removed', organization: 77 })
    expect(new Set(reader.events.map(({ id }) => id)).size).toBe(reader.events.length)
    expect(reader.events.filter(({ type }) => type === 'resync')).toEqual([])
  })

  it('tell a write at once, once, with its client and operation', async () => {
    const reader = await follow(gateway, '?organizations=42')
    const { body } = await ask('POST', list(42), { operators: [{ name: 'Borys' }] })
    const [{ id }] = body.results
    await ask('PATCH', `${list(42)}/${id}`, { status: 'inactive' })
    await reader.has({ type: 'operator.statusChanged' })
    // A later list shows it too.
    await loadNow(42)
    gateway.simulator.changeOperator(21, { status: 1 })
    await loadNow(42)
    await reader.has({ via: 'observed' })
    expect(typesOf(reader.events)).toEqual([
      `operator.added ${id}`,
      `operator.statusChanged ${id}`,
      'operator.statusChanged 21',
    ])
    const [added] = reader.events
    expect(added).toMatchObject({ via: 'gateway', between: null, client: 'all', organization: 42 })
    expect(added?.operation).toMatch(/^42-/)
  })

  it('go on behind Last-Event-ID, `after` or the begin of a page, of the wanted types', async () => {
    const reader = await follow(gateway, '?organizations=42')
    for (const status of ['inactive', 'active', 'inactive']) await ask('PATCH', `${list(42)}/22`, { status })
    await until(() => reader.events.length === 3)
    const [first, second, third] = reader.events as [Event, Event, Event]
    const again = await follow(gateway, '?organizations=42', {
      ...keyOf(gatewayKey),
      'Last-Event-ID': first.id,
    })
    await again.has({ id: third.id })
    expect(again.events).toEqual([second, third])
    const after = await follow(gateway, `?organizations=42&after=${second.id}`)
    await after.has({ id: third.id })
    expect(after.events).toEqual([third])

    const pages = await pageOf(`?organizations=42&after=${first.id}&limit=1`)
    expect(pages).toEqual({ items: [second], next: second.id, hasMore: true })
    expect(await pageOf(`?after=${second.id}&types=operator.statusChanged`)).toMatchObject({
      items: [third],
      hasMore: false,
    })
    expect((await pageOf(`?after=${second.id}&types=operator.added`)).items).toEqual([])
    const whole = await pageOf('?organizations=42&limit=1000')
    expect(whole.items.slice(-3)).toEqual([first, second, third])
  })

  it('begin with `resync` for an id that the log does not reach, and refuse no such id of a browser', async () => {
    for (const id of ['1-1-1', 'what?']) {
      const reader = await follow(gateway, '', { ...keyOf(gatewayKey), 'Last-Event-ID': id })
      expect((await reader.has({ type: 'resync' })).organization).toBeNull()
      await until(() => reader.lastId() === reader.events.at(-1)?.id)
    }
    const { items, next } = await pageOf('?after=1-1-1')
    expect([items.length, items[0].type, items[0].id]).toEqual([1, 'resync', next])
    expect((await ask('GET', '/v1/events?after=what?', undefined, {})).status).toBe(400)
  })

  it('tell nothing of a list that shrank once, and of one that shrank twice', async () => {
    await loadNow(24)
    const before = (await pageOf('?organizations=24&limit=1000')).items.length
    gateway.simulator.fault({ mode: 'rows', rows: [], route: 'list', organization: 24, times: 1 } as never)
    await loadNow(24)
    await loadNow(24)
    expect((await pageOf('?organizations=24&limit=1000')).items).toHaveLength(before)
    gateway.simulator.setOperators(24, [])
    await loadNow(24)
    await until(async () => (await pageOf('?organizations=24&limit=1000')).items.length >= before + 3)
  })

  it('narrow with the organizations of a key, and end with the key', async () => {
    const reader = await follow(gateway, '', keyOf(narrowKey))
    const all = await follow(gateway, '?organizations=6,42')
    await ask('PATCH', `${list(42)}/23`, { status: 'inactive' })
    await ask('PATCH', `${list(6)}/1`, { status: 'inactive' })
    await reader.has({ organization: 6 })
    writeKeys([42])
    expect((await reader.has({ type: 'resync' })).organization).toBe(42)
    await ask('PATCH', `${list(6)}/1`, { status: 'active' })
    await ask('PATCH', `${list(42)}/23`, { status: 'active' })
    await reader.has({ organization: 42, type: 'operator.statusChanged' })
    expect(reader.events.map(({ type, organization }) => `${type} ${organization}`)).toEqual([
      'operator.statusChanged 6',
      'resync 42',
      'operator.statusChanged 42',
    ])
    await until(() => all.events.length === 4)
    const foreign = await follow(gateway, '?organizations=6', keyOf(narrowKey))
    await ask('PATCH', `${list(6)}/2`, { status: 'inactive' })
    await until(() => all.events.length === 5)
    expect(foreign.events).toEqual([])
    writeFileSync(
      join(folder, 'keys.json'),
      JSON.stringify({
        clients: [
          { id: 'all', keyHash: hashKey(gatewayKey), scopes, organizations: '*', requestsPerMinute: 1e6 },
        ],
      }),
    )
    await Promise.all([reader.ended, foreign.ended])
    all.close()
  })

  it('come with a session cookie alone to pages of its origin, and end with the session', async () => {
    const id = await openSession(gateway, { scopes: ['events:read'], organizations: [42] }, gatewayKey)
    const cookie = { Cookie: `${cookieName}=${id}` }
    const reader = await follow(gateway, '', { ...cookie, Origin: page })
    await ask('PATCH', `${list(42)}/22`, { status: 'active' })
    await reader.has({ type: 'operator.statusChanged' })
    for (const [headers, status] of [
      [{ ...cookie, Origin: 'https://evil.example' }, 403],
      [cookie, 403],
      [{ Cookie: `${cookieName}=${'n'.repeat(43)}`, Origin: page }, 401],
      [{}, 401],
    ] as const) {
      const refused = await readEvents(`${gateway.url}/v1/events`, headers)
      expect([headers, refused.status]).toEqual([headers, status])
    }
    const ended = await gateway.ask('DELETE', '/v1/session', {
      key: '',
      headers: { ...cookie, Origin: page, 'X-Gateway-Session': '1' },
    })
    expect(ended.status).toBe(204)
    await reader.ended
  })
})

describeWithRedis('events of two instances', () => {
  let database: TestDatabase
  let one: TestGateway
  let two: TestGateway
  beforeAll(async () => {
    database = await openRedis()
    const env = {
      REDIS_URL: database.url,
      REDIS_PREFIX: database.prefix,
      CACHE_FRESH_SECONDS: '1',
      REFRESH_BUDGET_PERCENT: '50',
      COVERAGE_FLOORS: '{"6":{"floor":2,"forMinutes":0}}',
    }
    one = await startGateway({ env })
    two = await startGateway({ env, beside: one })
    for (const { ask } of [one, two])
      await until(async () => (await ask('GET', '/readyz', { key: '' })).body.redis === 'ready')
  })
  afterAll(async () => {
    closeAll()
    await two.close()
    await one.close()
    await database.stop()
  })

  it('are the same at each, also behind an id of the other, and `resync` follows a flush', async () => {
    const [left, right] = [await follow(one), await follow(two)]
    await one.ask('GET', list(24))
    await one.ask('PATCH', `${list(24)}/101`, { body: { status: 'inactive' } })
    const { id } = await right.has({ type: 'operator.statusChanged' })
    one.simulator.changeOperator(102, { status: 1 })
    const last = await right.has({ via: 'observed' })
    await left.has({ id: last.id })
    expect(left.events).toEqual(right.events)
    const again = await follow(two, '', { ...keyOf(two.key), 'Last-Event-ID': id })
    await again.has({ id: last.id })
    expect(again.events).toEqual([last])

    const client = database.client()
    for (const key of await client.keys(`${database.prefix}events:*`)) await client.del(key)
    const gone = await Promise.all([left, right, again].map((reader) => reader.has({ type: 'resync' })))
    expect(gone.map(({ organization }) => organization)).toEqual([null, null, null])
    const old = await follow(one, '', { ...keyOf(one.key), 'Last-Event-ID': last.id })
    await old.has({ type: 'resync' })
    // What changes from then on is told again.
    await one.ask('GET', list(24), { headers: { 'Cache-Control': 'no-cache' } })
    one.simulator.changeOperator(102, { status: 0 })
    await Promise.all([left, right, old].map((reader) => reader.has({ to: 'active' })))
  })

  it('tell once that too few are active, and that enough are again, though nobody reads the list', async () => {
    const { simulator } = one
    closeAll()
    simulator.clearArrivals()
    await until(() => simulator.arrivals().filter(({ organization }) => organization === 6).length > 1)
    const query = '?organizations=6&types=coverage.low,coverage.restored'
    const streams = [await follow(one, query), await follow(two, query)]
    const told = async (count: number) => {
      await until(() => streams.every(({ events }) => events.length >= count))
      const event = streams[0]?.events[count - 1] as Event
      return [event.type, event.coverage?.active]
    }
    const set = (ids: number[], status: string) =>
      two.ask('POST', `${list(6)}:setStatus`, { body: { ids, status } })
    await set([1, 2, 3], 'inactive')
    expect(await told(1)).toEqual(['coverage.low', 0])
    await set([1], 'active')
    await set([2], 'active')
    expect(await told(2)).toEqual(['coverage.restored', 2])
    simulator.changeOperator(1, { status: 1 })
    expect(await told(3)).toEqual(['coverage.low', 1])
    simulator.changeOperator(3, { status: 0 })
    expect(await told(4)).toEqual(['coverage.restored', 2])
    expect(streams[1]?.events).toEqual(streams[0]?.events)
    expect((await two.ask('GET', `/v1/events${query}`)).body.items).toEqual(streams[0]?.events)
  })
})
