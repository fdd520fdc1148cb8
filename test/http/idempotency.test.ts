import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
let database: TestDatabase | undefined
let uses = 0
const newKey = (): string => `key-${++uses}`

const post = (path: string, body: unknown, key?: string, client = 'all') =>
  gateway.ask('POST', path, {
    key: gateway.keys[client] as string,
    headers: key === undefined ? {} : { 'Idempotency-Key': key },
    body,
  })
const adding = (...names: string[]) => ({ operators: names.map((name) => ({ name })) })
const operators = '/v1/organizations/24/operators'
const sent = (route = 'synchronize') =>
  gateway.simulator.arrivals().filter((arrival) => arrival.route === route).length
const rows = (name: string) => gateway.simulator.operators(24).filter((row) => row.name === name).length
const replayed = ({ headers }: { headers: Record<string, string> }) => headers['idempotency-replayed']

const suite = (start: () => Promise<TestGateway>): void => {
  beforeAll(async () => {
    gateway = await start()
    if (database)
      await until(async () => (await gateway.ask('GET', '/readyz', { key: '' })).body.redis === 'ready')
  })
  afterAll(async () => {
    await gateway.close()
    await database?.stop()
  })
  beforeEach(() => {
    gateway.simulator.clearFaults()
    gateway.simulator.clearArrivals()
  })

  it('returns the same answer again, marks it as a replay, and sends nothing to ChatHub', async () => {
    const key = newKey()
    const body = { ...adding('Twice Asked'), onDuplicate: 'allow' }
    const first = await post(operators, body, key)
    expect([first.status, replayed(first)]).toEqual([201, undefined])
    gateway.simulator.clearArrivals()
    const second = await post(operators, body, key)
    expect([second.status, replayed(second), second.body]).toEqual([201, 'true', first.body])
    expect(gateway.simulator.arrivals()).toEqual([])
    expect(rows('Twice Asked')).toBe(1)
  })

  it('with another body is 422, and the first answer remains', async () => {
    const key = newKey()
    const first = await post(operators, adding('First'), key)
    const other = await post(operators, adding('Other'), key)
    expect([other.status, other.body.code]).toEqual([422, 'idempotency.mismatch'])
    expect([rows('First'), rows('Other')]).toEqual([1, 0])
    expect((await post(operators, adding('First'), key)).body).toEqual(first.body)
  })

  it('while the first request runs is 409 with Retry-After', async () => {
    const key = newKey()
    const held = gateway.simulator.hold('synchronize', 24)
    const first = post(operators, adding('Slow'), key)
    await held.arrived
    const second = await post(operators, adding('Slow'), key)
    expect([second.status, second.body.code, second.headers['retry-after']]).toEqual([
      409,
      'idempotency.in-flight',
      '1',
    ])
    held.release()
    expect((await first).status).toBe(201)
    expect(replayed(await post(operators, adding('Slow'), key))).toBe('true')
    expect(rows('Slow')).toBe(1)
  })

  it('is separate for each client and each route', async () => {
    const key = newKey()
    await post(operators, adding('Mine'), key)
    const theirs = await post(operators, adding('Theirs'), key, 'other')
    expect([theirs.status, replayed(theirs)]).toEqual([201, undefined])
    const elsewhere = await post(`${operators}:setStatus`, { ids: [101], status: 'active' }, key)
    expect([elsewhere.status, replayed(elsewhere)]).toEqual([200, undefined])
  })

  it('of many requests at once lets one write', async () => {
    const key = newKey()
    const body = { ...adding('Crowded'), onDuplicate: 'allow' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(operators, body, key)))
    const statuses = new Set(answers.map(({ status }) => status))
    expect([...statuses].filter((status) => status !== 201 && status !== 409)).toEqual([])
    expect([rows('Crowded'), sent()]).toEqual([1, 1])
  })

  it('of a refused request can be used again, because nothing was written', async () => {
    const key = newKey()
    expect((await post(operators, adding(' '), key)).status).toBe(422)
    expect((await post('/v1/organizations/777/operators', adding('Nobody'), key)).status).toBe(404)
    gateway.simulator.fault({ mode: 'status', status: 403, route: 'synchronize', times: 1 })
    expect((await post(operators, adding('At last'), key)).status).toBe(502)
    const answer = await post(operators, adding('At last', 'In the end'), key)
    expect([answer.status, replayed(answer)]).toEqual([201, undefined])
  })

  it('that is invalid is 400, and nothing is sent', async () => {
    for (const key of ['', ' ', 'a b', 'ключ', 'x'.repeat(256)]) {
      if (key === 'ключ') continue // no HTTP client sends it
      const { status, body } = await post(operators, adding('Nobody'), key)
      expect([key, status, body.errors?.[0].pointer]).toEqual([key, 400, '/headers/idempotency-key'])
    }
    expect(sent()).toBe(0)
    expect((await post(operators, adding('John Smith'), 'x'.repeat(255))).status).toBe(200)
  })

  it('is required where duplicates are allowed', async () => {
    const answer = await post(operators, { ...adding('Nobody'), onDuplicate: 'allow' })
    expect([answer.status, answer.body.code]).toEqual([400, 'idempotency.required'])
    const csv = await gateway.ask('POST', '/v1/organizations/24/imports?onDuplicate=allow', {
      headers: { 'Content-Type': 'text/csv' },
      body: 'name\nNobody',
    })
    expect([csv.status, csv.body.code]).toEqual([400, 'idempotency.required'])
    expect(rows('Nobody')).toBe(0)
  })

  it('with operator tokens issues new tokens each time, and adds no operator again', async () => {
    const key = newKey()
    const body = { ...adding('Newcomer'), token: { expiresIn: 600 } }
    const first = await post(`${operators}:onboard`, body, key)
    const second = await post(`${operators}:onboard`, body, key)
    expect([first.status, second.status, replayed(second)]).toEqual([201, 201, 'true'])
    const [one, two] = [first, second].map((answer) => answer.body.results[0])
    expect([two.outcome, two.id]).toEqual(['created', one.id])
    expect(one.token).not.toBe(two.token)
    expect([rows('Newcomer'), sent()]).toEqual([1, 1])
    const path = `${operators}/101/tokens`
    const minted = [await post(path, {}, `${key}-t`), await post(path, {}, `${key}-t`)]
    expect(minted.map(({ status }) => status)).toEqual([201, 201])
    expect(minted[0]?.body.token).not.toBe(minted[1]?.body.token)
  })

  it('of a write in doubt gives its final outcome', async () => {
    const key = newKey()
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const held = gateway.simulator.hold('list', 24)
    const first = post(operators, adding('Doubtful'), key)
    await held.arrived
    held.release()
    const answer = await first
    expect([answer.status, answer.body.created]).toEqual([201, 1])
    const again = await post(operators, adding('Doubtful'), key)
    expect([again.status, replayed(again), again.body]).toEqual([201, 'true', answer.body])
    expect(rows('Doubtful')).toBe(1)
  })

  it('protects the drop-in paths too: a repetition after a lost answer adds no duplicate', async () => {
    const key = newKey()
    const body = [
      { organizationId: 24, name: 'Drop In' },
      { organizationId: 6, name: 'Drop In' },
    ]
    const first = await post('/api/operator/synchronize', body, key)
    const second = await post('/api/operator/synchronize', body, key)
    expect([first.status, second.body, replayed(second)]).toEqual([200, first.body, 'true'])
    expect(rows('Drop In')).toBe(1)
  })
}

const env = { WRITE_SETTLE_SECONDS: '1' }
const clients = [{ id: 'other' }]

describe('an Idempotency-Key without Redis', () => {
  suite(() => startGateway({ env, clients }))
})

describeWithRedis('an Idempotency-Key with Redis', () => {
  suite(async () => {
    database = await openRedis()
    const shared = { REDIS_URL: database.url, REDIS_PREFIX: database.prefix }
    return startGateway({ env: { ...env, ...shared }, clients })
  })

  it('is kept for a day, without any token', async () => {
    const { prefix } = database as TestDatabase
    const client = (database as TestDatabase).client()
    const key = newKey()
    await post(operators, adding('Kept'), key)
    await post(`${operators}:onboard`, { ...adding('Kept'), token: { expiresIn: 600 } }, key)
    await post(`${operators}/101/tokens`, {}, key)
    const names = await client.keys(`${prefix}idempotency:2:*`)
    expect(names.length).toBeGreaterThan(2)
    for (const name of names) {
      const left = await client.pttl(name)
      expect(left).toBeGreaterThan(23.9 * 3600 * 1000)
      expect(left).toBeLessThanOrEqual(24 * 3600 * 1000)
    }
    const tokens = gateway.simulator.issuedTokens()
    expect(tokens.length).toBeGreaterThan(0)
    for (const name of await client.keys(`${prefix}*`)) {
      const kind = await client.type(name)
      const text =
        kind === 'hash'
          ? JSON.stringify(await client.hgetall(name))
          : kind === 'string'
            ? await client.get(name)
            : ''
      for (const token of tokens) expect(text).not.toContain(token)
    }
  })
})
