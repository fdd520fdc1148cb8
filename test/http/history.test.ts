import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Coverage, OperatorChange } from '../../src/contract/history.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { createPacedClock, type PacedClock } from '../support/paced-clock.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { asPage, openSession, sessionEnv } from './browser-session.ts'

const list = (organization: number) => `/v1/organizations/${organization}/operators`
const organizations = [24, 6, 7, 8].map((id) => ({
  id,
  name: `Organization ${id}`,
  operators: [1, 2, 3].map((place) => ({ id: id * 100 + place, name: `Person ${place}`, status: place % 2 })),
}))

const suite = (env: () => Record<string, string>, clockOf?: () => PacedClock): void => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      env: { ...sessionEnv, ...env() },
      ...(clockOf && { clock: clockOf() }),
      clients: [
        { id: 'few', organizations: [24, 99], scopes: ['operators:read'] },
        { id: 'none', scopes: ['events:read', 'audit:read'] },
      ],
      simulator: { organizations },
    })
    await until(async () => (await gateway.ask('GET', '/readyz', { key: '' })).body.redis !== 'away')
  })
  afterAll(() => gateway.close())

  const get = async (path: string, client = 'all') =>
    gateway.ask('GET', path, { key: gateway.keys[client] as string })
  const loadNow = (organization: number) =>
    gateway.ask('GET', list(organization), { headers: { 'Cache-Control': 'no-cache' } })
  const setStatus = (organization: number, operator: number, status: string) =>
    gateway.ask('PATCH', `${list(organization)}/${operator}`, { body: { status } })
  const historyOf = async (organization: number, operator: number, query = '') =>
    (await get(`${list(organization)}/${operator}/history?${query}`)).body
  const coverageOf = async (organization: number, query = ''): Promise<Coverage> =>
    (await get(`/v1/organizations/${organization}/coverage?${query}`)).body
  /** Instants are rounded to 1 ms. What comes next gets a later one: on the clock of the gateway, and on that of Redis. */
  const passInstant = async () => {
    gateway.jump(5)
    const passedAt = Date.now()
    await until(() => Date.now() > passedAt + 1)
  }
  /** A change behind the gateway's back, and the list that shows it. */
  const changeBehind = async (organization: number, operator: number, status: 0 | 1) => {
    const before = (await historyOf(organization, operator)).items.length
    gateway.simulator.changeOperator(operator, { status })
    await loadNow(organization)
    await until(async () => (await historyOf(organization, operator)).items.length > before)
  }

  it('has who or what changed an operator, from what to what, when or between when, newest first', async () => {
    await loadNow(24)
    await passInstant()
    const { body } = await gateway.ask('POST', list(24), { body: { operators: [{ name: 'Anna' }] } })
    const [{ id }] = body.results
    const grant = { scopes: ['operators:write' as const], organizations: [24], subject: 'Ms Petit' }
    const session = await openSession(gateway, grant)
    await gateway.ask('PATCH', `${list(24)}/${id}`, asPage(session, {}, { status: 'inactive' }))
    await passInstant()
    await changeBehind(24, id, 0)
    const { items, nextCursor, completeSince } = await historyOf(24, id)
    expect(items).toMatchObject([
      { type: 'operator.statusChanged', from: 'inactive', to: 'active', via: 'observed', client: null },
      { type: 'operator.statusChanged', from: 'active', to: 'inactive', via: 'gateway', subject: 'Ms Petit' },
      { type: 'operator.added', from: null, to: 'active', client: 'all', subject: null, name: 'Anna' },
    ])
    const [observed, changed, added] = items as OperatorChange[]
    expect([changed?.between, added?.operation?.slice(0, 3), nextCursor]).toEqual([null, '24-', null])
    const [from, to] = (observed as OperatorChange).between as [string, string]
    expect([from < to, to === observed?.observedAt, completeSince < (added?.observedAt as string)]).toEqual([
      true,
      true,
      true,
    ])
    const first = await get(`${list(24)}/${id}/history?limit=2`)
    expect([first.body.items, first.headers['link']]).toEqual([
      items.slice(0, 2),
      `<${list(24)}/${id}/history?limit=2&cursor=${first.body.nextCursor}>; rel="next"`,
    ])
    const rest = await historyOf(24, id, `limit=2&cursor=${first.body.nextCursor}`)
    expect([rest.items, rest.nextCursor]).toEqual([items.slice(2), null])

    await gateway.ask('POST', '/v1/audit:eraseName', { body: { organization: 24, operator: id } })
    const erased = (await historyOf(24, id)).items as OperatorChange[]
    expect(erased.map(({ name }) => name)).toEqual(['[erased]', '[erased]', '[erased]'])
    gateway.simulator.setOperators(
      24,
      gateway.simulator.operators(24).filter((one) => one.id !== id) as never,
    )
    await loadNow(24)
    await until(async () => (await historyOf(24, id)).items[0].type === 'operator.removed')
    expect((await historyOf(24, id)).items[0]).toMatchObject({ from: 'active', to: null, name: null })
  })

  it('is empty for an operator that never changed, and 404 for one that was never listed or is foreign', async () => {
    expect(await historyOf(24, 2401)).toMatchObject({ items: [], nextCursor: null })
    const answers = await Promise.all([
      get(`${list(24)}/999/history`, 'few'),
      get(`${list(6)}/601/history`, 'few'),
      get(`${list(99)}/601/history`, 'few'),
      get('/v1/organizations/6/coverage', 'few'),
      get('/v1/organizations/99/coverage', 'few'),
    ])
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [404, 'operator.unknown'],
      ...Array.from({ length: 4 }, () => [404, 'organization.unknown']),
    ])
    expect((await get(`${list(24)}/2401/history`, 'none')).status).toBe(403)
    expect((await get('/v1/organizations/24/coverage?from=yesterday')).status).toBe(400)
    expect((await get('/v1/organizations/24/coverage?cursor=x')).status).toBe(400)
  })

  it('shows since when a status is, and whose write set it, where `fields` asks for that', async () => {
    const path = `${list(6)}/602`
    const before = await get(path)
    expect(before.body).toEqual({
      id: 602,
      name: 'Person 2',
      status: 'active',
      organization: { id: 6, name: 'Organization 6' },
    })
    const asked = 'fields=statusSince,changedBy'
    expect((await get(`${path}?${asked}`)).body).toEqual({
      ...before.body,
      statusSince: null,
      changedBy: null,
    })
    await setStatus(6, 602, 'inactive')
    await setStatus(6, 602, 'active')
    const { observedAt } = (await historyOf(6, 602)).items[0]
    const changedBy = { client: 'all', subject: null }
    const after = await get(`${path}?${asked}`)
    expect(after.body).toEqual({ ...before.body, statusSince: observedAt, changedBy })
    expect(after.headers['etag']).not.toBe(before.headers['etag'])
    const plain = await get(path)
    expect([plain.body, plain.headers['etag']]).toEqual([before.body, before.headers['etag']])
    await changeBehind(6, 601, 0)
    const seenAt = (await historyOf(6, 601)).items[0].observedAt
    const { body } = await get(`${list(6)}?fields=statusSince,changedBy&sort=id&limit=2`)
    expect(body.items).toEqual([
      { id: 601, statusSince: seenAt, changedBy: null },
      { id: 602, statusSince: observedAt, changedBy },
    ])
    expect((await get(list(6))).body.items[1]).toEqual({ id: 602, name: 'Person 2', status: 'active' })
    const headers = { Accept: 'text/csv' }
    const csv = await gateway.ask('GET', `${list(6)}?fields=id,statusSince,changedBy&name=Person 2`, {
      headers,
    })
    expect(csv.text.split('\r\n')[1]).toBe(`602,${observedAt},all`)
    expect((await get(`${path}?fields=other`)).status).toBe(400)
  })

  it('has the number of active accounts as steps: writes exactly, other changes between bounds', async () => {
    await loadNow(7)
    const begun = (await coverageOf(7)).items
    expect(begun[0]).toMatchObject({ active: null, least: null, most: null })
    await passInstant()
    await setStatus(7, 702, 'inactive')
    await passInstant()
    await loadNow(7)
    await passInstant()
    await changeBehind(7, 701, 0)
    await passInstant()
    await loadNow(7)
    await passInstant()
    const { items } = await coverageOf(7)
    const { observedAt, between } = (await historyOf(7, 701)).items[0]
    const writtenAt = (await historyOf(7, 702)).items[0].observedAt
    const brief = items.map(({ active, least, most }) => [active, least, most])
    expect(brief).toEqual([
      [null, null, null],
      [1, 1, 1],
      [0, 0, 0],
      [null, 0, 1],
      [1, 1, 1],
      [null, null, null],
    ])
    expect(items.slice(2, 5).map(({ from }) => from)).toEqual([writtenAt, between[0], observedAt])
    for (const [place, { from }] of items.slice(1).entries()) expect(items[place]?.to).toBe(from)

    const pages: Coverage['items'] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await coverageOf(
        7,
        `limit=2&from=${begun[0]?.from}&to=${observedAt}${cursor && `&cursor=${cursor}`}`,
      )
      pages.push(...page.items)
      cursor = page.nextCursor
    }
    expect(pages).toEqual((await coverageOf(7, `from=${begun[0]?.from}&to=${observedAt}`)).items)
    expect(pages.slice(1)).toEqual(items.slice(1, 4))
    const within = (await coverageOf(7, `from=${writtenAt}&to=${observedAt}`)).items
    expect(within).toEqual(items.slice(2, 4))
    expect((await coverageOf(7, `from=${observedAt}&to=${writtenAt}`)).items).toEqual([])
  })
}

// Its dates are those of the clock that it measures with, as on a real machine.
describe('history of one process', () => suite(() => ({}), createPacedClock))

describeWithRedis('history in Redis', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())
  const env = () => ({ REDIS_URL: database.url, REDIS_PREFIX: database.prefix })
  suite(env)

  it('is the same at each of several instances and after restarts, and begins anew after a flush', async () => {
    const own = env()
    const one = await startGateway({ env: own, simulator: { organizations } })
    const others = await Promise.all([1, 2].map(() => startGateway({ env: own, beside: one })))
    const all = [one, ...others]
    const load = async (at: TestGateway) =>
      at.ask('GET', list(8), { headers: { 'Cache-Control': 'no-cache' } })
    for (const { ask } of all)
      await until(async () => (await ask('GET', '/readyz', { key: '' })).body.redis === 'ready')
    const bodyOf = async (at: TestGateway, path: string) => (await at.ask('GET', path)).body
    const history = `${list(8)}/801/history`
    // Only a second list shows that nothing changed since the first one arrived.
    for (const at of [one, one]) await load(at)
    for (const status of [0, 1] as const) {
      one.simulator.changeOperator(801, { status })
      await Promise.all(all.map(load))
      await until(async () => (await bodyOf(one, history)).items.length === (status === 0 ? 1 : 2))
      await load(one)
    }
    const [left, ...rest] = await Promise.all(all.map((at) => bodyOf(at, history)))
    expect(rest).toEqual([left, left])
    const again = await startGateway({ env: own, beside: one })
    all.push(again)
    await until(async () => (await again.ask('GET', '/readyz', { key: '' })).body.redis === 'ready')
    expect(await bodyOf(again, history)).toEqual(left)
    const coverage = '/v1/organizations/8/coverage'
    const counts = ({ items }: Coverage) => items.map(({ active }) => active)
    expect(counts(await bodyOf(again, coverage))).toEqual([null, 1, null, 2, null, 1, null])

    const client = database.client()
    for (const key of await client.keys(`${own.REDIS_PREFIX}events:*`)) await client.del(key)
    await load(one)
    expect(await bodyOf(again, history)).toMatchObject({ items: [], nextCursor: null })
    await load(one)
    expect(counts(await bodyOf(again, coverage))).toEqual([null, 1, null])
    for (const { close } of all.reverse()) await close()
  })
})
