import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Clock, systemClock } from '../../src/clock.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { createMemoryJournal, type Journal } from '../../src/writes/journal.ts'
import { countRows, type Operation, type Row } from '../../src/writes/operation.ts'
import {
  createLocalOrganizationLock,
  type HeldLock,
  type OrganizationLock,
} from '../../src/writes/organization-lock.ts'
import { createRedisJournal } from '../../src/writes/redis-journal.ts'
import { createRedisOrganizationLock } from '../../src/writes/redis-organization-lock.ts'
import { createClock } from '../support/clock.ts'
import { startCutter } from '../support/cutter.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'

type Made = { journal: Journal; organizationLock: OrganizationLock; close(): void }

let number = 0
const operationOf = (rows: Row[], change: Partial<Operation> = {}): Operation => ({
  id: `24-operation_${++number}`,
  kind: 'add',
  client: 'crm',
  organization: 24,
  state: 'queued',
  onDuplicate: 'skip',
  onDeleted: 'report',
  total: rows.length,
  counts: countRows(rows),
  next: 0,
  chunks: 1,
  startedAt: 1_700_000_000_000,
  ...change,
})
const rowsOf = (...names: string[]): Row[] =>
  names.map((name, index) => ({ index, name, outcome: 'pending' }))
const sending = { since: 1, chunk: 0, attempt: 1, rows: [0], baseline: { anna: [3] } }

/** What every journal promises. */
const suite = (make: () => Promise<Made>): void => {
  let made: Made
  beforeAll(async () => {
    made = await make()
  })
  afterAll(() => made.close())
  const inTurn = <T>(work: (lock: HeldLock) => Promise<T>, organization = 24): Promise<T> =>
    made.organizationLock.withLock(organization, { deadline: systemClock.now() + 10_000 }, work)
  const create = async (rows = rowsOf('Anna', 'Borys'), change: Partial<Operation> = {}) => {
    const operation = operationOf(rows, change)
    await made.journal.create(operation, [rows])
    return { operation, rows }
  }

  it('keeps an operation with its rows', async () => {
    const { operation, rows } = await create()
    expect(await made.journal.get(operation.id)).toEqual(operation)
    expect(await made.journal.chunk(operation.id, 0)).toEqual(rows)
    expect(await made.journal.chunk(operation.id, 1)).toEqual([])
    expect(await made.journal.get('24-nobody_knows')).toBeUndefined()
    expect(await made.journal.open()).toContain(operation.id)
  })

  it('leaves what is kept already as it is, and gives it back', async () => {
    const { operation, rows } = await create()
    const created = rows.map((row, id): Row => ({ ...row, outcome: 'created', id }))
    const running: Operation = { ...operation, state: 'running', counts: countRows(created) }
    await inTurn((lock) => made.journal.save(running, lock, { number: 0, rows: created }))
    const many = Array.from({ length: 30 }, () => rows)
    expect(await made.journal.create({ ...operation, chunks: 30 }, many)).toEqual(running)
    expect(await made.journal.get(operation.id)).toEqual(running)
    expect(await made.journal.chunk(operation.id, 0)).toEqual(created)
    expect(await made.journal.chunk(operation.id, 29)).toEqual([])
  })

  it('keeps many rows whole and in order', async () => {
    const rows = rowsOf(...Array.from({ length: 5000 }, (_, i) => `Row ${i}`))
    const chunks = Array.from({ length: 50 }, (_, i) => rows.slice(i * 100, (i + 1) * 100))
    const operation = operationOf(rows, { chunks: 50 })
    await made.journal.create(operation, chunks)
    for (const [i, chunk] of chunks.entries())
      expect(await made.journal.chunk(operation.id, i)).toEqual(chunk)
  })

  it('keeps what changed together, and lists what has ended no longer as open', async () => {
    const { operation, rows } = await create()
    const created = rows.map((row, id): Row => ({ ...row, outcome: 'created', id }))
    const done: Operation = { ...operation, state: 'done', counts: countRows(created), finishedAt: 1 }
    expect(await inTurn((lock) => made.journal.save(done, lock, { number: 0, rows: created }))).toBe(true)
    expect(await made.journal.get(operation.id)).toEqual(done)
    expect(await made.journal.chunk(operation.id, 0)).toEqual(created)
    expect(await made.journal.open()).not.toContain(operation.id)
  })

  it('keeps nothing of an operation that is gone', async () => {
    const { operation } = await create()
    expect(await inTurn((lock) => made.journal.remove(operation, lock))).toBe(true)
    expect(await inTurn((lock) => made.journal.save(operation, lock))).toBe(false)
    expect(await made.journal.get(operation.id)).toBeUndefined()
    expect(await made.journal.open()).not.toContain(operation.id)
  })

  it('knows what an organization has on its way until that is settled', async () => {
    const { operation } = await create(undefined, { organization: 6, id: `6-operation_${++number}` })
    const { journal } = made
    expect(await journal.unsettled(6)).toBeUndefined()
    await inTurn((lock) => journal.save({ ...operation, sending }, lock), 6)
    expect([await journal.unsettled(6), await journal.unsettled(24)]).toEqual([operation.id, undefined])
    // The attempt is remembered, but nothing is on its way any more.
    await inTurn((lock) => journal.save({ ...operation, sending: { ...sending, rows: [] } }, lock), 6)
    expect(await journal.unsettled(6)).toBeUndefined()
    const other = operationOf([], { organization: 6, id: `6-operation_${++number}`, sending })
    await journal.create(other, [])
    expect(await journal.unsettled(6)).toBe(other.id)
    // Another operation of the organization does not hide it.
    await inTurn((lock) => journal.save(operation, lock), 6)
    expect(await journal.unsettled(6)).toBe(other.id)
  })

  it('forgets what an organization had on its way with the operation', async () => {
    const { operation } = await create(undefined, { organization: 7, id: `7-operation_${++number}`, sending })
    expect(await made.journal.unsettled(7)).toBe(operation.id)
    await inTurn((lock) => made.journal.remove(operation, lock), 7)
    expect(await made.journal.unsettled(7)).toBeUndefined()
  })

  it('knows who was asked to stop, until taken up again', async () => {
    const { operation } = await create()
    const { journal } = made
    expect(await journal.cancelled(operation.id)).toBe(false)
    await journal.cancel(operation.id)
    expect(await journal.cancelled(operation.id)).toBe(true)
    const ended: Operation = { ...operation, state: 'cancelled' }
    await inTurn((lock) => journal.save(ended, lock))
    await journal.reopen(ended)
    await inTurn((lock) => journal.save({ ...operation, state: 'running' }, lock))
    expect(await journal.cancelled(operation.id)).toBe(false)
    expect(await journal.open()).toContain(operation.id)
  })

  it('tells who watches each state that is kept, and nobody else', async () => {
    const { operation } = await create()
    const { operation: other } = await create()
    const told: string[] = []
    let heard = (): void => {}
    const stop = made.journal.watch(operation.id, (now) => {
      told.push(`${now?.id === operation.id} ${now?.state}`)
      if (now?.state === 'done') heard()
    })
    const over = new Promise<void>((resolve) => {
      heard = resolve
    })
    await inTurn((lock) => made.journal.save({ ...other, state: 'done' }, lock))
    await inTurn((lock) => made.journal.save({ ...operation, state: 'done' }, lock))
    await over
    expect(new Set(told)).toEqual(new Set(told.filter((line) => line.startsWith('true'))))
    expect(told.at(-1)).toBe('true done')
    stop()
  })
}

describe('the journal of one process', () => {
  suite(async () => ({
    journal: createMemoryJournal(systemClock),
    organizationLock: createLocalOrganizationLock(systemClock),
    close: () => {},
  }))
})

describeWithRedis('the journal in Redis', () => {
  let database: TestDatabase
  const make = async ({
    url = database.url,
    clock = systemClock as Clock,
  } = {}): Promise<Made & { redis: ReturnType<typeof createRedis> }> => {
    let isReady = (): void => {}
    const ready = new Promise<void>((resolve) => {
      isReady = resolve
    })
    const redis = createRedis({
      url,
      prefix: database.prefix,
      clock: systemClock,
      report: (report) => {
        if (report.name === 'redis' && report.event === 'ready') isReady()
      },
    })
    await ready
    return {
      redis,
      journal: createRedisJournal(redis.tolerant, clock),
      organizationLock: createRedisOrganizationLock({
        redis,
        clock: systemClock,
        graceMs: 0,
        redisDataSince: 'born',
      }),
      close: redis.close,
    }
  }
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())
  suite(make)

  it('keeps nothing under a lock that has gone to another instance', async () => {
    const [one, two] = [await make(), await make()]
    const rows = rowsOf('Anna')
    const operation = operationOf(rows)
    await one.journal.create(operation, [rows])
    const context = { deadline: systemClock.now() + 10_000 }
    const lost = await one.organizationLock.withLock(24, context, async (lock) => {
      await database.client().del(`${database.prefix}ledger:{24}:turn`)
      return two.organizationLock.withLock(24, context, () =>
        one.journal.save({ ...operation, state: 'done' }, lock),
      )
    })
    expect(lost).toBe(false)
    expect((await two.journal.get(operation.id))?.state).toBe('queued')
    for (const made of [one, two]) made.close()
  })

  it('tells an instance that began to listen late how things stand', async () => {
    const [one, two] = [await make(), await make()]
    const operation = operationOf([], { id: `24-operation_${++number}` })
    await one.journal.create(operation, [])
    let stop = (): void => {}
    const told = new Promise<string | undefined>((resolve) => {
      stop = two.journal.watch(operation.id, (now) => resolve(now?.state))
    })
    // Its connection is not up yet; what is kept now is published to nobody.
    await one.organizationLock.withLock(24, { deadline: systemClock.now() + 10_000 }, (lock) =>
      one.journal.save({ ...operation, state: 'done' }, lock),
    )
    expect(await told).toBe('done')
    stop()
    for (const made of [one, two]) made.close()
  })

  for (const [what, forward, kept] of [
    ['whose answer is lost', true, 'itself'],
    ['that is lost', false, undefined],
  ] as const)
    it(`sends a record ${what} again, and it stands once`, async () => {
      const link = await startCutter(Number(new URL(database.url).port))
      const one = await make({ url: link.url })
      const operation = operationOf(rowsOf('Anna'), { id: `24-operation_${++number}` })
      const cut = link.cut((text) => text.includes(operation.id) && text.includes('"v":1'), { forward })
      const found = await one.journal.create(operation, [rowsOf('Anna')])
      await cut
      expect(found).toEqual(kept && operation)
      expect(await one.journal.get(operation.id)).toEqual(operation)
      expect(await one.journal.open()).toContain(operation.id)
      one.close()
      await link.close()
    })

  it('looks again at what is watched, for a notice that was lost and for a record that is gone', async () => {
    const clock = createClock()
    const one = await make({ clock })
    const operation = operationOf([], { id: `24-operation_${++number}` })
    await one.journal.create(operation, [])
    let tell = (_: string | undefined): void => {}
    const told = () => new Promise<string | undefined>((resolve) => (tell = resolve))
    const first = told()
    const stop = one.journal.watch(operation.id, (now) => tell(now?.state))
    await first
    const client = database.client()
    const key = `${database.prefix}ledger:{24}:operation:${operation.id}`
    for (const [state, change] of [
      ['running', () => client.set(key, JSON.stringify({ v: 1, ...operation, state: 'running' }))],
      [undefined, () => client.del(key)],
    ] as const) {
      await change()
      const next = told()
      await clock.advance(5000)
      expect(await next).toBe(state)
    }
    stop()
    one.close()
  })

  it('takes one lock at a time over all instances, and lets both in', async () => {
    const made = [await make(), await make()]
    let inside = 0
    const story: number[] = []
    const context = { deadline: systemClock.now() + 15_000 }
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        made[i % 2]?.organizationLock.withLock(42, context, async (lock) => {
          expect([++inside, lock.isHeld()]).toEqual([1, true])
          story.push(i % 2)
          await made[0]?.redis.run((client) => client.ping())
          inside--
        }),
      ),
    )
    expect(story.filter((who) => who === 0)).toHaveLength(10)
    // Neither had all its organizationLock before the other.
    expect(new Set(story.slice(0, 10)).size).toBe(2)
    for (const { close } of made) close()
  })
})
