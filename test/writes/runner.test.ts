import { getMaxListeners } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { rowsOf } from '../../src/writes/journal.ts'
import type { Operation } from '../../src/writes/operation.ts'
import { createOperationWriter } from '../../src/writes/operation-writer.ts'
import { createRunner } from '../../src/writes/runner.ts'
import { settle } from '../support/clock.ts'
import { createHarness, lost, unavailable, unsent } from './writes-harness.ts'

const settleMs = 10_000
const harnessOf = (batchSize = 1) => createHarness({ batchSize, settleMs })
type Harness = ReturnType<typeof harnessOf>

const importOf = ({ writer, writeOf }: Harness, ...names: string[]): Promise<Operation> =>
  writer.enqueue(writeOf(names, { kind: 'import' }))
const outcomesNow = async ({ journal }: Harness, { id }: Operation): Promise<string[]> => {
  const operation = (await journal.get(id)) as Operation
  return [operation.state, ...(await rowsOf(journal, operation)).map(({ outcome }) => outcome)]
}
const namesNow = ({ people }: Harness): string[] => people().map(({ name }) => name)
/** A second instance of the gateway on the same journal. */
const secondRunner = ({ chathub, cache, journal, clock, late }: Harness) =>
  createRunner({ chathub, cache, journal, clock, settleMs, late })

describe('an operation', () => {
  it('is carried out chunk by chunk to its end', async () => {
    const harness = harnessOf(2)
    const operation = await importOf(harness, 'A', 'B', 'C', 'a', 'E')
    await harness.ended(operation)
    expect(harness.calls).toEqual(['list', 'add A,B', 'add C', 'add E'])
    expect(await outcomesNow(harness, operation)).toEqual([
      'done',
      'created',
      'created',
      'created',
      'exists',
      'created',
    ])
  })

  it('lets other writes in between two chunks', async () => {
    const harness = harnessOf()
    const release = harness.hold()
    const operation = await importOf(harness, 'A', 'B', 'C')
    await settle()
    const other = harness.add(['X'])
    release()
    await other
    await harness.ended(operation)
    expect(harness.calls.filter((call) => call.startsWith('add'))).toEqual([
      'add A',
      'add X',
      'add B',
      'add C',
    ])
  })

  it('makes ten changes of status under one lock, and then lets others in', async () => {
    const harness = harnessOf(100)
    harness.setPeople(...Array.from({ length: 13 }, (_, i) => `P${i}`))
    const rows = harness.people().map(({ id }, index) => ({ index, id, outcome: 'pending' as const }))
    const release = harness.hold()
    const write = harness.writeOf([], { kind: 'setStatus', status: 'inactive', rows })
    const operation = await harness.writer.enqueue(write)
    await settle()
    const other = harness.add(['X'])
    release()
    await other
    await harness.ended(operation)
    expect(harness.calls.indexOf('add X')).toBe(harness.calls.indexOf('set 10 inactive') + 1)
    expect(harness.people().filter(({ status }) => status === 'inactive')).toHaveLength(13)
  })

  it('sees operators that were added in ChatHub itself, once its list is five seconds old', async () => {
    const harness = harnessOf()
    const release = harness.hold()
    const operation = await importOf(harness, 'A', 'B')
    await settle()
    harness.addBeside('B')
    await harness.pass(5000)
    release()
    await harness.ended(operation)
    expect(await outcomesNow(harness, operation)).toEqual(['done', 'created', 'exists'])
  })

  it('stops before its next chunk when it is cancelled', async () => {
    const harness = harnessOf()
    const release = harness.hold()
    const operation = await importOf(harness, 'A', 'B')
    await settle()
    await harness.journal.cancel(operation.id)
    release()
    await harness.ended(operation)
    expect(await outcomesNow(harness, operation)).toEqual(['cancelled', 'created', 'pending'])
  })

  it('reports each outcome once', async () => {
    const harness = harnessOf()
    harness.setPeople('B')
    await harness.ended(await importOf(harness, 'A', 'B', 'C'))
    const counts: Record<string, number> = {}
    for (const report of harness.reports)
      if (report.name === 'write') counts[report.outcome] = (counts[report.outcome] ?? 0) + report.rows
    expect(counts).toEqual({ created: 2, exists: 1 })
  })
})

describe('a request without an answer', () => {
  it('that was applied is found and not repeated', async () => {
    const harness = harnessOf()
    harness.failNext(lost)
    const operation = await importOf(harness, 'A', 'B')
    await harness.pass(settleMs)
    await harness.ended(operation)
    expect(await outcomesNow(harness, operation)).toEqual(['done', 'created', 'created'])
    expect(namesNow(harness)).toEqual(['A', 'B'])
  })

  it('that is proven absent is repeated, and duplicates are looked for after six settling times', async () => {
    const harness = harnessOf()
    harness.failNext(unsent)
    const operation = await importOf(harness, 'A')
    await harness.pass(settleMs)
    expect(namesNow(harness)).toEqual(['A'])
    await harness.pass(5 * settleMs - 1)
    expect(await outcomesNow(harness, operation)).toEqual(['running', 'created'])
    await harness.pass(1)
    expect(await outcomesNow(harness, operation)).toEqual(['done', 'created'])
  })

  it('that ChatHub applied late marks the name and asks for a review', async () => {
    const harness = harnessOf()
    harness.failNext(unsent)
    const operation = await importOf(harness, 'A', 'B')
    await harness.pass(settleMs)
    harness.addBeside('A')
    await harness.pass(5 * settleMs)
    await harness.ended(operation)
    expect(await outcomesNow(harness, operation)).toEqual(['needsReview', 'created', 'created'])
    expect((await harness.journal.get(operation.id))?.detail).toContain('1 name exists twice')
  })

  it('that is absent three times leaves its rows unknown', async () => {
    const harness = harnessOf()
    harness.failNext(unsent, unsent, unsent)
    const operation = await importOf(harness, 'A', 'B')
    await harness.pass(3 * settleMs)
    expect(namesNow(harness)).toEqual(['B'])
    await harness.pass(6 * settleMs)
    await harness.ended(operation)
    expect(await outcomesNow(harness, operation)).toEqual(['needsReview', 'unknown', 'created'])
  })
})

describe('an operation without ChatHub', () => {
  it('goes on when ChatHub is back', async () => {
    const harness = harnessOf()
    harness.failNext(unavailable, unavailable)
    const operation = await importOf(harness, 'A', 'B')
    await harness.pass(5000)
    await harness.ended(operation)
    expect(await outcomesNow(harness, operation)).toEqual(['done', 'created', 'created'])
  })

  it('ends after ten minutes with its unsent rows rejected', async () => {
    const harness = harnessOf()
    const operation = await importOf(harness, 'A', 'B')
    harness.failNext(...Array.from({ length: 700 }, () => unavailable))
    await harness.pass(610_000)
    await harness.ended(operation)
    expect(await outcomesNow(harness, operation)).toEqual(['needsReview', 'rejected', 'rejected'])
    expect(await harness.journal.open()).toEqual([])
  })
})

describe('a write behind an earlier one in doubt', () => {
  /** The longest that each list was waited for, in ms from now. */
  const watchLists = ({ cache, clock }: Harness): number[] => {
    const waits: number[] = []
    const { read } = cache
    cache.read = (key, context, options) => {
      waits.push(context.deadline - clock.now())
      return read(key, context, options)
    }
    return waits
  }

  /** A write at another instance. The one that made the earlier write has stopped. */
  const addElsewhere = async (harness: Harness): Promise<unknown> => {
    await harness.runner.stop()
    const { cache, journal, clock, writeOf, context } = harness
    const runner = secondRunner(harness)
    const writer = createOperationWriter({
      cache,
      journal,
      runner,
      storage: { withRoom: (_, work) => work() },
      clock,
      batchSize: 1,
    })
    return writer.write(writeOf(['X']), context(settleMs + 2000))
  }

  it('waits for the list that decides the earlier one no longer than its caller', async () => {
    const harness = harnessOf()
    harness.failNext(lost)
    await importOf(harness, 'A')
    await settle()
    const waits = watchLists(harness)
    const adding = addElsewhere(harness)
    await harness.pass(settleMs)
    expect(await adding).toMatchObject({ rows: [{ name: 'X', outcome: 'created' }] })
    expect(waits.length).toBeGreaterThan(1)
    expect(Math.max(...waits)).toBeLessThanOrEqual(settleMs + 2000)
  })

  it('waits no longer for the lists with which an earlier change of status is made again', async () => {
    const harness = harnessOf()
    harness.setPeople('A', 'B')
    harness.failNext(unsent)
    void harness.setStatus(1, 'inactive')
    await settle()
    const waits = watchLists(harness)
    const adding = addElsewhere(harness)
    await harness.pass(settleMs)
    expect(await adding).toMatchObject({ rows: [{ name: 'X', outcome: 'created' }] })
    expect(waits.length).toBeGreaterThan(2)
    expect(Math.max(...waits)).toBeLessThanOrEqual(settleMs + 2000)
    expect(harness.people()[0]?.status).toBe('inactive')
  })
})

describe('a runner that stops', () => {
  it('finishes the running chunk, and another instance goes on from there', async () => {
    const harness = harnessOf()
    const release = harness.hold()
    const operation = await importOf(harness, 'A', 'B', 'C')
    await settle()
    let isStopped = false
    const stopping = harness.runner.stop().then(() => {
      isStopped = true
    })
    await settle()
    expect(isStopped).toBe(false)
    release()
    await stopping
    expect(await outcomesNow(harness, operation)).toEqual(['running', 'created', 'pending', 'pending'])
    expect(await harness.runner.run(operation.id)).toBeUndefined()
    expect((await secondRunner(harness).run(operation.id))?.state).toBe('done')
    expect(namesNow(harness)).toEqual(['A', 'B', 'C'])
  })

  it('does not wait for the settling time: another instance reconciles', async () => {
    const harness = harnessOf()
    harness.failNext(lost)
    const operation = await importOf(harness, 'A', 'B')
    await settle()
    await harness.runner.stop()
    const now = await harness.journal.get(operation.id)
    expect([now?.state, now?.sending?.rows]).toEqual(['running', [0]])
    const ended = secondRunner(harness).run(operation.id)
    await harness.pass(settleMs)
    expect((await ended)?.state).toBe('done')
    expect(namesNow(harness)).toEqual(['A', 'B'])
  })

  it('stops any number of waiting operations by one signal, without a warning of Node', async () => {
    const { chathub, cache, journal, clock, late, ...harness } = harnessOf()
    let signal: AbortSignal | undefined
    const watched: typeof journal = {
      ...journal,
      withLock: (id, context, work) => {
        signal = context.signal
        return journal.withLock(id, context, work)
      },
    }
    const runner = createRunner({ chathub, cache, journal: watched, clock, settleMs, late })
    const operation = await importOf({ chathub, cache, journal, clock, late, ...harness }, 'A')
    await runner.run(operation.id)
    // Node warns of a leak at the eleventh listener, unless told that there is no limit.
    expect(getMaxListeners(signal as AbortSignal)).toBe(Number.POSITIVE_INFINITY)
  })

  it('finishes a write that a caller waits for', async () => {
    const harness = harnessOf()
    const release = harness.hold()
    const adding = harness.add(['A'])
    await settle()
    const stopping = harness.runner.stop()
    release()
    await stopping
    expect(await adding).toMatchObject({ rows: [{ name: 'A', outcome: 'created' }] })
  })
})
