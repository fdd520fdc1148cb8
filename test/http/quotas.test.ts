import { afterEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis, describeWithRedisServer } from '../support/needs.ts'
import { openRedis, startRedis, type TestDatabase, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { holdsEventStreams } from './event-streams-held.ts'

let gateway: TestGateway
let close: (() => Promise<unknown>) | undefined
afterEach(async () => {
  await gateway.close()
  await close?.()
  close = undefined
})
const origin = 'https://crm.example.com'
const few = {
  QUOTAS_PER_CLIENT: 'operations=4,idempotency-keys=2,sessions=1,tickets=2,tokens=2,streams=1',
  SESSION_SECRET: 'x'.repeat(40),
}
const operators = '/v1/organizations/24/operators'
const keyed = (key: string) => ({ 'Idempotency-Key': key })
const add = (name: string, headers = {}, key = gateway.key) =>
  gateway.ask('POST', operators, { key, headers, body: { operators: [{ name }] } })
const rowsOf = (count: number, begin = 'Row'): string =>
  `name\n${Array.from({ length: count }, (_, i) => `${begin} ${i}`).join('\n')}`
const startImport = (count: number, begin?: string, key = gateway.key) =>
  gateway.ask('POST', '/v1/organizations/6/imports', {
    key,
    headers: { 'Content-Type': 'text/csv' },
    body: rowsOf(count, begin),
  })

/** With both stores. */
const suite = (env: () => Promise<Record<string, string>>): void => {
  it('refuse what is too much of one client, name it, and leave other clients alone', async () => {
    gateway = await startGateway({ env: { ...few, ...(await env()) }, clients: [{ id: 'other' }] })
    await until(async () => (await add('First')).status < 300)
    const refused = async (answer: ReturnType<TestGateway['ask']>, words: string) => {
      const { status, body, headers } = await answer
      expect([status, body.code]).toEqual([429, 'quota.exceeded'])
      expect(body.detail).toContain(words)
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
    }
    // A repetition is no new key, and a request that wrote nothing frees its key.
    const duplicate = { operators: [{ name: 'First' }], onDuplicate: 'fail' }
    for (const key of ['k1', '', 'k2', 'k1'])
      if (key) expect((await add(`Key ${key}`, keyed(key))).status).toBe(201)
      else {
        const failed = await gateway.ask('POST', operators, { headers: keyed('k0'), body: duplicate })
        expect(failed.status).toBe(409)
      }
    await refused(add('Key k3', keyed('k3')), '2 idempotency keys for this client')
    expect((await add('Last')).status).toBe(201)
    await refused(add('Too many'), '4 operations for this client')
    // What needs no operation goes on.
    expect((await add('Last')).status).toBe(200)
    expect((await gateway.ask('GET', operators)).status).toBe(200)
    expect((await add('Of another', keyed('k1'), gateway.keys['other'])).status).toBe(201)

    const login = () =>
      gateway.ask('POST', '/api/company/get-token', {
        key: '',
        body: { login: 'all', password: gateway.key },
      })
    for (let i = 0; i < 2; i++) expect((await login()).status).toBe(200)
    await refused(login(), '2 tokens for this client')

    const grant = { organizations: [24], scopes: ['operators:read'], origin }
    const mint = () => gateway.ask('POST', '/v1/sessions', { body: grant })
    const open = (ticket: string) =>
      gateway.ask('POST', '/v1/session', { key: '', headers: { Origin: origin }, body: { ticket } })
    const tickets = [(await mint()).body.ticket, (await mint()).body.ticket]
    await refused(mint(), '2 tickets for this client')
    const { headers } = await open(tickets[0])
    await refused(open(tickets[1]), '1 sessions for this client')
    const [, id] = /=([^;]+)/.exec(String(headers['set-cookie'])) ?? []
    const cookie = { Cookie: `__Host-chathub-session=${id}`, 'X-Gateway-Session': '1', Origin: origin }
    expect((await gateway.ask('DELETE', '/v1/session', { key: '', headers: cookie })).status).toBe(204)
    expect((await open((await mint()).body.ticket)).status).toBe(204)

    const held = gateway.simulator.hold('synchronize', 6)
    const other = gateway.keys['other'] as string
    const { body } = await startImport(3, 'Stream', other)
    await held.arrived
    const release = await holdsEventStreams(gateway, other, body.id)
    await refused(
      gateway.ask('GET', `/v1/operations/${body.id}/events`, { key: other }),
      '1 event streams open',
    )
    release()
    held.release()
    const refusals = gateway.reports.filter(({ name }) => name === 'quota-exceeded')
    expect(refusals.length).toBeGreaterThanOrEqual(5)
  })

  it('count rows of all operations of an organization, which end before their operation', async () => {
    const quotas = { QUOTAS_PER_ORGANIZATION: 'rows=50000' }
    gateway = await startGateway({ env: { ...quotas, ...(await env()) }, clients: [{ id: 'other' }] })
    const held = gateway.simulator.hold('synchronize', 6)
    const first = await startImport(49_990)
    expect(first.status).toBe(202)
    const refused = await startImport(11, 'Other', gateway.keys['other'])
    expect(refused.body.detail).toContain('keeps 49990 rows for this organization, and 50000 is the limit.')
    expect(refused.body.detail).toContain('This request needs 11.')
    const retryHours = ({ headers }: typeof refused) => Number(headers['retry-after']) / 3600
    expect(Math.round(retryHours(refused))).toBe(7 * 24)
    await gateway.ask('POST', `/v1/operations/${first.body.id}:cancel`, { body: {} })
    held.release()
    const state = async () => (await gateway.ask('GET', `/v1/operations/${first.body.id}`)).body.state
    await until(async () => (await state()) === 'cancelled')
    await until(async () => {
      const again = await startImport(11, 'Other', gateway.keys['other'])
      return Math.round(retryHours(again)) === 24
    })
    expect((await gateway.ask('GET', `/v1/operations/${first.body.id}/rows?outcome=created`)).status).toBe(
      200,
    )
  })
}

describe('quotas without Redis', () => {
  suite(async () => ({}))

  it('rows are released after their time, and the operation stays', async () => {
    gateway = await startGateway({ env: { OPERATION_ROWS_KEEP_HOURS: '2' } })
    const { body } = await startImport(3)
    const get = (path = '') => gateway.ask('GET', `/v1/operations/${body.id}${path}`)
    await until(async () => (await get()).body.state === 'done')
    gateway.jump(2 * 3_600_000 - 60_000)
    expect((await get('/rows')).body.total).toBe(3)
    gateway.jump(60_000)
    const { status, body: released } = await get('/rows')
    expect([status, released.code]).toEqual([410, 'operation.rows-released'])
    for (const command of ['retry', 'undo'])
      expect((await gateway.ask('POST', `/v1/operations/${body.id}:${command}`, { body: {} })).status).toBe(
        410,
      )
    expect((await get()).body).toMatchObject({ state: 'done', created: 3 })
  })
})

describeWithRedis('quotas with Redis', () => {
  let database: TestDatabase
  suite(async () => {
    database = await openRedis()
    close = database.stop
    return { REDIS_URL: database.url, REDIS_PREFIX: database.prefix }
  })

  it('count new assignments until they are released', async () => {
    database = await openRedis()
    close = database.stop
    const env = { QUOTAS_PER_CLIENT: 'assignments=2', REDIS_URL: database.url, REDIS_PREFIX: database.prefix }
    gateway = await startGateway({ env, clients: [{ id: 'other' }] })
    const path = '/v1/organizations/24/assignments'
    const assign = (chatId: number, key = gateway.key) =>
      gateway.ask('POST', path, { key, body: { chatId, strategy: 'roundRobin' } })
    for (const chat of [1, 2, 1]) expect((await assign(chat)).status).toBe(200)
    const { status, body } = await assign(3)
    expect([status, body.code]).toEqual([429, 'quota.exceeded'])
    expect(body.detail).toContain('2 assignments for this client')
    expect((await assign(3, gateway.keys['other'])).status).toBe(200)
    expect((await gateway.ask('DELETE', `${path}/1`)).status).toBe(204)
    expect((await assign(4)).status).toBe(200)
    // A chat that found nobody does not count.
    expect((await gateway.ask('DELETE', `${path}/4`)).status).toBe(204)
    const body5 = { chatId: 5, strategy: 'roundRobin', exclude: [101, 102] }
    for (let times = 0; times < 3; times++)
      expect((await gateway.ask('POST', path, { body: body5 })).status).toBe(409)
    expect((await assign(6)).status).toBe(200)
  })
})

describeWithRedisServer('a Redis that is nearly full', () => {
  it('refuses large writes at once, and small ones and reads go on', async () => {
    const redis: TestRedis = await startRedis()
    close = redis.stop
    const admin = redis.client()
    const limit = async (share: number) => {
      const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1])
      await admin.config('SET', 'maxmemory', share === 0 ? 0 : Math.round(used / share))
    }
    gateway = await startGateway({ env: { REDIS_URL: redis.url } })
    await until(async () => (await add('First')).status < 300)
    const storage = async () => (await gateway.ask('GET', '/v1/upstream')).body.storage
    const many = { operators: Array.from({ length: 101 }, (_, i) => ({ name: `Many ${i}` })) }
    expect(await storage()).toMatchObject({ state: 'unbounded' })
    await limit(0.9)
    await until(async () => (await storage()).state === 'full')
    const synchronize = many.operators.map(({ name }) => ({ organizationId: 24, name }))
    for (const answer of [
      await startImport(101),
      await gateway.ask('POST', operators, { headers: keyed('k'), body: many }),
      await gateway.ask('POST', '/api/operator/synchronize', { body: synchronize }),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([503, 'storage.full'])
      expect(answer.headers['retry-after']).toBe('30')
    }
    expect((await startImport(100)).status).toBe(202)
    expect((await add('Small', keyed('s'))).status).toBe(201)
    expect((await gateway.ask('PATCH', `${operators}/101`, { body: { status: 'inactive' } })).status).toBe(
      200,
    )
    expect((await gateway.ask('GET', operators)).status).toBe(200)
    expect((await gateway.ask('GET', '/metrics')).text).toContain('gw_storage_full 1')
    expect(gateway.logged()).toContain('"state":"full"')
    await limit(0)
    await until(async () => (await storage()).state === 'unbounded')
    expect((await gateway.ask('POST', operators, { headers: keyed('k'), body: many })).status).toBe(201)
  })
})
