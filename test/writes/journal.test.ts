import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Clock, systemClock } from '../../src/clock.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import { type JournalStore, operationKeepMs } from '../../src/writes/journal.ts'
import { createMemoryJournal } from '../../src/writes/memory-journal.ts'
import { countRows, type Operation, type Row, type Sending } from '../../src/writes/operation.ts'
import { createLocalOrganizationLock, type HeldLock } from '../../src/writes/organization-lock.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { operationOf, rowsNamed } from './operations-of.ts'
import { openRedisJournal } from './redis-journal.ts'

const dayMs = 24 * 3600 * 1000
const sending: Sending = { since: 1, chunk: 0, attempt: 1, rows: [0], baseline: [['anna', [3]]] }
const createdOf = (rows: readonly Row[]): Row[] => rows.map((row, id) => ({ ...row, outcome: 'created', id }))

/** What every journal guarantees. */
const suite = (open: () => Promise<{ journal: JournalStore; close(): void }>): void => {
  let journal: JournalStore
  let close = (): void => {}
  beforeAll(async () => {
    const opened = await open()
    journal = opened.journal
    close = opened.close
  })
  afterAll(() => close())

  const context = () => ({ deadline: systemClock.now() + 60_000 })
  const inLock = <T>(work: (lock: HeldLock) => Promise<T>, organization = 24): Promise<T> =>
    journal.withLock(`${organization}-any_operation`, context(), work)
  const known = (id: string) =>
    journal.withLock(id, context(), async (_, operation, sendingId) => ({ operation, sendingId }))
  const sendingIn = async (organization: number) => (await known(`${organization}-any_operation`)).sendingId
  const rowsIn = async (id: string, number: number) => (await journal.chunk(id, number)).rows
  const openIds = async () => (await journal.open()).map(({ id }) => id)
  const create = async (rows = rowsNamed('Anna', 'Borys'), change: Partial<Operation> = {}) => {
    const operation = operationOf(rows, change)
    await inLock((lock) => journal.create(operation, [rows], lock), operation.organization)
    return { operation, rows }
  }

  it('keeps an operation with its rows, and lists it as open', async () => {
    const { operation, rows } = await create()
    expect(await journal.get(operation.id)).toEqual(operation)
    expect(await rowsIn(operation.id, 0)).toEqual(rows)
    expect(await rowsIn(operation.id, 1)).toEqual([])
    expect(await journal.get('24-never_created')).toBeUndefined()
    expect(await openIds()).toContain(operation.id)
  })

  it('leaves an existing operation as it is and returns it', async () => {
    const { operation, rows } = await create()
    const created = createdOf(rows)
    const running: Operation = { ...operation, state: 'running', counts: countRows(created) }
    await inLock((lock) => journal.save(running, lock, { number: 0, rows: created }))
    const many = Array.from({ length: 30 }, () => rows)
    expect(await journal.create({ ...operation, chunks: 30 }, many)).toEqual(running)
    expect(await journal.get(operation.id)).toEqual(running)
    expect(await rowsIn(operation.id, 0)).toEqual(created)
    expect(await rowsIn(operation.id, 29)).toEqual([])
  })

  it('keeps the first of two operations that are created under one id at once, and returns it to the second', async () => {
    const rows = rowsNamed('Anna')
    const first = operationOf(rows)
    const second = { ...first, client: 'desk' }
    const created = await Promise.all([first, second].map((one) => journal.create(one, [rows])))
    expect(created).toEqual([undefined, first])
    expect(await journal.get(first.id)).toEqual(first)
  })

  it('keeps many rows whole and in order', async () => {
    const rows = rowsNamed(...Array.from({ length: 5000 }, (_, i) => `Row ${i}`))
    const chunks = Array.from({ length: 50 }, (_, i) => rows.slice(i * 100, (i + 1) * 100))
    const operation = operationOf(rows, { chunks: 50 })
    await journal.create(operation, chunks)
    for (const [i, chunk] of chunks.entries()) expect(await rowsIn(operation.id, i)).toEqual(chunk)
  })

  it('keeps a state and a chunk in one step, and lists a final operation no longer as open', async () => {
    const { operation, rows } = await create()
    const created = createdOf(rows)
    const done: Operation = { ...operation, state: 'done', counts: countRows(created), finishedAt: 1 }
    await inLock((lock) => journal.save(done, lock, { number: 0, rows: created }))
    expect(await journal.get(operation.id)).toEqual(done)
    expect(await rowsIn(operation.id, 0)).toEqual(created)
    expect(await openIds()).not.toContain(operation.id)
  })

  it('lists operations newest first, open and ended ones, each once, in pages', async () => {
    const made: Operation[] = []
    for (let i = 0; i < 6; i++) {
      // Two of each instant.
      const startedAt = 1_600_000_000_000 + Math.floor(i / 2)
      const { operation, rows } = await create(rowsNamed('Anna'), { organization: 77, startedAt })
      if (i % 3 > 0) await inLock((lock) => journal.save({ ...operation, state: 'done' }, lock), 77)
      made.push({ ...operation, counts: countRows(rows) })
    }
    const reopened = made[1] as Operation
    await journal.reopen(reopened)
    const listed: string[] = []
    for (let before: { id: string; startedAt: number } | undefined; ; ) {
      const page = await journal.listed(before, 4)
      listed.push(...page.map(({ id }) => id).filter((id) => id.startsWith('77-')))
      before = page.at(-1)
      if (page.length < 4) break
    }
    const order = (a: Operation, b: Operation) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1)
    expect(listed).toEqual(made.toSorted(order).map(({ id }) => id))
  })

  it('forgets a removed operation and refuses later states of it', async () => {
    const { operation } = await create(undefined, { organization: 7, sending })
    expect(await sendingIn(7)).toBe(operation.id)
    await inLock((lock) => journal.remove(operation, lock), 7)
    await expect(inLock((lock) => journal.save(operation, lock), 7)).rejects.toMatchObject({
      code: 'queue.full',
    })
    expect(await journal.get(operation.id)).toBeUndefined()
    expect(await openIds()).not.toContain(operation.id)
    expect(await sendingIn(7)).toBeUndefined()
  })

  it('gives with the lock the operation of the organization that has rows in flight', async () => {
    const { operation } = await create(undefined, { organization: 6 })
    expect(await sendingIn(6)).toBeUndefined()
    await inLock((lock) => journal.save({ ...operation, sending }, lock), 6)
    expect([await sendingIn(6), await sendingIn(24)]).toEqual([operation.id, undefined])
    // The attempt is remembered, but no row is in flight.
    await inLock((lock) => journal.save({ ...operation, sending: { ...sending, rows: [] } }, lock), 6)
    expect(await sendingIn(6)).toBeUndefined()
    const { operation: other } = await create([], { organization: 6, sending })
    expect(await sendingIn(6)).toBe(other.id)
    // Another operation of the organization does not hide it.
    await inLock((lock) => journal.save(operation, lock), 6)
    expect(await sendingIn(6)).toBe(other.id)
  })

  it('gives with the lock the state of the requested operation', async () => {
    const { operation } = await create()
    expect(await known(operation.id)).toEqual({ operation, sendingId: undefined })
    expect((await known('24-never_created')).operation).toBeUndefined()
  })

  it('remembers a request to cancel until the operation is reopened', async () => {
    const { operation } = await create()
    expect(await journal.isCancelled(operation.id)).toBe(false)
    await journal.cancel(operation.id)
    expect(await journal.isCancelled(operation.id)).toBe(true)
    const final: Operation = { ...operation, state: 'cancelled' }
    await inLock((lock) => journal.save(final, lock))
    await journal.reopen(final)
    await inLock((lock) => journal.save({ ...operation, state: 'running' }, lock))
    expect(await journal.isCancelled(operation.id)).toBe(false)
    expect(await openIds()).toContain(operation.id)
  })
}

describe('the journal of one process', () => {
  const createJournal = (clock: Clock, bytesMax?: number): JournalStore =>
    createMemoryJournal({
      clock,
      lock: createLocalOrganizationLock(clock),
      quotas: unlimited,
      rowsKeepMs: dayMs,
      ...(bytesMax && { bytesMax }),
    })
  suite(async () => ({ journal: createJournal(systemClock), close: () => {} }))

  it('always keeps open operations, and ended ones for a week while there is room', async () => {
    const clock = createClock()
    await clock.advance(1)
    const journal = createJournal(clock, 17_000)
    // Random names hardly compress.
    const rows = rowsNamed(...Array.from({ length: 50 }, () => randomBytes(75).toString('base64')))
    const big = (state: Operation['state']) => operationOf(rows, { state })
    const all = [big('running'), big('done'), big('done')]
    const lock: HeldLock = { owner: 'here', isHeld: () => true }
    for (const operation of all) {
      await journal.create({ ...operation, state: 'queued' }, [rows])
      await journal.save(operation, lock)
    }
    const kept = async () => (await Promise.all(all.map(({ id }) => journal.get(id)))).map(Boolean)
    expect(await kept()).toEqual([true, false, true])
    await clock.advance(operationKeepMs)
    expect(await kept()).toEqual([true, false, true])
    await clock.advance(1)
    expect(await kept()).toEqual([true, false, false])
  })
})

describeWithRedis('the journal in Redis', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())
  suite(() => openRedisJournal(database))
})
