import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type AddOperators, type AddResult, type Outcome, outcomes } from '../contract/operator.ts'
import { Failure, type Fault } from '../errors.ts'
import type { Operation, Row } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'

/**
 * A write for a caller: done, or an operation that goes on. Repetitions of a request carry the same `requestKey`.
 * @throws Failure `organization.unknown`, and what kept it from being sent
 */
export type Write<Request, Done> = (
  caller: Caller,
  organization: number,
  request: Request,
  context: CallContext,
  requestKey: string,
) => Promise<{ done: Done } | { operation: Operation }>

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
    const write = { kind, client: caller.id, organization, requestKey, rows, onDuplicate, onDeleted }
    const review = onDuplicate === 'fail' ? refuseDuplicates : () => {}
    if (dryRun) {
      const previewed = await writer.preview(write, context)
      review(previewed)
      return { done: summarize(previewed) }
    }
    const result = await writer.write(write, context, { review })
    return 'operation' in result ? result : { done: summarize(result.rows) }
  }

const refuseDuplicates = (rows: readonly Row[]): void => {
  const errors = rows
    .filter(({ outcome }) => outcome !== 'created')
    .map(
      ({ index }): Fault => ({
        pointer: `/operators/${index}/name`,
        code: 'duplicate',
        detail: 'An operator of this name exists, or the body has the name twice.',
      }),
    )
  if (errors.length > 0) throw new Failure('operator.duplicate', { errors })
}

/** Rows in input order with their counts. */
const summarize = (rows: readonly Row[]): AddResult => {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  const results = rows.map(({ index, name = '', id, ...row }) => {
    const outcome = row.outcome as Outcome
    counts[outcome]++
    return { index, name, outcome, id }
  })
  return { results, ...counts }
}
