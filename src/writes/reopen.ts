import type { Journal } from './journal.ts'
import { isPending, type Operation, type Row } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import type { SaveOperation } from './save-operation.ts'

/**
 * The row as it is tried again, if it can be. A name that stands twice would be added a third time where duplicates are
 * allowed. A name that ChatHub spells otherwise is in no list that it could be compared with.
 */
const reopened = (row: Row, { kind, onDuplicate }: Operation): Row => {
  const { reason, id, ...rest } = row
  const isOpen =
    row.outcome === 'unknown'
      ? reason !== 'spelled-otherwise' && (onDuplicate !== 'allow' || reason !== 'doubled')
      : row.outcome === 'rejected' && reason === 'chathub.unavailable'
  // Names are looked for again.
  return isOpen
    ? { ...rest, outcome: 'pending', ...(kind === 'setStatus' && id !== undefined && { id }) }
    : row
}

/** A final operation as a retry takes it up; its rows have yet to be reopened. */
export const retried = (operation: Operation, retryKey: string): Operation => ({
  ...operation,
  state: 'running',
  retryKey,
  reopening: operation.chunks - 1,
  sending: operation.givenUp && { ...operation.givenUp, attempt: 0 },
  givenUp: undefined,
  finishedAt: undefined,
  detail: undefined,
})

/**
 * Reopens the rows of a retry, from the last chunk to the first. Each kept state says how far it came, so that any instance
 * can go on. Without rows to reopen nothing is kept, and the same operation comes back. @throws LockLost
 */
export const reopenRows = async (
  operation: Operation,
  lock: HeldLock,
  { journal, save }: { journal: Journal; save: SaveOperation },
): Promise<Operation> => {
  let next = operation
  for (let number = operation.reopening ?? -1; number >= 0; number--) {
    const kept = await journal.chunk(operation.id, number)
    const rows = kept.map((row) => reopened(row, operation))
    if (!rows.some(isPending)) continue
    if (next === operation) await journal.reopen(operation)
    next = await save({ ...next, reopening: number, next: number }, lock, { number, kept, rows })
  }
  if (next === operation) return operation
  next = await save({ ...next, reopening: undefined }, lock)
  // Listed again: another instance that still saw it final may have taken it off the list.
  await journal.reopen(next)
  return next
}
