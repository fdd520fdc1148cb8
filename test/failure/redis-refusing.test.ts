import { afterEach, expect, it } from '@jest/globals'
import { describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { until } from '../support/until.ts'
import {
  comesBack,
  endWhatIsLeft,
  startBeside,
  startingWrites,
  startWorld,
  type World,
  writesAreRefused,
} from './faulty-redis.ts'

// Rows R5–R8, R11–R13: Redis answers, and what it says is of no use.

let world: World | undefined
afterEach(async () => {
  await world?.end()
  world = undefined
  await endWhatIsLeft()
  await stopEverything()
})
const prefix = 'chathub:'
const copyKey = (organization: number) => `${prefix}list:{operators:${organization}}:copy`

describeWithRedisServer('Redis that refuses', () => {
  it('R5: full, it takes nothing more: reads go on, cold ones too, and writes are refused before ChatHub is asked', async () => {
    world = await startWorld()
    const { admin, gateway } = world
    await admin.config('SET', 'maxmemory', '1')
    for (let i = 0; i < 50; i++) expect((await gateway.read(24)).status).toBe(200)
    expect((await gateway.read(6)).status).toBe(200)
    await writesAreRefused(gateway)
    await admin.config('SET', 'maxmemory', '0')
    await comesBack(gateway)
  })

  it('R6: made a replica, it is read and not written: as when it is full', async () => {
    world = await startWorld()
    const { admin, gateway } = world
    await admin.replicaof('127.0.0.1', '1')
    for (let i = 0; i < 50; i++) expect((await gateway.read(24)).status).toBe(200)
    expect((await gateway.read(6)).status).toBe(200)
    await writesAreRefused(gateway)
    await admin.replicaof('NO', 'ONE')
    await comesBack(gateway)
  })

  it.each<[string, (world: World) => Promise<unknown>]>([
    ['R7 flushed', ({ admin }) => admin.flushall()],
    ['R8 started again without what it had acknowledged', ({ redis }) => redis.restart({ wipe: true })],
  ])('%s: at most one request for what is known, and nobody is added twice', async (_, forget) => {
    world = await startWorld({ env: { CHATHUB_REQUESTS_PER_SECOND: '5' } })
    const { gateway } = world
    await until(async () => (await gateway.add('Somebody New')).status === 201)
    gateway.simulator.clearArrivals()
    await forget(world)
    for (let i = 0; i < 30; i++) expect((await gateway.read(24)).status).toBe(200)
    expect(gateway.listed(24)).toBeLessThanOrEqual(1)
    expect((await gateway.read(6)).status).toBe(200)
    await until(async () => (await gateway.redisState()) === 'ready')
    let again = await gateway.add('Somebody New')
    // One that is refused says why, and is worth asking again.
    await until(async () => {
      if (again.status !== 503) return true
      again = await gateway.add('Somebody New')
      return false
    })
    expect([again.status, again.answer.body.exists, again.answer.body.created]).toEqual([200, 1, 0])
    expect(startingWrites(gateway)).toBe(0)
    await comesBack(gateway)
  })

  it('R13: that has forgotten all scripts is told them again', async () => {
    world = await startWorld({ isAlone: true })
    const { admin, gateway } = world
    gateway.reports.length = 0
    for (const organization of [6, 42]) {
      await admin.script('FLUSH')
      expect((await gateway.read(organization)).status).toBe(200)
      await admin.script('FLUSH')
      expect((await gateway.add()).status).toBe(201)
    }
    expect(gateway.reports.filter(({ name }) => name === 'redis')).toEqual([])
  })
})

describeWithRedisServer('a value that is none of ours', () => {
  const values: [string, string | Buffer][] = [
    ['nothing', ''],
    ['text', 'hello'],
    ['bytes', Buffer.from([0, 1, 2, 255, 254])],
    ['a head alone', '1 0 1700000000000'],
    ['JSON cut short', `1 0 ${Date.now()}\n{"organization":{"id":24,`],
    ['JSON of another shape', `1 0 ${Date.now()}\n[1,2,3]`],
    ['another version', `2 0 ${Date.now()}\n{"organization":{"id":24,"name":"A"},"items":[],"total":0}`],
    ['a birth that is no number', '1 0 soon\n{"organization":{"id":24,"name":"A"},"items":[]}'],
    ['50 MiB', Buffer.alloc(50 * 1024 * 1024, '1 0 ')],
  ]
  it('R11: is a miss: ChatHub is asked, and the value is replaced', async () => {
    world = await startWorld()
    const { admin, gateway, redis } = world
    for (const [what, value] of values) {
      const other = await startBeside(redis.url, { beside: gateway })
      await until(async () => (await other.redisState()) === 'ready')
      await admin.set(copyKey(24), value)
      const seen = await other.read(24)
      expect([what, seen.status, seen.answer.body.total]).toEqual([what, 200, 3])
      // A Redis that was busy with 50 MiB is given the list by a later read.
      await until(async () => {
        const kept = await admin.get(copyKey(24))
        if (kept?.startsWith('1 ') && kept.includes('Sarah')) return true
        expect([what, (await other.read(24)).status]).toEqual([what, 200])
        return false
      })
      await other.close()
    }
  })

  it('R12: a key of another type is a miss too, whichever key of the reading side it is, and heals', async () => {
    world = await startWorld()
    const { admin, gateway, redis } = world
    expect((await gateway.add()).status).toBe(201)
    await gateway.read(6)
    // What is written down of writes, in journal and audit log, is another matter: whoever destroyed that must look at it.
    const keys = (await admin.keys(`${prefix}*`))
      .filter((key) => ![`${prefix}journal:`, `${prefix}audit:`].some((begin) => key.startsWith(begin)))
      .toSorted()
    expect(keys.length).toBeGreaterThan(10)
    for (const key of keys) {
      await admin.del(key)
      if (key.includes(':invalidations') || key.includes(':ring') || key.includes(':background'))
        await admin.set(key, 'hello')
      else await admin.lpush(key, 'hello')
    }
    const other = await startBeside(redis.url, { beside: gateway })
    for (const instance of [gateway, other])
      for (const organization of [24, 6, 42]) {
        const seen = await instance.read(organization)
        // What went wrong stands in the log.
        const why =
          seen.status === 500
            ? instance
                .logged()
                .split('\n')
                .filter((line) => line.includes('internal'))
            : []
        expect([organization, seen.status, why]).toEqual([organization, 200, []])
      }
    for (const instance of [gateway, other]) {
      await until(async () => (await instance.add()).status === 201)
      await instance.isTrusted()
    }
    await other.close()
  })
})

describeWithRedisServer('Redis that may forget by itself', () => {
  it.each([
    ['allkeys-lru', true],
    ['volatile-ttl', true],
    ['noeviction', false],
  ])('%s: whoever runs it is told at the start: %s', async (policy, told) => {
    world = await startWorld({ args: ['--maxmemory', '64mb', '--maxmemory-policy', policy] })
    const { gateway } = world
    const warnings = () =>
      gateway.reports.filter((report) => report.name === 'redis' && report.event === 'may-evict')
    if (told) await until(() => warnings().length > 0)
    expect(warnings()).toEqual(told ? [{ name: 'redis', event: 'may-evict', because: policy }] : [])
    if (told) expect(gateway.logged()).toMatch(/"level":(40|"warn").*(evict|noeviction)/)
  })
})
