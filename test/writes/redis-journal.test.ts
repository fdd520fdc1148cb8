import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import { LockLost } from '../../src/writes/journal.ts'
import { createClock } from '../support/clock.ts'
import { startCutter } from '../support/cutter.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { operationOf, rowsNamed } from './operations-of.ts'
import { openRedisJournal } from './redis-journal.ts'

const context = () => ({ deadline: systemClock.now() + 60_000 })
const sending = { since: 1, chunk: 0, attempt: 1, rows: [0], baseline: {} }

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
    await one.journal.withLock(24, context(), async (lock) => {
      await database.client().del(`${database.prefix}ledger:{24}:turn`)
      await two.journal.withLock(24, context(), async () => {
        await expect(one.journal.save({ ...kept, state: 'done' }, lock)).rejects.toThrow(LockLost)
        await expect(one.journal.remove(kept, lock)).rejects.toThrow(LockLost)
        await expect(one.journal.create(fresh, [rows], lock)).rejects.toThrow(LockLost)
      })
    })
    expect((await two.journal.get(kept.id))?.state).toBe('queued')
    expect(await two.journal.get(fresh.id)).toBeUndefined()
    for (const { close } of [one, two]) close()
  })

  it.each([
    ['answer is lost', { forward: true }],
    ['command is lost', { forward: false }],
  ])('create an operation once although the %s', async (_, lost) => {
    const link = await startCutter(Number(new URL(database.url).port))
    const { journal, close } = await openRedisJournal(database, { url: link.url })
    const operation = operationOf(rowsNamed('Anna'))
    const cut = link.cut((text) => text.includes(operation.id) && text.includes('"v":1'), lost)
    expect(await journal.create(operation, [rowsNamed('Anna')])).toBeUndefined()
    await cut
    expect(await journal.get(operation.id)).toEqual(operation)
    expect((await journal.open()).map(({ id }) => id)).toContain(operation.id)
    close()
    await link.close()
  })

  it('tell a watcher that began to listen late the state that it missed', async () => {
    const [one, two] = [await openRedisJournal(database), await openRedisJournal(database)]
    const operation = operationOf([])
    await one.journal.create(operation, [])
    let stop = (): void => {}
    const seen = new Promise<string | undefined>((resolve) => {
      stop = two.journal.watch(operation.id, (now) => resolve(now?.state))
    })
    // The watcher's connection is not up yet, so this notice is lost.
    await one.journal.withLock(24, context(), (lock) =>
      one.journal.save({ ...operation, state: 'done' }, lock),
    )
    expect(await seen).toBe('done')
    stop()
    for (const { close } of [one, two]) close()
  })

  it('read watched operations every 5 s: a notice may be lost, and an expired record gives none', async () => {
    const clock = createClock()
    const { journal, close } = await openRedisJournal(database, { clock })
    const operation = operationOf([])
    await journal.create(operation, [])
    let resolveNext = (_: string | undefined): void => {}
    const next = () => new Promise<string | undefined>((resolve) => (resolveNext = resolve))
    const first = next()
    const stop = journal.watch(operation.id, (now) => resolveNext(now?.state))
    await first
    const client = database.client()
    const key = `${database.prefix}ledger:{24}:operation:${operation.id}`
    for (const [state, change] of [
      ['running', () => client.set(key, JSON.stringify({ v: 1, ...operation, state: 'running' }))],
      [undefined, () => client.del(key)],
    ] as const) {
      await change()
      const seen = next()
      await clock.advance(5000)
      expect(await seen).toBe(state)
    }
    stop()
    close()
  })

  it('give one lock at a time, and let both instances in before either has finished', async () => {
    const opened = [await openRedisJournal(database), await openRedisJournal(database)]
    let inside = 0
    const story: number[] = []
    const work = (i: number) =>
      opened[i % 2]?.journal.withLock(42, context(), async (lock) => {
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
