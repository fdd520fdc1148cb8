import { expect, it } from '@jest/globals'
import { createSystemCaller } from '../../src/access/caller.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import { createEraseInOperations } from '../../src/writes/erase-names.ts'
import { createJournal } from '../../src/writes/journal.ts'
import { createMemoryJournal } from '../../src/writes/memory-journal.ts'
import { createLocalOrganizationLock } from '../../src/writes/organization-lock.ts'
import { createMemoryWatches } from '../../src/writes/watches.ts'
import { createClock } from '../support/clock.ts'
import { operationOf, rowsNamed } from './operations-of.ts'
import { createHarness } from './writes-harness.ts'

const caller = createSystemCaller()

it('an erased name is watched for late requests no more, unless its operation still runs', async () => {
  const { journal, clock } = createHarness()
  const watches = createMemoryWatches(clock)
  const rows = rowsNamed('Anna')
  const [ended, running] = [operationOf(rows, { state: 'needsReview' }), operationOf(rows)]
  for (const { id } of [ended, running]) {
    const names: [string, number[]][] = [
      ['anna', [7]],
      ['borys', []],
    ]
    await watches.put({ operation: id, since: 0, lookedAt: 0, names, late: [] })
  }
  await journal.create(running, [rows])
  const erase = createEraseInOperations(journal, watches, clock)
  const name = { operator: 7, names: new Set(['anna']) }
  expect(await erase(caller, 24, name)).toEqual({ rows: 0, running: [running.id] })
  const watched = (await watches.of(24)).map(({ operation, names }) => [operation, names.map(([one]) => one)])
  expect(watched.toSorted()).toEqual([
    [ended.id, ['borys']],
    [running.id, ['anna', 'borys']],
  ])
})

it('a name is erased although the rows of an older operation are not kept any more', async () => {
  const clock = createClock()
  const lock = createLocalOrganizationLock(clock)
  const store = createMemoryJournal({ clock, lock, quotas: unlimited, rowsKeepMs: 1000 })
  const journal = createJournal(
    store,
    clock,
    () => {},
    async () => {},
  )
  const rows = rowsNamed('Anna')
  const baseline: [string, number[]][] = [
    ['anna', [7]],
    ['borys', []],
  ]
  const givenUp = { since: 1, chunk: 0, attempt: 3, rows: [0], baseline }
  const released = operationOf(rows, { state: 'needsReview', givenUp })
  await journal.create(released, [rows])
  await clock.advance(1001)
  expect(await journal.chunk(released, 0)).toEqual([])
  const erase = createEraseInOperations(journal, createMemoryWatches(clock), clock)
  const name = { operator: 7, names: new Set(['anna']) }
  expect(await erase(caller, 24, name)).toEqual({ rows: 0, running: [] })
  expect((await journal.get(released.id))?.givenUp?.baseline).toEqual([['borys', []]])
})
