import { afterEach, describe, expect, it } from '@jest/globals'
import { createSystemCaller } from '../../src/access/caller.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { createSwitches } from '../../src/throttle/switches.ts'
import { createClock } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const gateways: TestGateway[] = []
const start = async (options: Parameters<typeof startGateway>[0] = {}) => {
  const gateway = await startGateway(options)
  gateways.push(gateway)
  return gateway
}
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close()
})
const operators = '/v1/organizations/24/operators'
const set = (gateway: TestGateway, body: object) => gateway.ask('PATCH', '/v1/switches', { body })
const addOne = (gateway: TestGateway, more = {}) =>
  gateway.ask('POST', operators, { body: { operators: [{ name: 'Olena' }], ...more } })

describe('switches', () => {
  it('are not undone by an answer of Redis from before they were thrown', async () => {
    const clock = createClock()
    let answer = (_: Record<string, string>): void => {}
    let isHeld = true
    const hgetall = () => (isHeld ? new Promise((resolve) => (answer = resolve)) : Promise.resolve({}))
    const client = { hgetall, hset: async () => 1 }
    const redis = { prefix: '', run: (command: (one: object) => unknown) => command(client) }
    const switches = createSwitches({
      ...{ redis: redis as unknown as Redis, clock, logLevel: 'info', logger: { level: 'info' } },
      onChange: async () => {},
      report: () => {},
      systemCaller: createSystemCaller(),
    })
    const reading = switches.start()
    isHeld = false
    await switches.change(createSystemCaller(), { readOnly: true }, 'request')
    answer({ readOnly: JSON.stringify({ value: false, since: '', by: '', reason: null }) })
    await reading
    expect(switches.status().readOnly.on).toBe(true)
    switches.stop()
  })

  it('are off at first, need the scope admin, and are recorded with who, when and why', async () => {
    const gateway = await start({ clients: [{ id: 'reader', scopes: ['operators:read'] }] })
    const off = { on: false, since: null, by: null, reason: null }
    expect((await gateway.ask('GET', '/v1/switches')).body).toEqual({
      ...{ readOnly: off, chathubPaused: off, draining: off },
      logLevel: { level: expect.any(String), since: null, by: null, reason: null },
    })
    const refused = await gateway.ask('PATCH', '/v1/switches', {
      key: gateway.keys['reader'] as string,
      body: { readOnly: true },
    })
    expect([refused.status, refused.body.code]).toEqual([403, 'scope.missing'])
    const { status, body } = await set(gateway, { readOnly: true, reason: 'ChatHub moves' })
    expect([status, body.readOnly]).toEqual([
      200,
      { on: true, since: expect.stringMatching(/^\d{4}-.*Z$/), by: 'all', reason: 'ChatHub moves' },
    ])
    expect((await gateway.ask('GET', '/readyz', { key: '' })).body).toMatchObject({
      status: 'ok',
      switches: ['readOnly'],
    })
    expect((await gateway.ask('GET', '/metrics')).text).toContain('gw_switch_on{switch="readOnly"} 1')
    // What changes nothing is not recorded.
    await set(gateway, { readOnly: true, chathubPaused: false })
    const { items } = (await gateway.ask('GET', '/v1/audit')).body
    expect(items).toMatchObject([
      { kind: 'switchChanged', organization: null, client: 'all', reason: 'readOnly: true (ChatHub moves)' },
    ])
    const odd = await set(gateway, { readOnly: 'yes', logLevel: 'loud', reason: '' })
    expect([
      odd.status,
      odd.body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted(),
    ]).toEqual([422, ['/logLevel', '/readOnly', '/reason']])
  })

  it('read-only: every change of an operator is refused before ChatHub is asked; reads and dry runs go on', async () => {
    const gateway = await start()
    const { simulator, ask } = gateway
    await ask('GET', operators)
    await set(gateway, { readOnly: true })
    const before = simulator.arrivals().length
    const refusals = [
      await addOne(gateway),
      await ask('PATCH', `${operators}/101`, { body: { status: 'inactive' } }),
      await ask('DELETE', `${operators}/101`),
      await ask('POST', `${operators}:setStatus`, { body: { ids: [101], status: 'inactive' } }),
      await ask('POST', `${operators}:onboard`, { body: { operators: [{ name: 'Olena' }] } }),
      await ask('POST', '/v1/organizations/24/imports', {
        headers: { 'Content-Type': 'text/csv' },
        body: 'name\nOlena\n',
      }),
      await ask('POST', '/api/operator/synchronize', { body: [{ organizationId: 24, name: 'Olena' }] }),
      await ask('POST', '/api/operator/status', { body: { id: 101, status: 1 } }),
    ]
    for (const { status, body, headers } of refusals)
      expect([status, body.code, headers['retry-after']]).toEqual([503, 'gateway.read-only', '30'])
    expect(simulator.arrivals().length).toBe(before)
    expect((await ask('GET', operators)).status).toBe(200)
    expect((await addOne(gateway, { dryRun: true })).status).toBe(200)
    await set(gateway, { readOnly: false })
    expect((await addOne(gateway)).status).toBe(201)
  })

  it('read-only: an import that runs waits, and goes on afterwards', async () => {
    const gateway = await start({ speed: 10, env: { CHATHUB_REQUESTS_PER_SECOND: '10' } })
    const { simulator, ask } = gateway
    const knownOperators = simulator.operators(24).length
    const names = Array.from({ length: 400 }, (_, index) => `Olena ${index}`)
    const body = `name\n${names.join('\n')}\n`
    const held = simulator.hold('synchronize', 24)
    const { body: operation } = await ask('POST', '/v1/organizations/24/imports', {
      headers: { 'Content-Type': 'text/csv' },
      body,
    })
    await held.arrived
    await set(gateway, { readOnly: true })
    held.release()
    const added = () => simulator.operators(24).length
    const state = async () => (await ask('GET', `/v1/operations/${operation.id}`)).body
    // One request was on its way. Afterwards reads go on, and nothing is added.
    const before = knownOperators + 100
    await until(() => added() === before)
    await ask('GET', operators, { headers: { 'Cache-Control': 'no-cache' } })
    await ask('GET', operators, { headers: { 'Cache-Control': 'no-cache' } })
    expect(added()).toBe(before)
    expect((await state()).state).not.toBe('done')
    await set(gateway, { readOnly: false })
    await until(async () => (await state()).state === 'done')
    expect(await state()).toMatchObject({ created: 400, unknown: 0, rejected: 0 })
    expect(new Set(simulator.operators(24).map(({ name }) => name)).size).toBe(added())
  })

  it('ChatHub paused: known lists are served, nothing is asked, and ChatHub does not count as down', async () => {
    const gateway = await start()
    const { simulator, ask } = gateway
    await ask('GET', operators)
    await set(gateway, { chathubPaused: true })
    const before = simulator.arrivals().length
    expect((await ask('GET', operators)).status).toBe(200)
    const unknown = ['/v1/organizations/6/operators', '/v1/operators/999999'].map((path) => ask('GET', path))
    for (const answer of [...(await Promise.all(unknown)), await addOne(gateway)])
      expect([answer.status, answer.body.code]).toEqual([503, 'chathub.paused'])
    gateway.jump(10 * 60_000)
    const stale = await ask('GET', operators)
    expect([stale.status, stale.headers['cache-status']]).toEqual([200, expect.stringContaining('fwd=stale')])
    expect(simulator.arrivals().length).toBe(before)
    expect((await ask('GET', '/readyz', { key: '' })).body).toMatchObject({
      chathub: 'ok',
      switches: ['chathubPaused'],
    })
    await set(gateway, { chathubPaused: false })
    expect((await ask('GET', '/v1/organizations/6/operators')).status).toBe(200)
  })

  it('draining: readiness fails, and everything is still answered; the log level changes at once', async () => {
    const gateway = await start({ env: { LOG_LEVEL: 'error' } })
    const { ask } = gateway
    await set(gateway, { draining: true, logLevel: 'info' })
    const ready = await ask('GET', '/readyz', { key: '' })
    expect([ready.status, ready.body.status]).toEqual([503, 'draining'])
    expect((await ask('GET', operators)).status).toBe(200)
    await until(() => gateway.logged().includes('"route":"/v1/organizations/{org}/operators"'))
    await set(gateway, { draining: false, logLevel: null })
    expect((await ask('GET', '/readyz', { key: '' })).status).toBe(200)
    expect((await ask('GET', '/v1/switches')).body.logLevel).toMatchObject({ level: 'error', by: 'all' })
  })
})

describeWithRedis('switches of several instances', () => {
  it('are the same everywhere, also for one that starts later; draining is of one', async () => {
    const redis = await openRedis()
    try {
      const env = { REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix }
      const one = await start({ env })
      const two = await start({ env })
      await set(one, { readOnly: true, draining: true, logLevel: 'silent', reason: 'test' })
      const onTwo = async () => (await two.ask('GET', '/v1/switches')).body
      await until(async () => (await onTwo()).readOnly.on)
      expect(await onTwo()).toMatchObject({
        readOnly: { by: 'all', reason: 'test' },
        draining: { on: false },
        logLevel: { level: 'silent' },
      })
      const three = await start({ env })
      await three.gateway.opened
      await until(async () => (await three.ask('GET', '/readyz', { key: '' })).body.switches.length === 1)
      const [client, key] = [redis.client(), `${redis.prefix}switches`]
      await client.del(key)
      await until(async () => (await client.hexists(key, 'readOnly')) === 1)
      const restored = async () =>
        (await one.ask('GET', '/v1/audit')).body.items.filter(
          ({ client: by, kind }: Record<string, string>) => kind === 'switchChanged' && by === 'gateway',
        )
      await until(async () => (await restored()).length === 2)
      expect((await restored()).map(({ reason }: { reason: string }) => reason).toSorted()).toEqual([
        'logLevel: silent (Redis had lost it; by all: test)',
        'readOnly: true (Redis had lost it; by all: test)',
      ])
      const told = [one, two, three].flatMap(({ reports }) =>
        reports.filter(({ name }) => name === 'switch-restored'),
      )
      expect(told.length).toBe(2)
      for (const gateway of [one, two, three])
        expect((await addOne(gateway)).body.code).toBe('gateway.read-only')
      await set(three, { readOnly: false })
      await until(async () => !(await onTwo()).readOnly.on)
      expect((await addOne(two)).status).toBe(201)
      expect((await one.ask('GET', '/readyz', { key: '' })).status).toBe(503)
    } finally {
      await redis.stop()
    }
  })
})
