import { describe, expect, it } from '@jest/globals'
import { createSystemCaller } from '../../src/access/caller.ts'
import type { Report } from '../../src/report.ts'
import { rowsOf } from '../../src/writes/journal.ts'
import type { Operation } from '../../src/writes/operation.ts'
import { createHarness, unsent } from './writes-harness.ts'

const minute = 60_000
const settleMs = 10_000

/** An add of these names whose request was not found, so that it was sent again. It is final. */
const setUp = async (names: string[] = ['Anna'], windowMs = 60 * minute) => {
  const harness = createHarness({ settleMs, windowMs })
  harness.failNext(unsent)
  const writing = harness.add(names)
  await harness.pass(90_000)
  await writing
  const [operation] = await Promise.all(
    (await harness.watches.all()).map(({ operation: id }) => harness.journal.get(id)),
  )
  const rows = async () =>
    (await rowsOf(harness.journal, operation as Operation)).map(({ outcome, id, reason, duplicates }) =>
      [outcome, id, reason, ...(duplicates ?? [])].join(' '),
    )
  const state = async () => (await harness.journal.get((operation as Operation).id)) as Operation
  const lists = () => harness.calls.filter((call) => call === 'list').length
  const found = () => harness.reports.filter(({ name }: Report) => name === 'late-write')
  harness.late.start()
  return { ...harness, operation: operation as Operation, rows, state, lists, found }
}

describe('a request that was not found', () => {
  it('ends as done, and its names are watched further', async () => {
    const { operation, rows, watches } = await setUp(['Anna', 'Borys'])
    expect([operation.state, operation.finishedAt]).toEqual(['done', expect.any(Number)])
    expect(await rows()).toEqual(['created 1 ', 'created 2 '])
    expect((await watches.all()).map(({ names }) => names)).toEqual([
      [
        ['anna', [1]],
        ['borys', [2]],
      ],
    ])
  })

  it('is not taken for an operator that the gateway adds later under one of its names', async () => {
    const { add, pass, found } = await setUp(['Anna', 'Borys'])
    await add(['Anna'], { onDuplicate: 'allow' })
    await pass(60 * minute)
    expect(found()).toEqual([])
  })

  it('is marked when ChatHub applies it late: the row has the second operator, and the counts stay', async () => {
    const { addBeside, pass, rows, state, operation, found, late, changes } = await setUp(['Anna', 'Borys'])
    addBeside('anna')
    await pass(60 * minute)
    expect(changes.at(-1)).toMatchObject({
      operation: operation.id,
      changes: [{ kind: 'added', operator: { id: 3 }, outcome: 'applied', reason: 'doubled' }],
    })
    expect(await rows()).toEqual(['created 1 doubled 3', 'created 2 '])
    const marked = await state()
    expect(marked).toMatchObject({
      state: 'needsReview',
      counts: operation.counts,
      finishedAt: operation.finishedAt,
      detail: 'ChatHub applied a request long after it was given up: 1 name exists twice.',
    })
    expect(found()).toEqual([{ name: 'late-write', organization: 24, operation: operation.id, operators: 1 }])
    expect(late.lateOperators(createSystemCaller(), 24)).toEqual([3])
  })

  it('keeps its rows for a repetition of the request, although it needs review', async () => {
    const { add, addBeside, pass, operation } = await setUp()
    addBeside('Anna')
    await pass(60 * minute)
    const repeated = await add(['Anna'], { requestKey: operation.id.slice('24-'.length) })
    expect(repeated).toMatchObject({
      operation: { id: operation.id, state: 'needsReview' },
      rows: [{ outcome: 'created', id: 1 }],
    })
  })

  it('is noticed at once in a list that is loaded for another reason', async () => {
    const { addBeside, rows, late, cache, clock, context } = await setUp()
    addBeside('Anna')
    await clock.advance(5000)
    const { copy } = await cache.read('operators:24', context(), { notBefore: clock.now() })
    late.loaded(copy.value, copy.askedAt)
    await clock.advance(0)
    expect(await rows()).toEqual(['created 1 doubled 2'])
  })

  it('costs a few lists at growing distances, and none after the window', async () => {
    const { lists, pass, watches } = await setUp()
    const before = lists()
    await pass(61 * minute)
    // After 150, 450, 1350 and 3600 seconds.
    expect(lists() - before).toBe(4)
    expect(await watches.all()).toEqual([])
    await pass(120 * minute)
    expect(lists() - before).toBe(4)
  })

  it('is found until the last second of the window, and not looked for afterwards', async () => {
    const last = await setUp(['Anna'], 10 * minute)
    await last.pass(8 * minute)
    last.addBeside('Anna')
    await last.pass(2 * minute)
    expect(await last.rows()).toEqual(['created 1 doubled 2'])
    const after = await setUp(['Anna'], 10 * minute)
    await after.pass(11 * minute)
    after.addBeside('Anna')
    await after.pass(120 * minute)
    expect(await after.rows()).toEqual(['created 1 '])
  })

  it('is not seen in operators that the gateway adds itself, in whatever mode', async () => {
    const { add, pass, rows, found, people } = await setUp()
    const writing = add(['ANNA', 'anna'], { onDuplicate: 'allow' })
    await pass(1000)
    await writing
    expect(people()).toHaveLength(3)
    await pass(60 * minute)
    expect([await rows(), found()]).toEqual([['created 1 '], []])
  })

  it('is not seen in an operator whose own request is in doubt at the time', async () => {
    const { add, pass, found, failNext, hold } = await setUp()
    failNext({ ...unsent, applied: true })
    const release = hold()
    const writing = add(['Anna'], { onDuplicate: 'allow' })
    await pass(1000)
    release()
    await pass(60 * minute)
    await writing
    expect(found()).toEqual([])
  })
})

describe('a row that ended in doubt', () => {
  it('becomes created when ChatHub applies a request after all', async () => {
    const harness = createHarness({ settleMs })
    harness.failNext(unsent, unsent, unsent)
    const writing = harness.add(['Anna'])
    await harness.pass(150_000)
    const result = await writing
    const { id } = (result as { operation: Operation }).operation
    const now = async () => {
      const operation = (await harness.journal.get(id)) as Operation
      const [row] = await rowsOf(harness.journal, operation)
      const { created, unknown } = operation.counts
      return { state: operation.state, created, unknown, row: [row?.outcome, row?.id, row?.reason] }
    }
    expect(await now()).toEqual({
      state: 'needsReview',
      created: 0,
      unknown: 1,
      row: ['unknown', undefined, undefined],
    })
    harness.late.start()
    harness.addBeside('Anna')
    await harness.pass(60 * minute)
    expect(await now()).toEqual({ state: 'needsReview', created: 1, unknown: 0, row: ['created', 1, 'late'] })
  })
})
