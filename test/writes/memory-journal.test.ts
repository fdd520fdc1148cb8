import { describe, expect, it } from '@jest/globals'
import { createMemoryJournal, operationKeepMs } from '../../src/writes/journal.ts'
import { countRows, type Operation } from '../../src/writes/operation.ts'
import type { HeldLock } from '../../src/writes/organization-lock.ts'
import { createClock } from '../support/clock.ts'

const lock: HeldLock = { owner: 'here', isHeld: () => true }
const big = (id: string, state: Operation['state']): Operation => ({
  id: `24-${id}`,
  kind: 'import',
  client: 'crm',
  organization: 24,
  state,
  onDuplicate: 'skip',
  onDeleted: 'report',
  total: 600_000,
  counts: countRows([]),
  next: 0,
  chunks: 0,
  startedAt: 0,
})

describe('the journal in memory', () => {
  it('keeps what is open whatever comes after it, and what has ended for a week while there is room', async () => {
    const clock = createClock()
    await clock.advance(1)
    const journal = createMemoryJournal(clock)
    const all = [big('open', 'running'), big('ended', 'done'), big('next', 'done')]
    for (const operation of all) {
      await journal.create({ ...operation, state: 'queued' }, [])
      await journal.save(operation, lock)
    }
    const kept = async () => (await Promise.all(all.map(({ id }) => journal.get(id)))).map((found) => !!found)
    expect(await kept()).toEqual([true, false, true])
    await clock.advance(operationKeepMs)
    expect(await kept()).toEqual([true, false, true])
    await clock.advance(1)
    expect(await kept()).toEqual([true, false, false])
  })
})
