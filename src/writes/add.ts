import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type AddOperators, type AddResult, type Outcome, outcomes } from '../contract/operator.ts'
import type { Organizations } from '../lists/organizations.ts'
import { askedBy, type NewWrite, type Operation, type Row } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'

/**
 * A write for a caller: done, or an operation that goes on or needs review. The latter has outcomes if each row has one.
 * Repetitions of a request carry the same `requestKey`.
 * @throws Failure `organization.unknown`, and what kept it from being sent
 */
export type Write<Request, Done> = Begin<Request, { done: Done } | { operation: Operation; done?: Done }>
type Begin<Request, Result> = (
  caller: Caller,
  organization: number,
  request: Request,
  context: CallContext,
  requestKey: string,
) => Promise<Result>

/**
 * Adds operators to one organization. Names are compared within the body, and with a list that is fetched after the request
 * came. @throws Failure `operator.duplicate` (mode `fail`)
 */
export type Add = Write<AddOperators & { kind?: 'add' | 'onboard' }, AddResult>

export const createAdd =
  (writer: OperationWriter): Add =>
  async (caller, organization, request, context, requestKey) => {
    authorize(caller, { organization })
    const { kind = 'add', onDuplicate, onDeleted, operators, dryRun } = request
    const rows = operators.map(({ name }, index): Row => ({ index, name, outcome: 'pending' }))
    const asked = askedBy(caller, context)
    const write = { kind, ...asked, organization, requestKey, rows, onDuplicate, onDeleted }
    if (dryRun) return { done: summarize(await writer.preview(write, context)) }
    const result = await writer.write(write, context)
    if (!('operation' in result)) return { done: { ...summarize(result.rows), operation: result.id } }
    const { operation, rows: ended } = result
    return { operation, ...(ended && { done: { ...summarize(ended), operation: operation.id } }) }
  }

const summarize = (rows: readonly Row[]): AddResult => {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  const results = rows.map(({ index, name = '', id, ...row }) => {
    const outcome = row.outcome as Outcome
    counts[outcome]++
    return { index, name, outcome, id }
  })
  return { results, ...counts }
}

type ImportRequest = Pick<NewWrite, 'rows' | 'onDuplicate' | 'onDeleted'>

/** CSV imports: operations of the `imports` lane, which people and writes go before. @throws Failure `organization.unknown` */
export type Imports = {
  /** Begins an import. Its rows are kept when this resolves. */
  start: Begin<ImportRequest, Operation>
  /** The outcome of each row if it were written now. Changes nothing. */
  preview(caller: Caller, organization: number, request: ImportRequest, context: CallContext): Promise<Row[]>
}

export const createImports = (writer: OperationWriter, organizations: Organizations): Imports => ({
  start: async (caller, organization, request, context, requestKey) => {
    authorize(caller, { organization })
    await organizations.get(caller, organization, context)
    const asked = askedBy(caller, context)
    return writer.enqueue({ ...request, ...asked, kind: 'import', organization, requestKey })
  },
  preview: async (caller, organization, request, context) => {
    authorize(caller, { organization })
    const asked = askedBy(caller, context)
    return writer.preview({ ...request, ...asked, kind: 'import', organization, requestKey: '' }, context)
  },
})
