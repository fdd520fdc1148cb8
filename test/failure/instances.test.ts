import { connect } from 'node:net'
import { afterEach, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'

// What several instances, or one of several that were planned, may ask of ChatHub when Redis is not as it should be.

const lists = Array.from({ length: 40 }, (_, i) => ({
  id: 100 + i,
  name: `Department ${i}`,
  operators: [{ name: 'Olena' }],
}))
let redis: TestRedis
let instances: TestGateway[] = []
const start = async (count: number, env: Record<string, string> = {}): Promise<TestGateway[]> => {
  redis = await startRedis()
  await hasLostNothing(redis.client())
  for (let i = 0; i < count; i++)
    instances.push(
      await startGateway({
        env: { REDIS_URL: redis.url, CHATHUB_REQUESTS_PER_SECOND: '5', READ_DEADLINE_MS: '20000', ...env },
        simulator: { organizations: lists },
        ...(i > 0 && { beside: instances[0] as TestGateway }),
      }),
    )
  return instances
}
afterEach(async () => {
  for (const gateway of instances.toReversed()) await gateway.close()
  instances = []
  await redis.stop()
})
const read = (gateway: TestGateway, organization: number, noCache = false) =>
  gateway.ask('GET', `/v1/organizations/${organization}/operators`, {
    headers: noCache ? { 'Cache-Control': 'no-cache' } : {},
  })
const howOf = async (gateway: TestGateway, organization: number): Promise<string> =>
  (await read(gateway, organization)).headers['cache-status'] ?? ''
const upstreamOf = async (
  gateway: TestGateway,
): Promise<{ redis: { state: string }; budget: { allowedNow: number } }> =>
  (await gateway.ask('GET', '/v1/upstream')).body
/** Waits until each instance has had two heartbeats since there were `count` of them: it knows then how many there are. */
const allHaveSeen = async (count: number): Promise<void> => {
  const leases = async () =>
    (await redis.client().zrange('chathub:{gateway}:members', '0', '-1', 'WITHSCORES'))
      .filter((_, at) => at % 2 === 1)
      .map(Number)
  for (let heartbeat = 0; heartbeat < 2; heartbeat++) {
    await until(async () => (await leases()).length === count)
    const latest = Math.max(...(await leases()))
    await until(async () => (await leases()).every((lease) => lease > latest))
  }
}
const isFresh = (how: string): boolean => /; hit; ttl=\d/.test(how)

describeWithRedisServer('one of several instances', () => {
  it('that nobody planned may use its share when Redis dies, though it has never asked ChatHub itself', async () => {
    const [first, ...others] = await start(3)
    await read(first as TestGateway, 100)
    for (const other of others) await until(async () => isFresh(await howOf(other, 100)))
    await allHaveSeen(3)
    await redis.kill()
    for (const instance of instances) {
      await until(async () => (await upstreamOf(instance)).redis.state === 'away')
      expect((await upstreamOf(instance)).budget.allowedNow).toBe(1)
    }
  })

  it('is not kept from asking by the seven that were planned and are not there', async () => {
    const [only] = await start(1, { GATEWAY_INSTANCES: '8' })
    for (const organization of [100, 101, 102])
      expect((await read(only as TestGateway, organization)).status).toBe(200)
  })

  it('goes on with its share while Redis answers and takes no writes', async () => {
    const [one] = (await start(1, { GATEWAY_INSTANCES: '2' })) as [TestGateway]
    await read(one, 100)
    await redis.client().replicaof('127.0.0.1', '1')
    expect((await read(one, 101)).status).toBe(200)
    expect((await read(one, 102)).status).toBe(200)
  })
})

describeWithRedisServer('an instance that holds its lease', () => {
  it('answers from memory: reads cost Redis nothing', async () => {
    const [one] = (await start(1)) as [TestGateway]
    await until(async () => isFresh(await howOf(one, 100)))
    const admin = redis.client()
    // A socket of its own: ioredis fails when the first command comes together with the answer to MONITOR.
    const monitor = connect(redis.port, '127.0.0.1').setEncoding('utf8')
    let seen = ''
    monitor.on('data', (text) => {
      seen += text
    })
    monitor.write('MONITOR\r\n')
    await until(() => seen.startsWith('+OK'))
    const commands = () => seen.split('\n').filter((line) => line.includes('list:{operators:100}'))
    let marks = 0
    /** Resolves when the monitor has told everything up to now. */
    const mark = async (): Promise<void> => {
      const text = `list:{operators:100}:mark${++marks}"`
      await admin.get(`chathub:${text.slice(0, -1)}`)
      await until(() => seen.includes(text))
    }
    // A busy machine may lose the lease in between; then the reads are begun again.
    await until(async () => {
      await mark()
      const before = commands().length
      for (let i = 0; i < 100; i++) if (!isFresh(await howOf(one, 100))) return false
      await mark()
      return commands().length === before + 1
    }, 'a hundred fresh reads without a command to Redis')
    monitor.destroy()
  })
})

describeWithRedisServer('a purge', () => {
  it('of everything reaches lists that only another instance remembers, however full Redis is', async () => {
    const [one, other] = (await start(2, { CHATHUB_REQUESTS_PER_SECOND: '1000' })) as [
      TestGateway,
      TestGateway,
    ]
    await until(async () => isFresh(await howOf(other, 100)))
    const admin = redis.client()
    await admin.del(...(await admin.keys('chathub:list:*:copy')))
    // In pieces, so that Redis stands still for nobody.
    for (let from = 0; from < 50_000; from += 500)
      await admin.mset(Array.from({ length: 500 }, (_, i) => [`other:${from + i}`, '']).flat())
    one.reports.length = 0
    expect((await one.ask('POST', '/v1/cache:purge', { body: {} })).status).toBe(204)
    expect(one.reports.filter((told) => told.name === 'redis' && told.event === 'away')).toEqual([])
    one.simulator.fault({ mode: 'status', status: 503, route: 'list' })
    expect((await read(other, 100)).status).toBe(503)
    one.simulator.clearFaults()
    expect((await read(other, 100)).headers['cache-status']).toContain('fwd=uri-miss')
  })

  it('of one list leaves no old copy on any instance', async () => {
    const [one, other] = (await start(2, { CHATHUB_REQUESTS_PER_SECOND: '1000' })) as [
      TestGateway,
      TestGateway,
    ]
    await until(async () => isFresh(await howOf(other, 100)))
    expect((await one.ask('POST', '/v1/cache:purge', { body: { organization: 100 } })).status).toBe(204)
    one.simulator.fault({ mode: 'status', status: 503, route: 'list' })
    for (const instance of instances) expect((await read(instance, 100)).status).toBe(503)
  })
})
