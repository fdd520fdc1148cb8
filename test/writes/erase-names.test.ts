import { expect, it } from '@jest/globals'
import { createSystemCaller } from '../../src/access/caller.ts'
import { createEraseInOperations } from '../../src/writes/erase-names.ts'
import { createMemoryWatches } from '../../src/writes/watches.ts'
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
