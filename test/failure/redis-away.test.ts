import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, it } from '@jest/globals'
import { freePort } from '../support/free-port.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { msUntil, tell } from './faulty-chathub.ts'
import {
  type BesideRedis,
  comesBack,
  endWhatIsLeft,
  readsGoOn,
  startBeside,
  startWorld,
  type World,
  writesAreRefused,
} from './faulty-redis.ts'

// Rows R1–R4, R9, R14: Redis does not answer at all, or not in time.

let world: World | undefined
afterEach(async () => {
  await world?.end()
  world = undefined
  await endWhatIsLeft()
  await stopEverything()
})

type Fault = {
  name: string
  begin(world: World): unknown
  end(world: World): unknown
}
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
/** Bytes that are still referred to. */
const heapInUse = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const faults: Fault[] = [
  { name: 'R2 killed', begin: ({ redis }) => redis.kill(), end: ({ redis }) => redis.restart() },
  { name: 'R3 stopped', begin: ({ redis }) => redis.pause(), end: ({ redis }) => redis.resume() },
  {
    name: 'R4 slow by 200 ms',
    begin: ({ proxy }) => proxy.set({ latency: 200 }),
    end: ({ proxy }) => proxy.set('pass'),
  },
  {
    name: 'R9 behind a black hole',
    begin: ({ proxy }) => proxy.set('blackhole'),
    end: ({ proxy }) => proxy.set('pass'),
  },
  {
    name: 'R9 behind a cable that comes back',
    begin: ({ proxy }) => proxy.set('hold'),
    end: ({ proxy }) => proxy.set('pass'),
  },
  {
    name: 'R14 without permission',
    begin: async ({ admin }) => {
      await admin.acl('SETUSER', 'watcher', 'on', '>watching', '~*', '&*', '+@all')
      await admin.auth('watcher', 'watching')
      await admin.acl('SETUSER', 'default', '-@all')
    },
    end: ({ admin }) => admin.acl('SETUSER', 'default', '+@all'),
  },
  {
    name: 'R14 paused',
    begin: ({ admin }) => admin.client('PAUSE', 5000),
    // It ends by itself, and nobody is answered before.
    end: ({ admin }) => admin.ping(),
  },
  {
    name: 'R14 with no room for clients',
    begin: async ({ admin, proxy }) => {
      await admin.config('SET', 'maxclients', '1')
      await proxy.set('cut')
    },
    end: ({ admin }) => admin.config('SET', 'maxclients', '1000'),
  },
]

describeWithRedisServer('Redis that does not answer', () => {
  it.each(faults)(
    '$name: reads go on, writes are refused, and all is well within 2 s after',
    async ({ name, begin, end }) => {
      world = await startWorld()
      const { gateway } = world
      gateway.reports.length = 0
      await begin(world)
      await readsGoOn(gateway, 1500, name)
      expect(await gateway.redisState()).toBe('away')
      await writesAreRefused(gateway)
      // When its lease is over nobody vouches for what is remembered: it is served, and not as fresh.
      const trustedFor = await msUntil(async () =>
        /; hit; ttl=-\d+$/.test((await gateway.read(24)).how ?? ''),
      )
      expect(trustedFor).toBeLessThan(2000)
      // What is not remembered is fetched, for this is the only instance there is.
      const cold = await gateway.read(6)
      expect([cold.status, cold.ms < 2000]).toEqual([200, true])
      expect((await gateway.see('GET', '/readyz', { key: '' })).status).toBe(200)
      const errors = gateway.reports.filter((report) => report.name === 'redis' && report.event === 'error')
      expect(errors.length).toBeLessThanOrEqual(1)
      await end(world)
      await comesBack(gateway, name)
      expect(gateway.simulator.busiestSecond().count).toBeLessThanOrEqual(1000)
    },
  )

  it('R3: stopped for longer, nothing piles up', async () => {
    world = await startWorld()
    const { gateway, redis } = world
    redis.pause()
    await until(async () => (await gateway.redisState()) === 'away')
    const before = heapInUse()
    for (let i = 0; i < 3000; i++) await gateway.read(24)
    const grown = (heapInUse() - before) / 1024 / 1024
    tell(`R3: heap ${grown.toFixed(1)} MiB more after 3000 reads`)
    expect(grown).toBeLessThan(20)
    redis.resume()
    await comesBack(gateway, 'R3')
  })
})

describeWithRedisServer('R1: Redis that is not there at the start', () => {
  let gateway: BesideRedis
  afterEach(() => gateway.close())

  it('keeps nobody from starting: reads are answered, writes refused, and it is found when it comes', async () => {
    const port = await freePort()
    const begun = performance.now()
    gateway = await startBeside(`redis://127.0.0.1:${port}`)
    expect((await gateway.see('GET', '/readyz', { key: '' })).status).toBe(200)
    expect(performance.now() - begun).toBeLessThan(2000)
    expect((await gateway.read(24)).status).toBe(200)
    expect((await gateway.read(24)).status).toBe(200)
    await writesAreRefused(gateway)
    const redis = await startRedis({ port })
    await comesBack(gateway, 'R1')
    await redis.stop()
  })

  it('of two planned instances each takes its half, after the others must have noticed', async () => {
    gateway = await startBeside(`redis://127.0.0.1:${await freePort()}`, {
      env: { GATEWAY_INSTANCES: '2', CHATHUB_REQUESTS_PER_SECOND: '6' },
    })
    const first = await gateway.read(24)
    tell(`R1: first answer of one of two instances after ${first.ms.toFixed()} ms`)
    expect(first.status).toBe(200)
    expect(first.ms).toBeGreaterThan(2000)
    expect(first.ms).toBeLessThan(5000)
    await Promise.all(
      [6, 42, 24].map((org) => gateway.read(org, { headers: { 'Cache-Control': 'no-cache' } })),
    )
    expect(gateway.simulator.busiestSecond().count).toBeLessThanOrEqual(3)
    expect((await gateway.see('GET', '/v1/upstream')).answer.body.budget.allowedNow).toBe(3)
  })
})
