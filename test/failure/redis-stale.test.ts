import { afterEach, expect, it } from '@jest/globals'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { startProxy } from '../support/fault-proxy.ts'
import type { TestGateway } from '../support/gateway.ts'
import { describeWithRedis, describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { openRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { endWhatIsLeft, startBeside, startWorld, type World } from './faulty-redis.ts'

let world: World | undefined
afterEach(async () => {
  await world?.end()
  world = undefined
  await endWhatIsLeft()
  await stopEverything()
})

const isFresh = (how: string | undefined): boolean => !/ttl=-|fwd=stale/.test(how ?? '')

describeWithRedisServer('an instance that is cut off from Redis while another writes', () => {
  it.each(['blackhole', 'hold'] as const)(
    'R10: serves nothing older as fresh once the write is acknowledged, and catches up by itself (%s)',
    async (mode) => {
      world = await startWorld()
      const { gateway: cutOff, proxy, redis } = world
      const writer = await startBeside(redis.url, { beside: cutOff })
      await writer.isTrusted()
      await proxy.set(mode)
      const lies: string[] = []
      let acknowledged = false
      let going = true
      const reading = (async () => {
        while (going) {
          const askedAfter = acknowledged
          const seen = await cutOff.read(24)
          expect(seen.status).toBe(200)
          if (askedAfter && seen.answer.body.total === 3 && isFresh(seen.how)) lies.push(String(seen.how))
        }
      })()
      const written = await writer.add()
      acknowledged = true
      expect(written.status).toBe(201)
      expect((await writer.read(24)).answer.body.total).toBe(4)
      // Still cut off: the older list is better than nothing, and says that it is old.
      const old = await cutOff.read(24)
      expect([old.answer.body.total, isFresh(old.how)]).toEqual([3, false])
      await proxy.set('pass')
      await until(async () => (await cutOff.read(24)).answer.body.total === 4)
      going = false
      await reading
      expect(lies).toEqual([])
      await writer.close()
    },
  )

  it('R15: what it was about to store and arrives late does not come back after a write', async () => {
    world = await startWorld()
    const { admin, gateway: slow, proxy, redis } = world
    const writer = await startBeside(redis.url, { beside: slow })
    await writer.isTrusted()
    // It has the epoch, and asks ChatHub; before its answer comes, the way to Redis is held.
    const hold = slow.simulator.hold('list', 24)
    const loading = slow.read(24, { headers: { 'Cache-Control': 'no-cache' } })
    await hold.arrived
    await proxy.set('hold')
    hold.release()
    expect((await loading).answer.body.total).toBe(3)
    expect((await writer.add('The Newest')).status).toBe(201)
    await proxy.set('pass')
    await until(async () => (await slow.redisState()) === 'ready')
    await slow.isTrusted()
    for (const instance of [slow, writer, await startBeside(redis.url, { beside: slow })]) {
      const seen = await instance.read(24)
      expect([seen.status, seen.answer.body.total]).toEqual([200, 4])
      if (instance !== slow && instance !== writer) await instance.close()
    }
    expect(await admin.get('chathub:list:{operators:24}:copy')).toContain('The Newest')
    await writer.close()
  })

  it('R15: what it had stored while Redis stood still is the list of that time, and a write after it is not lost', async () => {
    world = await startWorld()
    const { gateway, redis } = world
    redis.pause()
    expect((await gateway.read(24, { headers: { 'Cache-Control': 'no-cache' } })).status).toBe(200)
    redis.resume()
    await until(async () => (await gateway.add('Later')).status === 201)
    const seen = await gateway.read(24)
    expect(seen.answer.text).toContain('Later')
    const other = await startBeside(redis.url, { beside: gateway })
    expect((await other.read(24)).answer.text).toContain('Later')
    await other.close()
  })
})

describeWithRedis('all instances started again while ChatHub is down', () => {
  it('serve every list that Redis knows: a hundred organizations, on each instance, from their first request on', async () => {
    const organizations = Array.from({ length: 100 }, (_, i) => ({
      id: i + 1,
      name: `Department ${i + 1}`,
      operators: [{ id: 1000 + i, name: `Somebody ${i + 1}`, status: 0 }],
    }))
    const simulator = await createSimulator({ loginSpacingMs: 0, organizations })
    const proxy = await startProxy({ to: { host: '127.0.0.1', port: simulator.port } })
    const redis = await openRedis()
    const start = () =>
      startBeside(redis.url, {
        beside: { simulator, keys: {} } as unknown as TestGateway,
        env: { CHATHUB_BASE_URL: proxy.url, REDIS_PREFIX: redis.prefix },
      })
    const first = [await start(), await start()]
    await first[0]?.see('GET', '/v1/organizations')
    for (const { id } of organizations) expect((await first[id % 2]?.read(id))?.status).toBe(200)
    await proxy.set('refuse')
    await proxy.set('cut')
    await Promise.all(first.map((instance) => instance.close()))

    const second = [await start(), await start()]
    let served = 0
    const odd: string[] = []
    for (const instance of second)
      for (const { id } of organizations) {
        const seen = await instance.read(id)
        if (seen.status === 200 && seen.answer.body.items[0].id === 999 + id && seen.age !== undefined)
          served++
        else odd.push(`${id}: ${seen.status} ${seen.code}`)
      }
    const operator = await second[0]?.see('GET', '/v1/operators/1050')
    const known = await second[1]?.see('GET', '/v1/organizations')
    expect(served).toBe(200)
    expect(odd).toEqual([])
    expect([operator?.status, known?.status, known?.answer.body.total]).toEqual([200, 200, 100])
    await Promise.all(second.map((instance) => instance.close()))
    await proxy.close()
    await simulator.close()
    await redis.stop()
  })
})
