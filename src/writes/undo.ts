import { hash } from 'node:crypto'
import { type KnownStatus, knownStatuses } from '../contract/operator.ts'
import { type NewWrite, type Operation, type Row, scopeOfWrite, statusGoal } from './operation.ts'

/**
 * The write that sets an operation back; undefined where no row changed anything. ChatHub has no delete, so an operator that
 * was added gets the status `deleted`. Rows that cannot be set back are `rejected`, with the reason. The others are compared
 * under the lock: an operator that was renamed or changed since is left alone.
 */
export const undoOf = (
  operation: Operation,
  rows: readonly Row[],
  by: Pick<NewWrite, 'client' | 'subject' | 'requestId' | 'switchOnly'>,
  requestKey: string,
): NewWrite | undefined => {
  const { id, organization } = operation
  const back = rows.flatMap((row) => undoRow(operation, row)).map((row, index): Row => ({ ...row, index }))
  if (back.length === 0) return undefined
  return {
    ...by,
    kind: 'undo',
    organization,
    // The same for every request, so that an operation is undone once.
    requestKey: `undo_${hash('sha256', id, 'base64url').slice(0, 22)}`,
    undoes: { id, scope: scopeOfWrite(operation), requestKey },
    rows: back,
  }
}

const undoRow = (operation: Operation, row: Row): Omit<Row, 'index'>[] => {
  const { id, name = '', was, line, outcome } = row
  const place = line === undefined ? {} : { line }
  const cannot = (reason: string): Omit<Row, 'index'>[] => [
    { ...place, ...(row.name !== undefined && { name }), id, outcome: 'rejected', reason },
  ]
  const set = (from: KnownStatus, to: KnownStatus, of: string): Omit<Row, 'index'>[] => [
    { ...place, id, outcome: 'pending', undo: { name: of, from, to } },
  ]
  if (outcome === 'unknown') return cannot('undo.unknown')
  if (outcome === 'created') return id === undefined ? cannot('undo.unknown') : set('active', 'deleted', name)
  if (outcome !== 'changed' && outcome !== 'reactivated') return []
  const former = knownStatuses.find((status) => status === was?.status)
  return was && former ? set(statusGoal(operation, row).status, former, was.name) : cannot('undo.unknown')
}
