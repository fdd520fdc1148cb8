import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type AddOperators, type AddResult, type Outcome, outcomes } from '../contract/operator.ts'
import { Failure, type Fault, isFailure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import {
  awaitOutcome,
  newOperation,
  operationId,
  type WriteDependencies,
  type WriteResult,
} from './new-operation.ts'
import type { Operation, Row } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { planRows, previewRows } from './row-planner.ts'

export type Add = (
  caller: Caller,
  organization: number,
  request: AddOperators,
  context: CallContext,
  requestKey: string,
) => Promise<WriteResult<AddResult>>

/**
 * Adds operators to one organization: its lock, a list fetched after the request came, names compared within the body
 * and with the list, batches of a hundred. Once the first batch has left, the operation runs to its end, whatever
 * happens to this request.
 * @throws Failure `organization.unknown`, `operator.duplicate` (mode `fail`), and whatever kept anything from being sent
 */
export const createAdd = (writing: WriteDependencies): Add => {
  const { cache, journal, runner, clock } = writing

  /** True: nothing of it was sent, and nothing is left of it. */
  const forget = async (operation: Operation, lock: HeldLock): Promise<boolean> => {
    try {
      const now = await journal.get(operation.id)
      return now?.state === 'queued' && (await journal.remove(operation, lock))
    } catch {
      return false // whoever finds it will go on with it
    }
  }

  return async (caller, organization, request, context, requestKey) => {
    authorize(caller, { organization })
    const id = operationId(organization, requestKey)
    const asked = request.operators.map(({ name }, index): Row => ({ index, name, outcome: 'pending' }))
    let known = await journal.get(id)
    const begin = async (lock: HeldLock): Promise<Row[] | undefined> => {
      known = await journal.get(id)
      if (known) return undefined
      const { copy } = await cache.read(operatorsKey(organization), context, { notBefore: clock.now() })
      const rows = planRows(copy.value, asked, request)
      const foreseen = previewRows(rows, request)
      if (request.onDuplicate === 'fail') refuseDuplicates(foreseen)
      if (request.dryRun || rows.every(({ outcome }) => outcome !== 'pending')) return foreseen
      const adding = { kind: 'add', organization, requestKey, rows } as const
      const { operation, chunks } = newOperation(writing, context, adding, request)
      known = await journal.create(operation, chunks)
      if (known) return undefined
      known = operation
      try {
        await runner.begin(operation, chunks[0] as Row[], copy, lock, context)
      } catch (error) {
        // Nothing was sent, so nothing is remembered. Anything else is in doubt, and the runner settles it.
        if (isFailure(error) && (await forget(operation, lock))) throw error
      }
      return undefined
    }
    // A repetition is written down, and goes on.
    const decided = known ? undefined : await runner.withSettledLock(organization, context, begin)
    if (decided) return { done: summarize(decided) }
    const written = await awaitOutcome(id, known, context, writing)
    return 'done' in written ? { done: summarize(written.done) } : written
  }
}

const refuseDuplicates = (rows: Row[]): void => {
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
  const results = rows.map(({ index, name = '', outcome, id }) => {
    counts[outcome as Outcome]++
    return { index, name, outcome: outcome as Outcome, ...(id !== undefined && { id }) }
  })
  return { results, ...counts }
}
