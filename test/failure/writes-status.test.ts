import { afterEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { hasLostNothing, joinedLongAgo } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { longTimeout, type Operation } from './writes.ts'

let gateway: TestGateway
let database: TestDatabase | undefined
afterEach(async () => {
  await gateway.close()
  await database?.stop()
})

const start = async (env: Record<string, string> = {}): Promise<void> => {
  gateway = await startGateway({
    env: { WRITE_SETTLE_SECONDS: '1', CHATHUB_TIMEOUT_MS: '500', WRITE_DEADLINE_MS: '12000', ...env },
  })
  if (env['REDIS_URL'])
    await until(async () => (await gateway.ask('GET', '/readyz', { key: '' })).body.redis === 'ready')
}
const startShared = async (): Promise<void> => {
  database = await openRedis()
  const client = database.client()
  await hasLostNothing(client, database.prefix)
  await start({ REDIS_URL: database.url, REDIS_PREFIX: database.prefix })
  await joinedLongAgo(client, [gateway], database.prefix)
}
const change = (status: string) =>
  gateway.ask('PATCH', '/v1/organizations/24/operators/101', { body: { status } })
const sentStatuses = () => gateway.simulator.arrivals().filter(({ route }) => route === 'status').length
const statusNow = () => gateway.simulator.operators(24).find(({ id }) => id === 101)?.status

describe('a status change whose answer was lost', () => {
  it(
    'and that did not reach ChatHub is made before a later one, so opposite ones end in the order of request',
    async () => {
      await start()
      await gateway.ask('GET', '/v1/organizations/24/operators')
      gateway.simulator.fault({ mode: 'hang', route: 'status', times: 1 })
      const first = change('inactive')
      await until(() => sentStatuses() > 0)
      const last = await change('active')
      expect([last.status, last.body.status]).toEqual([200, 'active'])
      expect((await first).status).toBe(200)
      expect(statusNow()).toBe(0)
      // Nothing of the first is left that would come later.
      const sent = sentStatuses()
      expect((await change('inactive')).body.status).toBe('inactive')
      expect(sentStatuses()).toBe(sent + 1)
    },
    longTimeout,
  )

  it('and that ChatHub then refuses is answered as refused', async () => {
    await start()
    const refuse = () => {
      gateway.simulator.fault({ mode: 'status', status: 500, route: 'status', times: 1 })
      gateway.simulator.fault({ mode: 'status', status: 400, route: 'status', times: 1 })
    }
    refuse()
    const { status, body } = await change('inactive')
    expect([status, body.code]).toEqual([422, 'chathub.rejected'])
    refuse()
    const dropIn = await gateway.ask('POST', '/api/operator/status', { body: { id: 101, status: 2 } })
    expect([dropIn.status, dropIn.body.code]).toEqual([400, 'request.invalid'])
    expect(statusNow()).toBe(0)
  })
})

describeWithRedis('a status change with Redis', () => {
  it('is in the journal before it leaves, and not after its outcome is known', async () => {
    await startShared()
    const client = (database as TestDatabase).client()
    const kept = () => client.keys(`${database?.prefix}journal:{24}:operation:*`)
    const hold = gateway.simulator.hold('status', 24)
    const first = change('inactive')
    await hold.arrived
    const unsettled = await client.get(`${database?.prefix}journal:{24}:sending`)
    const record = await client.get(`${database?.prefix}journal:{24}:operation:${unsettled}`)
    const { kind, status } = JSON.parse(record as string) as Operation & { kind: string; status: string }
    expect([kind, status]).toEqual(['setStatus', 'inactive'])
    hold.release()
    expect((await first).status).toBe(200)
    gateway.simulator.fault({ mode: 'status', status: 400, route: 'status', times: 1 })
    expect((await change('active')).status).toBe(422)
    expect(await kept()).toEqual([])
    expect(await client.zcard(`${database?.prefix}journal:{kept}:open`)).toBe(0)
  })

  it('whose lock is lost while it reconciles another is answered with Retry-After', async () => {
    await startShared()
    await change('deleted')
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const lost = gateway.simulator.hold('synchronize', 24)
    const add = gateway.ask('POST', '/v1/organizations/24/operators', {
      body: { operators: [{ name: 'Anna' }] },
    })
    await lost.arrived
    const second = change('inactive')
    // It waits for the lock, before the runner does: Redis answered it before this read.
    for (let i = 0; i < 3; i++) await gateway.ask('GET', '/v1/organizations/24/operators')
    const hold = gateway.simulator.hold('list', 24)
    lost.release()
    await hold.arrived
    await (database as TestDatabase).client().del(`${database?.prefix}journal:{24}:lock`)
    hold.release()
    const { status, body } = await second
    expect([status, body.code]).toEqual([503, 'queue.full'])
    expect((await add).status).toBe(201)
  })
})
