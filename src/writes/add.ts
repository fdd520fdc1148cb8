import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type AddOperators, type AddResult, type Outcome, outcomes } from '../contract/operator.ts'
import { Failure, type Fault } from '../errors.ts'
import type { Operation, Row } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'
import { previewRows } from './row-planner.ts'

/**
 * Adds operators to one organization. Names are compared within the body, and with a list that is fetched after the request
 * came. @throws Failure `organization.unknown`, `operator.duplicate` (mode `fail`), and what kept it from being sent
 */
export type Add = (
  caller: Caller,
  organization: number,
  request: AddOperators & { kind?: 'add' | 'onboard' },
  context: CallContext,
  requestKey: string,
) => Promise<{ done: AddResult } | { operation: Operation }>

export const createAdd =
  (writer: OperationWriter): Add =>
  async (caller, organization, request, context, requestKey) => {
    authorize(caller, { organization })
    const { kind = 'add', onDuplicate, onDeleted, operators } = request
    const rows = operators.map(({ name }, index): Row => ({ index, name, outcome: 'pending' }))
    const review = (planned: readonly Row[]): boolean => {
      if (onDuplicate === 'fail') refuseDuplicates(previewRows(planned, request))
      return !request.dryRun
    }
    const write = { kind, client: caller.id, organization, requestKey, rows, onDuplicate, onDeleted }
    const result = await writer.write(write, context, { review })
    if ('operation' in result) return result
    return { done: summarize(request.dryRun ? previewRows(result.rows, request) : result.rows) }
  }

const refuseDuplicates = (rows: readonly Row[]): void => {
  const errors = rows
    .filter(({ outcome }) => outcome !== 'created')
    .map(
      ({ index }): Fault => ({
        pointer: `/operators/${index}/name`,
        code: 'duplicate',
        detail: 'An operator of this name exists, or stands earlier in the body.',
      }),
    )
  if (errors.length > 0) throw new Failure('operator.duplicate', { errors })
}

/** Rows in input order with their counts. */
const summarize = (rows: readonly Row[]): AddResult => {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  const results = rows.map(({ index, name = '', ...row }) => {
    const outcome = row.outcome as Outcome
    counts[outcome]++
    return { index, name, outcome, ...(row.id !== undefined && { id: row.id }) }
  })
  return { results, ...counts }
}
