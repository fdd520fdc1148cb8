import type { Cache } from '../cache/cache.ts'
import type { Errand } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { Journal } from '../ledger/journal.ts'
import type { Operation, Row } from '../ledger/operation.ts'
import { decide, foresee, type Modes } from './decide.ts'
import { operatorsKey } from './list.ts'
import type { Roster } from './roster.ts'
import type { Runner } from './run.ts'
import { chunksOf, newOperation, operationId } from './written.ts'

export type Imports = {
  /** Keeps every row, then begins; the rows are safe when this resolves. */
  start(organization: number, rows: Row[], modes: Modes, errand: Errand, mark: string): Promise<Operation>
  /** What would become of each row now; changes nothing. */
  preview(organization: number, rows: Row[], modes: Modes, errand: Errand): Promise<Row[]>
}

/** CSV imports: operations of the `imports` lane, which leaves room for people. */
export const createImports = (options: {
  cache: Cache<Roster>
  journal: Journal
  runner: Runner
  clock: Clock
  batchSize: number
}): Imports => {
  const { cache, journal, runner, clock, batchSize } = options
  return {
    start: async (organization, rows, modes, errand, mark) => {
      const chunks = chunksOf(rows, batchSize)
      const known = await journal.get(operationId(organization, mark))
      if (known) return known
      const operation = newOperation(
        operationId(organization, mark),
        'import',
        organization,
        errand.client,
        rows,
        chunks.length,
        modes,
        clock.wall(),
      )
      const kept = await journal.create(operation, chunks)
      void runner.run(operation.id)
      return kept ?? operation
    },
    preview: async (organization, rows, modes, errand) => {
      const { copy } = await cache.read(operatorsKey(organization), errand, { notBefore: clock.now() })
      return foresee(decide(copy.value, rows, modes), modes)
    },
  }
}
