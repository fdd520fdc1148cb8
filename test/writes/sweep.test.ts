import { describe, expect, it } from '@jest/globals'
import { unlimited } from '../../src/redis/quotas.ts'
import { createJournal, operationKeepMs } from '../../src/writes/journal.ts'
import { createMemoryJournal } from '../../src/writes/memory-journal.ts'
import type { Operation } from '../../src/writes/operation.ts'
import { createLocalOrganizationLock } from '../../src/writes/organization-lock.ts'
import { sweep } from '../../src/writes/writes.ts'
import { createClock, settle } from '../support/clock.ts'
import { operationOf } from './operations-of.ts'
import { createHarness } from './writes-harness.ts'

const start = async (...operations: Operation[]) => {
  const clock = createClock()
  const store = createMemoryJournal({
    clock,
    lock: createLocalOrganizationLock(clock),
    quotas: unlimited,
    rowsKeepMs: operationKeepMs,
  })
  const journal = createJournal(
    store,
    clock,
    () => {},
    async () => {},
  )
  for (const operation of operations) await journal.create(operation, [])
  const taken: string[] = []
  const run = async (id: string): Promise<undefined> => void taken.push(id)
  const stop = sweep(journal, { run }, clock)
  await settle()
  return { clock, taken, stop }
}

describe('the sweep', () => {
  it('runs a queued operation at once', async () => {
    const operation = operationOf([], { state: 'queued', startedAt: createClock().wall() })
    const { taken, stop } = await start(operation)
    expect(taken).toEqual([operation.id])
    stop()
  })

  it('runs an operation whose instance must have stopped, even if the clock of that instance was ahead', async () => {
    const startedAt = createClock().wall() + 3_600_000
    const operation = operationOf([], { state: 'running', startedAt })
    const { clock, taken, stop } = await start(operation)
    await clock.advance(19_000)
    expect(taken).toEqual([])
    await clock.advance(8000)
    expect(taken).toContain(operation.id)
    stop()
  })

  it('begins anew only when the one before has read all that is open', async () => {
    const clock = createClock()
    const { journal } = createHarness()
    let reading = 0
    const open = (): Promise<Operation[]> => {
      reading++
      return new Promise(() => {})
    }
    const stop = sweep({ ...journal, open }, { run: async () => undefined }, clock)
    await clock.advance(60_000)
    stop()
    expect(reading).toBe(1)
  })

  it('runs nothing after it was ended', async () => {
    const operation = operationOf([], { state: 'running', startedAt: createClock().wall() })
    const { clock, taken, stop } = await start(operation)
    stop()
    await clock.advance(100_000)
    expect(taken).toEqual([])
    expect(clock.pending()).toBe(0)
  })
})
