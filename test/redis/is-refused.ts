import { expect } from '@jest/globals'
import { type BesideRedis, writesAreRefused } from '../failure/faulty-redis.ts'
import { until } from '../support/until.ts'

/** The whole of a refusal: the state and the reason of Redis everywhere, reads that go on, writes that do not wait. */
export const isRefused = async (gateway: BesideRedis, reason: RegExp): Promise<void> => {
  const shown = async () => (await gateway.ask('GET', '/v1/upstream')).body.redis
  await until(async () => (await shown()).state === 'refused')
  expect((await shown()).detail).toMatch(reason)
  expect((await gateway.ask('GET', '/readyz', { key: '' })).body).toMatchObject({ redis: 'refused' })
  const { text } = await gateway.ask('GET', '/metrics')
  expect(text).toMatch(/^gw_redis_state\{state="refused"\} 1$/m)
  expect(text).toMatch(/^gw_redis_state\{state="ready"\} 0$/m)
  const told = gateway.reports.flatMap((report) =>
    report.name === 'redis' && report.event === 'refused' ? [report.because] : [],
  )
  expect(told.at(-1)).toMatch(reason)
  expect(gateway.logged()).toContain(JSON.stringify(told.at(-1)))
  expect(gateway.logged()).not.toContain('secret')
  expect((await gateway.read(24)).status).toBe(200)
  await writesAreRefused(gateway)
}
