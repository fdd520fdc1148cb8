import type { CallContext } from '../chathub/exchange.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import { newOperation, type WriteDependencies } from './new-operation.ts'
import { isFinal, type Operation, type Row } from './operation.ts'
import { type Modes, planRows, previewRows } from './row-planner.ts'

export type Imports = {
  /** Keeps every row, then begins; the rows are safe when this resolves. */
  start(
    organization: number,
    rows: Row[],
    modes: Modes,
    context: CallContext,
    requestKey: string,
  ): Promise<Operation>
  /** What would become of each row now; changes nothing. */
  preview(organization: number, rows: Row[], modes: Modes, context: CallContext): Promise<Row[]>
}

/** CSV imports: operations of the `imports` lane, which leaves room for people. */
export const createImports = (writing: WriteDependencies): Imports => {
  const { cache, journal, runner, clock } = writing
  return {
    start: async (organization, rows, modes, context, requestKey) => {
      const asked = { kind: 'import', organization, requestKey, rows } as const
      const { operation, chunks } = newOperation(writing, context, asked, modes)
      const known = (await journal.get(operation.id)) ?? (await journal.create(operation, chunks))
      if (!known || !isFinal(known)) void runner.run(operation.id)
      return known ?? operation
    },
    preview: async (organization, rows, modes, context) => {
      const { copy } = await cache.read(operatorsKey(organization), context, { notBefore: clock.now() })
      return previewRows(planRows(copy.value, rows, modes), modes)
    },
  }
}
