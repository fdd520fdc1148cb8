import { type OperationView, type RowOutcome, rowOutcomes } from '../contract/operation.ts'
import type { KnownStatus } from '../contract/operator.ts'

/** One row of a write; immutable. It leaves `pending` once; only a retry puts it back. */
export type Row = Readonly<{
  index: number
  line?: number
  name?: string
  id?: number
  outcome: RowOutcome
  reason?: string
}>

/** Ids by folded name. */
export type Baseline = Readonly<Record<string, readonly number[]>>

/** A request that is in flight or in doubt; written down before its first byte leaves. */
export type Sending = Readonly<{
  /** Epoch ms; tells one request from the next. */
  since: number
  chunk: number
  attempt: number
  /** Indexes of its rows. None: the request was proven absent, and the attempt is counted. */
  rows: readonly number[]
  /** Ids in the list before it: a new operator of these names was created by this request. */
  baseline: Baseline
  /** True: no answer came, so ChatHub may still apply the request. */
  noReply?: boolean
}>

/**
 * Rows were sent a second time, and ChatHub may still apply the first request. At the end only the operators of `baseline`
 * and our own may carry these names. `since`: epoch ms; tells one check from the next.
 */
type DuplicateCheck = Readonly<{ since: number; baseline: Baseline }>

/** Immutable. */
export type Operation = Readonly<{
  /** `<organization>-<request key>`. */
  id: string
  kind: OperationView['kind']
  client: string
  organization: number
  state: OperationView['state']
  onDuplicate: 'skip' | 'allow' | 'fail'
  onDeleted: 'report' | 'reactivate'
  /** For `setStatus`. */
  status?: KnownStatus | undefined
  total: number
  counts: Readonly<Record<RowOutcome, number>>
  /** First chunk that may hold pending rows. */
  next: number
  chunks: number
  sending?: Sending | undefined
  /** The request in doubt when the operation was given up. A retry looks for it before it sends the rows again. */
  givenUp?: Sending | undefined
  duplicateCheck?: DuplicateCheck | undefined
  /** A retry has yet to reopen the rows of this chunk and of those before it. */
  reopening?: number | undefined
  /** Request key of the last retry. */
  retryKey?: string | undefined
  detail?: string | undefined
  /** Epoch ms. */
  startedAt: number
  finishedAt?: number | undefined
}>

/** What a caller asks to be written. Repetitions of a request carry the same `requestKey`. */
export type NewWrite = Pick<Operation, 'kind' | 'client' | 'organization' | 'status'> &
  Partial<Pick<Operation, 'onDuplicate' | 'onDeleted'>> & { requestKey: string; rows: readonly Row[] }

/** The same for every repetition of a request. */
export const operationId = ({ organization, requestKey }: NewWrite): string => `${organization}-${requestKey}`

/** A new operation, and its rows in chunks of `chunkSize`. */
export const newOperation = (
  write: NewWrite,
  chunkSize: number,
  startedAt: number,
): { operation: Operation; chunks: Row[][] } => {
  const { requestKey: _, rows, onDuplicate = 'skip', onDeleted = 'report', ...rest } = write
  const chunks: Row[][] = []
  for (let at = 0; at < rows.length; at += chunkSize) chunks.push(rows.slice(at, at + chunkSize))
  const operation: Operation = {
    ...rest,
    id: operationId(write),
    onDuplicate,
    onDeleted,
    state: 'queued',
    total: rows.length,
    counts: countRows(rows),
    next: 0,
    chunks: chunks.length,
    startedAt,
  }
  return { operation, chunks }
}

export const organizationOf = (id: string): number => Number(id.split('-')[0])
export const isPending = ({ outcome }: Row): boolean => outcome === 'pending'
export const isFinal = ({ state }: Operation): boolean =>
  state === 'done' || state === 'cancelled' || state === 'needsReview'

/** Rows of it are in flight or in doubt. */
export const isSending = ({ sending }: Operation): boolean => (sending?.rows.length ?? 0) > 0
/** Nothing is left to send. */
export const isSent = ({ next, chunks, sending }: Operation): boolean => next >= chunks && !sending

/** The operation in its final state, if nothing is left to send or to check. */
export const concluded = (operation: Operation, finishedAt: number): Operation => {
  const { counts, detail, duplicateCheck } = operation
  if (!isSent(operation) || duplicateCheck) return operation
  const isDoubtful = detail !== undefined || counts.unknown > 0
  const state = isDoubtful ? 'needsReview' : counts.pending > 0 ? 'cancelled' : 'done'
  return { ...operation, state, finishedAt }
}

export const countRows = (rows: readonly Row[]): Record<RowOutcome, number> => {
  const counts = Object.fromEntries(rowOutcomes.map((outcome) => [outcome, 0])) as Record<RowOutcome, number>
  for (const { outcome } of rows) counts[outcome]++
  return counts
}

/** The counts after a chunk's rows changed from `before` to `after`. */
export const recount = (
  counts: Operation['counts'],
  before: readonly Row[],
  after: readonly Row[],
): Operation['counts'] => {
  const [old, now] = [countRows(before), countRows(after)]
  return Object.fromEntries(
    rowOutcomes.map((outcome) => [outcome, counts[outcome] - old[outcome] + now[outcome]]),
  ) as Operation['counts']
}

export const viewOf = (operation: Operation): OperationView => {
  const { id, kind, organization, state, total, counts, startedAt, finishedAt, detail = null } = operation
  return {
    id,
    kind,
    organization,
    state,
    total,
    ...counts,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: finishedAt === undefined ? null : new Date(finishedAt).toISOString(),
    detail,
  }
}
