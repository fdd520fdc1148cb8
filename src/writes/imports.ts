import type { Errand } from '../chathub/exchange.ts'
import { isFinal, type Operation, type Row } from './operation.ts'
import { decide, foresee, type Modes } from './row-planner.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import { newOperation, type Writing } from './new-operation.ts'

export type Imports = {
  /** Keeps every row, then begins; the rows are safe when this resolves. */
  start(organization: number, rows: Row[], modes: Modes, errand: Errand, mark: string): Promise<Operation>
  /** What would become of each row now; changes nothing. */
  preview(organization: number, rows: Row[], modes: Modes, errand: Errand): Promise<Row[]>
}

/** CSV imports: operations of the `imports` lane, which leaves room for people. */
export const createImports = (writing: Writing): Imports => {
  const { cache, journal, runner, clock } = writing
  return {
    start: async (organization, rows, modes, errand, mark) => {
      const asked = { kind: 'import', organization, mark, rows } as const
      const { operation, chunks } = newOperation(writing, errand, asked, modes)
      const known = (await journal.get(operation.id)) ?? (await journal.create(operation, chunks))
      if (!known || !isFinal(known)) void runner.run(operation.id)
      return known ?? operation
    },
    preview: async (organization, rows, modes, errand) => {
      const { copy } = await cache.read(operatorsKey(organization), errand, { notBefore: clock.now() })
      return foresee(decide(copy.value, rows, modes), modes)
    },
  }
}
