import { describe, expect, it } from '@jest/globals'
import { createMemoryJournal } from '../../src/writes/journal.ts'
import { countRows, type Operation } from '../../src/writes/operation.ts'
import { createReconciler } from '../../src/writes/reconciler.ts'
import { createClock } from '../support/clock.ts'

const operation = (since: number): Operation => ({
  id: '24-operation_1',
  kind: 'add',
  client: 'crm',
  organization: 24,
  state: 'running',
  onDuplicate: 'skip',
  onDeleted: 'report',
  total: 1,
  counts: countRows([]),
  next: 0,
  chunks: 1,
  startedAt: since,
  sending: { since, chunk: 0, attempt: 1, rows: [0], baseline: {} },
})

describe('what somebody else left on its way', () => {
  it('is settled a settling time after it was first seen here, whatever the clock of its sender said', async () => {
    const clock = createClock()
    const journal = createMemoryJournal(clock)
    const reconciler = createReconciler({
      cache: {} as never,
      writer: {} as never,
      journal,
      clock,
      settleMs: 60_000,
    })
    const [behind, ahead] = [operation(clock.wall() - 3_600_000), operation(clock.wall() + 3_600_000)]
    expect([reconciler.dueIn(behind), reconciler.dueIn(ahead)]).toEqual([60_000, 60_000])
    await clock.advance(40_000)
    expect([reconciler.dueIn(behind), reconciler.dueIn(ahead)]).toEqual([20_000, 20_000])
    clock.jumpWall(-3_600_000)
    await clock.advance(20_000)
    expect([reconciler.dueIn(behind), reconciler.dueIn(ahead)]).toEqual([0, 0])
    // Another sending of the same rows has its own time.
    expect(reconciler.dueIn(operation(clock.wall()))).toBe(60_000)
  })
})
