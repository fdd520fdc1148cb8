import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong } from '../support/long.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing, joinedLongAgo } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { countNames, departments, ended, longTimeout, namesIn, type Result } from './writes.ts'

// 10 rounds; in the long form 50.
const rounds = isLong ? 50 : 10

let redis: TestRedis
const gateways: TestGateway[] = []
const at = (i: number): TestGateway => gateways[i] as TestGateway
beforeEach(async () => {
  redis = await startRedis()
  await hasLostNothing(redis.client())
})
afterEach(async () => {
  for (const gateway of gateways.splice(0).toReversed()) await gateway.close()
  await redis.stop()
})

/** Instances of one service; they listen before they have reached Redis. */
const start = async (count: number, env: Record<string, string> = {}): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const gateway = await startGateway({
      env: {
        REDIS_URL: redis.url,
        CHATHUB_TIMEOUT_MS: '500',
        WRITE_SETTLE_SECONDS: '1',
        CHATHUB_REQUESTS_PER_SECOND: '2000',
        ...env,
      },
      simulator: { organizations: departments(3, 2) },
      ...(i > 0 && { beside: at(0) }),
    })
    gateways.push(gateway)
  }
  await joinedLongAgo(redis.client(), gateways)
}
const untilRedisIs = (i: number, state: string): Promise<void> =>
  until(async () => (await at(i).ask('GET', '/readyz', { key: '' })).body.redis === state)
const add = (i: number, names: string[], { organization = 500, key = '', ...modes } = {}) =>
  at(i).ask('POST', `/v1/organizations/${organization}/operators`, {
    headers: key === '' ? {} : { 'Idempotency-Key': key },
    body: { operators: names.map((name) => ({ name })), ...modes },
  })
const list = (i: number) => at(i).ask('GET', '/v1/organizations/500/operators')
const arrivals = (route: string): number =>
  at(0)
    .simulator.arrivals()
    .filter((arrival) => arrival.route === route).length

describeWithRedisServer('two instances on one Redis', () => {
  it(
    'add each of a hundred names once when both are asked at once, and answer both callers with every name',
    async () => {
      await start(2)
      for (let round = 0; round < rounds; round++) {
        const names = Array.from({ length: 100 }, (_, i) => `Agent ${round}-${i}`)
        const answers = await Promise.all([add(0, names), add(1, names)])
        expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201])
        const told = answers.map(({ body }) => body.results as Result[])
        for (const [i, name] of names.entries()) {
          const both = told.map((results) => results[i] as Result)
          expect([name, ...both.map(({ outcome }) => outcome).toSorted()]).toEqual([
            name,
            'created',
            'exists',
          ])
          expect(both[0]?.id).toBe(both[1]?.id)
        }
      }
      const counts = countNames(namesIn(at(0), 500))
      expect([counts.size, Math.max(...counts.values())]).toEqual([2 + rounds * 100, 1])
    },
    longTimeout,
  )

  it('read the adds of each other in the next request', async () => {
    await start(2)
    for (let i = 0; i < 10; i++) {
      await list(0)
      await list(1)
      expect((await add(i % 2, [`Agent ${i}`])).status).toBe(201)
      expect((await list((i + 1) % 2)).body.total).toBe(3 + i)
    }
  })

  it('let each other in: an add does not wait for the whole import of the other', async () => {
    await start(2, { CHATHUB_BATCH_SIZE: '1' })
    await add(0, ['Warm up'], { organization: 501 })
    const csv = `name\n${Array.from({ length: 300 }, (_, i) => `Row ${i}`).join('\n')}`
    const started = await at(0).ask('POST', '/v1/organizations/500/imports', {
      headers: { 'Content-Type': 'text/csv' },
      body: csv,
    })
    expect((await add(1, ['In between'])).status).toBe(201)
    const operation = await at(0).ask('GET', started.headers['location'] as string)
    expect(operation.body.state).toBe('running')
    expect(operation.body.pending).toBeGreaterThan(200)
    expect((await ended(at(0), started.headers['location'] as string)).created).toBe(300)
  })

  it('reconcile what the other has in doubt before they write, so that a late application duplicates nothing', async () => {
    await start(2)
    await add(0, ['Warm up'])
    at(0).simulator.fault({ mode: 'late-apply', ms: 700, destroy: false, route: 'synchronize', times: 1 })
    const answers = await Promise.all([add(0, ['Same Name']), add(1, ['same name'])])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201])
    expect(namesIn(at(0), 500).filter((name) => name.toLowerCase() === 'same name')).toHaveLength(1)
  })
})

describeWithRedisServer('a Redis that forgets or is away', () => {
  it('flushed during an add that skips duplicates: no name is added twice, whatever the answer is', async () => {
    await start(2)
    await add(0, ['Warm up'])
    for (const [round, after] of (['list', 'sent', 'applied'] as const).entries()) {
      const names = Array.from({ length: 20 }, (_, i) => `Agent ${round}-${i}`)
      const hold =
        after === 'list'
          ? at(0).simulator.hold('list', 500)
          : at(0).simulator.hold('synchronize', 500, after === 'applied' ? { after: 'apply' } : {})
      const first = add(0, names)
      await hold.arrived
      await redis.client().flushall()
      const second = add(1, names)
      hold.release()
      const answers = [await first, await second, await add(0, names), await add(1, names)]
      for (const { status } of answers) expect([200, 201, 202, 503, 504]).toContain(status)
      const last = answers.at(-1)
      expect([after, last?.status, last?.body.exists]).toEqual([after, 200, 20])
      const counts = countNames(namesIn(at(0), 500))
      for (const name of names) expect([after, name, counts.get(name)]).toEqual([after, name, 1])
    }
  })

  for (const [how, away, back] of [
    ['killed', () => redis.kill(), () => redis.restart()],
    ['hung', () => redis.pause(), () => redis.resume()],
  ] as const)
    it(`${how}: writes are refused before ChatHub is asked, reads go on, and writes work again later`, async () => {
      await start(1)
      await list(0)
      await at(0).ask('GET', '/v1/organizations')
      const before = at(0).simulator.operators()
      const [writes, statuses] = [arrivals('synchronize'), arrivals('status')]
      await away()
      const operator = before.find(({ organizationId }) => organizationId === 500)?.id as number
      const all = () =>
        Promise.all([
          add(0, ['Nobody']),
          add(0, ['Nobody'], { key: 'with-a-key' }),
          at(0).ask('PATCH', `/v1/organizations/500/operators/${operator}`, { body: { status: 'deleted' } }),
          at(0).ask('POST', '/v1/organizations/500/operators:setStatus', {
            body: { ids: [operator], status: 'inactive' },
          }),
          at(0).ask('POST', '/v1/organizations/500/imports', {
            headers: { 'Content-Type': 'text/csv' },
            body: 'name\nNobody',
          }),
          at(0).ask('POST', '/api/operator/synchronize', { body: [{ organizationId: 500, name: 'Nobody' }] }),
          at(0).ask('POST', '/api/operator/status', { body: { id: operator, status: 1 } }),
        ])
      for (const { status, body, headers } of await all()) {
        expect([status, body.code]).toEqual([503, 'redis.unavailable'])
        expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      }
      expect((await list(0)).body.total).toBe(2)
      expect(at(0).simulator.operators()).toEqual(before)
      expect([arrivals('synchronize'), arrivals('status')]).toEqual([writes, statuses])
      await back()
      await untilRedisIs(0, 'ready')
      const retried = await add(0, ['Nobody'])
      // Without its memory Redis first lets a while go by; a hung one may have taken the import, which went on.
      expect([200, 201]).toContain(retried.status)
      expect(namesIn(at(0), 500).filter((name) => name === 'Nobody')).toHaveLength(1)
    })
})
