import type { Change, ChangeSet } from '../contract/audit.ts'
import type { RowOutcome } from '../contract/operation.ts'
import { type Chunk, changesStatus, type Operation, type Row, statusGoal } from './operation.ts'

/** Outcomes that somebody wants to know of. A row that was skipped or is unchanged changed nothing. */
const told: Partial<Record<RowOutcome, Change['outcome']>> = {
  created: 'applied',
  reactivated: 'applied',
  changed: 'applied',
  unknown: 'unknown',
  rejected: 'rejected',
}
const applied = { outcome: 'applied' } as const
const outcomes: Change['outcome'][] = ['applied', 'unknown', 'rejected']
// Longer than an operation is kept.
const keepMs = 8 * 24 * 3600 * 1000

/** What the rows of a chunk changed that were decided since they were kept. */
export const changesOf = (operation: Operation, { kept, rows }: Chunk, at: number): ChangeSet => {
  const { id, organization, client, subject, requestId, startedAt, retryKey = '' } = operation
  const changes = rows.flatMap((row, place): ChangeSet['changes'] => {
    const before = kept[place]
    const outcome = row.outcome === before?.outcome ? undefined : told[row.outcome]
    const doubled = row.duplicates?.filter((one) => !before?.duplicates?.includes(one)) ?? []
    // Operators that ChatHub added late, in addition to the one of the row.
    const late = doubled.map((one) => ({ ...changeOf(operation, { ...row, id: one }), ...applied }))
    if (!outcome) return late
    // One key for each row and outcome: a row may first be in doubt and then be found.
    const key = row.index * outcomes.length + outcomes.indexOf(outcome)
    return [{ ...changeOf(operation, row), outcome, key }, ...late]
  })
  // An id may be used again once its operation is removed.
  const step = { name: `${id}:${startedAt}:${retryKey}`, keepMs }
  return { organization, at, client, subject, operation: id, requestId, changes, step }
}

const changeOf = (operation: Operation, row: Row) => {
  const { id, name, was, undo, reason } = row
  const isOfStatus = was !== undefined || changesStatus(operation)
  return {
    kind: isOfStatus ? ('statusChanged' as const) : ('added' as const),
    operator: { id: id ?? null, name: was?.name ?? undo?.name ?? name ?? null },
    from: was?.status ?? null,
    to: statusGoal(operation, row).status,
    reason: reason ?? null,
  }
}
