import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, it } from '@jest/globals'
import { readEvents } from '../http/event-reader.ts'
import { freePort } from '../support/free-port.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
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
    name: 'R4 slower than the time limit of a command',
    begin: ({ proxy }) => proxy.set({ latency: 2500 }),
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
    begin: ({ admin }) => admin.client('PAUSE', 600_000, 'WRITE'),
    end: ({ admin }) => admin.client('UNPAUSE'),
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
    '$name: reads go on, writes are refused, and all is well when it answers again',
    async ({ begin, end }) => {
      world = await startWorld({ env: { REDIS_TIMEOUT_MS: '300' } })
      const { gateway } = world
      gateway.reports.length = 0
      await begin(world)
      await readsGoOn(gateway)
      await writesAreRefused(gateway)
      // When the lease has ended, what is remembered is served as stale.
      gateway.jump(2500)
      await until(async () => /; hit; ttl=-\d+$/.test((await gateway.read(24)).how ?? ''))
      // What is not remembered is fetched, because this is the only instance.
      expect((await gateway.read(6)).status).toBe(200)
      expect((await gateway.see('GET', '/readyz', { key: '' })).status).toBe(200)
      const logged = gateway.reports.flatMap((report) =>
        report.name === 'redis' && report.event === 'error' ? [report.because] : [],
      )
      expect(logged).toEqual([...new Set(logged)])
      await end(world)
      await comesBack(gateway)
    },
  )

  it('R3: stopped for longer, nothing piles up', async () => {
    world = await startWorld({ env: { REDIS_TIMEOUT_MS: '300' } })
    const { gateway, redis } = world
    redis.pause()
    await until(async () => (await gateway.redisState()) === 'away')
    const before = heapInUse()
    for (let i = 0; i < 300; i++) await gateway.read(24)
    const grown = (heapInUse() - before) / 1024 / 1024
    expect(grown).toBeLessThan(10)
    redis.resume()
    await comesBack(gateway)
  })
})

describeWithRedisServer('open streams of events', () => {
  const newest = (gateway: BesideRedis) => gateway.read(24, { headers: { 'Cache-Control': 'no-cache' } })

  it.each(['started again, empty', 'frozen for a while'])(
    'survive Redis %s, and end with the truth after a resync',
    async (what) => {
      world = await startWorld({ env: { REDIS_TIMEOUT_MS: '300' } })
      const { gateway, redis } = world
      const { simulator } = gateway
      const dying = await startBeside(redis.url, { beside: gateway, env: { REDIS_TIMEOUT_MS: '300' } })
      const url = `${gateway.url}/v1/events?organizations=24`
      const reader = await readEvents(url, { 'X-API-Key': gateway.key })
      let hasEnded = false
      void reader.ended.then(() => (hasEnded = true))
      await reader.begun()
      await newest(gateway)
      if (what === 'frozen for a while') redis.pause()
      else await redis.kill()
      for (const one of [gateway, dying]) {
        await until(async () => (await one.redisState()) === 'away')
        one.jump(5000)
      }
      // The log never knows of the list that is served now, and the next one equals the list that it knows.
      simulator.changeOperator(101, { status: 1 })
      const { items } = (await newest(dying)).answer.body
      expect(items).toContainEqual(expect.objectContaining({ id: 101, status: 'inactive' }))
      simulator.changeOperator(101, { status: 0 })
      await dying.close()
      if (what === 'frozen for a while') redis.resume()
      else await redis.restart()
      await until(async () => (await gateway.redisState()) === 'ready')
      expect((await newest(gateway)).answer.body.items[0]).toMatchObject({ id: 101, status: 'active' })
      await reader.has({ type: 'resync', organization: 24 })
      simulator.changeOperator(102, { status: 1 })
      await newest(gateway)
      await reader.has({ type: 'operator.statusChanged', to: 'inactive' })
      expect([reader.events.some(({ operator }) => operator?.id === 101), hasEnded]).toEqual([false, false])
      reader.close()
    },
  )
})

describeWithRedisServer('R1: Redis that is not there at the start', () => {
  let gateway: BesideRedis
  afterEach(() => gateway.close())

  it('keeps nobody from starting: reads are answered, writes refused, and it is found when it comes', async () => {
    const port = await freePort()
    gateway = await startBeside(`redis://127.0.0.1:${port}`)
    expect((await gateway.see('GET', '/readyz', { key: '' })).status).toBe(200)
    expect((await gateway.read(24)).status).toBe(200)
    expect((await gateway.read(24)).status).toBe(200)
    await writesAreRefused(gateway)
    const redis = await startRedis({ port })
    await comesBack(gateway)
    await redis.stop()
  })

  it('of two planned instances each may use its half of the budget', async () => {
    gateway = await startBeside(`redis://127.0.0.1:${await freePort()}`, {
      env: { GATEWAY_INSTANCES: '2', CHATHUB_REQUESTS_PER_SECOND: '6' },
    })
    expect((await gateway.read(24)).status).toBe(200)
    expect((await gateway.see('GET', '/v1/upstream')).answer.body.budget.allowedNow).toBe(3)
  })
})
