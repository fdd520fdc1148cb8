import { afterEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { type FakeRedis, serverOf, startFakeRedis } from './fake-redis.ts'

let server: FakeRedis
let gateway: TestGateway
const startBeside = async (version: string): Promise<void> => {
  server = await startFakeRedis(serverOf(version))
  gateway = await startGateway({ env: { REDIS_URL: server.url } })
}
afterEach(async () => {
  await gateway.close()
  await server.close()
})
const metric = async (pattern: RegExp): Promise<string | undefined> =>
  pattern.exec((await gateway.ask('GET', '/metrics')).text)?.[1]
const stateOf = async (): Promise<unknown> => (await gateway.ask('GET', '/v1/upstream')).body.redis

describe('a gateway beside a Redis that is too old', () => {
  it('says so in its log, its state, its readiness and its metrics, answers reads and refuses writes', async () => {
    await startBeside('6.0.16')
    const detail = 'Redis 6.0.16 is too old: 6.2 or later is needed'
    await until(async () => ((await stateOf()) as { state: string }).state === 'unsupported')
    expect(await stateOf()).toMatchObject({ state: 'unsupported', detail })
    expect(gateway.logged()).toContain(detail)
    expect((await gateway.ask('GET', '/readyz', { key: '' })).body).toMatchObject({ redis: 'unsupported' })
    expect(await metric(/gw_redis_state\{state="unsupported"\} (\d)/)).toBe('1')
    expect(await metric(/gw_events_total\{event="redis-unsupported"\} (\d)/)).toBe('1')
    expect((await gateway.ask('GET', '/v1/organizations/24/operators')).status).toBe(200)
    const written = await gateway.ask('POST', '/v1/organizations/24/operators', {
      body: { operators: [{ name: 'Anna' }] },
    })
    expect([written.status, written.body.code]).toEqual([503, 'redis.unavailable'])
  })
})

describe('the metrics of Redis', () => {
  it('tell a Redis that is ready from one that is away, and count its errors by reason', async () => {
    await startBeside('7.2.4')
    await until(async () => ((await stateOf()) as { state: string }).state === 'ready')
    expect(await metric(/gw_redis_state\{state="ready"\} (\d)/)).toBe('1')
    expect(await metric(/gw_redis_state\{state="away"\} (\d)/)).toBe('0')
    server.answer = () => '-LOADING Redis is loading the dataset in memory\r\n'
    await until(async () => (await metric(/gw_redis_state\{state="away"\} (\d)/)) === '1')
    expect(await metric(/gw_redis_state\{state="ready"\} (\d)/)).toBe('0')
    expect(Number(await metric(/gw_redis_errors_total\{reason="starting"\} (\d+)/))).toBeGreaterThan(0)
    expect(Number(await metric(/gw_events_total\{event="redis-away"\} (\d+)/))).toBeGreaterThan(0)
  })
})
