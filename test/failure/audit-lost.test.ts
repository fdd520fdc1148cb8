import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { AuditRecord } from '../../src/contract/audit.ts'
import { type Cutter, startCutter } from '../support/cutter.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
let link: Cutter
let gateway: TestGateway
beforeEach(async () => {
  redis = await startRedis()
  await hasLostNothing(redis.client())
  link = await startCutter(redis.port)
  gateway = await startGateway({
    env: { REDIS_URL: link.url, WRITE_SETTLE_SECONDS: '1' },
    simulator: { organizations: [{ id: 24, name: 'Sales', operators: [] }] },
  })
  await until(isReady)
})
afterEach(async () => {
  await gateway.close()
  await link.close()
  await redis.stop()
})

const isReady = async () => (await gateway.ask('GET', '/readyz', { key: '' })).body.redis === 'ready'
const names = ['Anna', 'Borys', 'Clara']
const add = () =>
  gateway.ask('POST', '/v1/organizations/24/operators', {
    body: { operators: names.map((name) => ({ name })) },
    headers: { 'Idempotency-Key': 'one' },
  })
/** Names and outcomes of the records, oldest first. */
const records = async (): Promise<string[]> => {
  await until(isReady)
  const { items } = (await gateway.ask('GET', '/v1/audit')).body as { items: AuditRecord[] }
  return items.map(({ operator, outcome }) => `${operator?.name} ${outcome}`).toReversed()
}
/** Asks until the write is acknowledged with all its rows. */
const acknowledged = async (): Promise<void> =>
  until(async () => [200, 201].includes((await add()).status), 'the add is acknowledged')

describeWithRedisServer('the record of a write', () => {
  it.each([
    ['never reached Redis', { forward: false }],
    ['reached Redis, and whose answer was lost', { forward: true }],
  ])('that %s is made before the write is acknowledged, once', async (_, how) => {
    const cut = link.cut((text) => text.includes('audit:{24}:log'), how)
    const first = await add()
    await cut
    expect(gateway.simulator.operators(24).map(({ name }) => name)).toEqual(names)
    // Acknowledged in time, when the list had shown the names; or later.
    if (first.status !== 201) await acknowledged()
    expect(await records()).toEqual(names.map((name) => `${name} applied`))
    expect(gateway.simulator.operators(24)).toHaveLength(3)
  })

  it.each([
    ['never reached Redis', { forward: false }],
    ['reached Redis, and whose answer was lost', { forward: true }],
  ])('is not doubled when it is followed by an outcome that %s', async (_, how) => {
    const cut = link.cut((text) => text.includes('"state":"done"'), how)
    await add()
    await cut
    await acknowledged()
    expect(await records()).toEqual(names.map((name) => `${name} applied`))
    expect(gateway.simulator.operators(24)).toHaveLength(3)
  })

  it('of a token comes before the token: nobody gets one that is not recorded', async () => {
    await acknowledged()
    const [anna] = gateway.simulator.operators(24)
    const mint = () => gateway.ask('POST', `/v1/organizations/24/operators/${anna?.id}/tokens`, { body: {} })
    const cut = link.cut((text) => text.includes('audit:{24}:log'), { forward: false })
    const lost = await mint()
    await cut
    expect([lost.status, lost.body.token]).toEqual([503, undefined])
    await until(isReady)
    await until(async () => (await mint()).status === 201)
    expect((await records()).slice(3)).toEqual(['Anna applied'])
  })
})
