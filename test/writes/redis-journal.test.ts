import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import type { RedisClient } from '../../src/redis/connect.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { createRedisWatches } from '../../src/writes/watches.ts'
import { createClock } from '../support/clock.ts'
import { startCutter } from '../support/cutter.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { operationOf, rowsNamed } from './operations-of.ts'
import { openRedisJournal } from './redis-journal.ts'

const context = () => ({ deadline: systemClock.now() + 60_000 })
const lockLost = { code: 'queue.full' }
const sending = { since: 1, chunk: 0, attempt: 1, rows: [0], baseline: [] }

describeWithRedis('journals of several instances', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())

  it('keep nothing under a lock that another instance has taken', async () => {
    const [one, two] = [await openRedisJournal(database), await openRedisJournal(database)]
    const rows = rowsNamed('Anna')
    const [kept, fresh] = [operationOf(rows), operationOf(rows, { sending })]
    await one.journal.create(kept, [rows])
    await one.journal.withLock(kept.id, context(), async (lock) => {
      await database.client().del(`${database.prefix}journal:{24}:lock`)
      await two.journal.withLock(kept.id, context(), async () => {
        await expect(one.journal.save({ ...kept, state: 'done' }, lock)).rejects.toMatchObject(lockLost)
        await expect(one.journal.remove(kept, lock)).rejects.toMatchObject(lockLost)
        await expect(one.journal.create(fresh, [rows], lock)).rejects.toMatchObject(lockLost)
      })
    })
    expect((await two.journal.get(kept.id))?.state).toBe('queued')
    expect(await two.journal.get(fresh.id)).toBeUndefined()
    for (const { close } of [one, two]) close()
  })

  it.each(['save', 'remove'] as const)(
    'release the lock with the last record, which is a %s, and the next holder keeps its own',
    async (what) => {
      const [one, two] = [await openRedisJournal(database), await openRedisJournal(database)]
      const rows = rowsNamed('Anna')
      const kept = operationOf(rows)
      await one.journal.create(kept, [rows])
      let inside = 0
      await one.journal.withLock(kept.id, context(), async (lock) => {
        if (what === 'save')
          await one.journal.save({ ...kept, state: 'running' }, lock, undefined, { unlock: true })
        else await one.journal.remove(kept, lock, true)
        await two.journal.withLock(kept.id, context(), async (other) => {
          inside++
          await expect(one.journal.save(kept, lock)).rejects.toMatchObject(lockLost)
          if (what === 'save') await two.journal.save({ ...kept, state: 'done' }, other)
        })
      })
      expect(inside).toBe(1)
      expect((await two.journal.get(kept.id))?.state).toBe(what === 'save' ? 'done' : undefined)
      expect(await database.client().exists(`${database.prefix}journal:{24}:lock`)).toBe(0)
      for (const { close } of [one, two]) close()
    },
  )

  it('keep nothing of what was created where watches may have to learn of it first', async () => {
    const { journal, close } = await openRedisJournal(database)
    const rows = rowsNamed('Anna')
    const kept = operationOf(rows, { organization: 44 })
    await journal.create(kept, [rows])
    const watches = `${database.prefix}journal:{44}:watches:1`
    await database.client().hset(watches, kept.id, '{}')
    const done = { ...kept, state: 'done' } as const
    await journal.withLock(kept.id, context(), async (lock) => {
      const save = (unlessWatched: boolean) =>
        journal.save(done, lock, undefined, { unlock: true, unlessWatched })
      expect(await save(true)).toBe(false)
      expect((await journal.get(kept.id))?.state).toBe('queued')
      expect(await database.client().get(`${database.prefix}journal:{44}:lock`)).toBe(lock.owner)
      expect(await save(false)).toBe(true)
    })
    expect((await journal.get(kept.id))?.state).toBe('done')
    close()
  })

  it('keep the lock where the last record was not kept', async () => {
    const { journal, close } = await openRedisJournal(database)
    const rows = rowsNamed('Anna')
    const never = operationOf(rows)
    await journal.withLock(never.id, context(), async (lock) => {
      await expect(journal.save(never, lock, undefined, { unlock: true })).rejects.toMatchObject(lockLost)
      expect(await database.client().get(`${database.prefix}journal:{24}:lock`)).toBe(lock.owner)
    })
    expect(await database.client().exists(`${database.prefix}journal:{24}:lock`)).toBe(0)
    close()
  })

  it('know from the first lock on since when Redis has forgotten nothing, but not after a flush', async () => {
    const { journal, close } = await openRedisJournal(database)
    const sinceKey = `${database.prefix}journal:{43}:since`
    const since = () => database.client().get(sinceKey)
    await journal.withLock('43-any_operation', context(), async () => expect(await since()).toBe('1'))
    await database.client().pexpire(sinceKey, 60_000)
    await journal.withLock('43-any_operation', context(), async () => {
      expect(await database.client().pttl(sinceKey)).toBeGreaterThan(3_600_000)
      await database.client().del(sinceKey, `${database.prefix}journal:{43}:lock`)
    })
    expect(await since()).toBeNull()
    close()
  })

  it.each([
    ['answer is lost', { forward: true }],
    ['command is lost', { forward: false }],
  ])('create an operation once although the %s', async (_, lost) => {
    const link = await startCutter(Number(new URL(database.url).port))
    const { journal, close } = await openRedisJournal(database, { url: link.url })
    const operation = operationOf(rowsNamed('Anna'))
    const cut = link.cut((text) => text.includes(operation.id) && text.includes('"v":2'), lost)
    expect(await journal.create(operation, [rowsNamed('Anna')])).toBeUndefined()
    await cut
    expect(await journal.get(operation.id)).toEqual(operation)
    expect((await journal.open()).map(({ id }) => id)).toContain(operation.id)
    close()
    await link.close()
  })

  it('take an id without a record off the list after a minute of their own, whatever their date is', async () => {
    const clock = createClock()
    const { journal, close } = await openRedisJournal(database, { clock })
    const openKey = `${database.prefix}journal:{kept}:open`
    const member = '24-listed_before_its_record 1 crm'
    // By another instance, whose date is years behind.
    await database.client().zadd(openKey, 1, member)
    await journal.open()
    await clock.advance(59_999)
    await journal.open()
    expect(await database.client().zscore(openKey, member)).toBe('1')
    await clock.advance(1)
    await journal.open()
    expect(await database.client().zscore(openKey, member)).toBeNull()
    close()
  })

  it('see a watch that is put while another instance takes its organization off the list', async () => {
    const client = database.client()
    const watch = { operation: '45-any_operation', since: 1, lookedAt: 1, names: [], late: [] }
    let beforeRemoval = async (): Promise<void> => {}
    const run: Redis['run'] = (command) =>
      command({
        ...{
          hset: client.hset.bind(client),
          hdel: client.hdel.bind(client),
          hvals: client.hvals.bind(client),
        },
        ...{ sadd: client.sadd.bind(client), smembers: client.smembers.bind(client) },
        ...{ pexpire: client.pexpire.bind(client) },
        srem: async (...args: [string, string]) => {
          await beforeRemoval()
          return client.srem(...args)
        },
      } as unknown as RedisClient)
    const watches = createRedisWatches({ prefix: database.prefix, run } as Redis)
    await watches.put(watch)
    await watches.remove(watch)
    beforeRemoval = () => watches.put(watch)
    await watches.all()
    beforeRemoval = async () => {}
    expect(await watches.all()).toEqual([watch])
  })

  it('leave no claim to a lock of who has given up waiting', async () => {
    const [one, two] = [await openRedisJournal(database), await openRedisJournal(database)]
    const id = '46-any_operation'
    await one.journal.withLock(id, context(), async () => {
      const waiting = two.journal.withLock(id, { deadline: systemClock.now() + 100 }, async () => {})
      await expect(waiting).rejects.toMatchObject(lockLost)
      expect(await database.client().exists(`${database.prefix}journal:{46}:waiting`)).toBe(0)
    })
    for (const { close } of [one, two]) close()
  })

  it('give one lock at a time, and let both instances in before either has finished', async () => {
    const opened = [await openRedisJournal(database), await openRedisJournal(database)]
    let inside = 0
    const story: number[] = []
    const work = (i: number) =>
      opened[i % 2]?.journal.withLock('42-any_operation', context(), async (lock) => {
        expect([++inside, lock.isHeld()]).toEqual([1, true])
        story.push(i % 2)
        await database.client().ping()
        inside--
      })
    await Promise.all(Array.from({ length: 20 }, (_, i) => work(i)))
    expect(story.filter((instance) => instance === 0)).toHaveLength(10)
    expect(new Set(story.slice(0, 10)).size).toBe(2)
    for (const { close } of opened) close()
  })
})
