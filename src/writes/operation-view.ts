import type { OperationView } from '../contract/operation.ts'
import type { Operation } from './operation.ts'

/** The operation as its client sees it. */
export const viewOf = (operation: Operation): OperationView => {
  const { id, kind, organization, state, client, subject = null, undoes } = operation
  const { total, counts, startedAt, finishedAt, detail = null } = operation
  return {
    id,
    kind,
    organization,
    state,
    client,
    subject,
    undoes: undoes?.id ?? null,
    total,
    ...counts,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: finishedAt === undefined ? null : new Date(finishedAt).toISOString(),
    detail,
  }
}
