import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import { newOperation, type WriteDependencies } from './new-operation.ts'
import { isFinal, type Operation, type Row } from './operation.ts'
import { type Modes, planRows, previewRows } from './row-planner.ts'

type ImportRequest = Modes & { rows: Row[] }

/** @throws Failure `organization.unknown` when the caller may not touch the organization */
export type Imports = {
  /** Keeps every row, then begins; the rows are safe when this resolves. */
  start(
    caller: Caller,
    organization: number,
    request: ImportRequest,
    context: CallContext,
    requestKey: string,
  ): Promise<Operation>
  /** What would become of each row now; changes nothing. */
  preview(caller: Caller, organization: number, request: ImportRequest, context: CallContext): Promise<Row[]>
}

/** CSV imports: operations of the `imports` lane, which leaves room for people. */
export const createImports = (writing: WriteDependencies): Imports => {
  const { cache, journal, runner, clock } = writing
  return {
    start: async (caller, organization, { rows, ...modes }, context, requestKey) => {
      authorize(caller, { organization })
      const asked = { kind: 'import', organization, requestKey, rows } as const
      const { operation, chunks } = newOperation(writing, context, asked, modes)
      const known = (await journal.get(operation.id)) ?? (await journal.create(operation, chunks))
      if (!known || !isFinal(known)) void runner.run(operation.id)
      return known ?? operation
    },
    preview: async (caller, organization, { rows, ...modes }, context) => {
      authorize(caller, { organization })
      const { copy } = await cache.read(operatorsKey(organization), context, { notBefore: clock.now() })
      return previewRows(planRows(copy.value, rows, modes), modes)
    },
  }
}
