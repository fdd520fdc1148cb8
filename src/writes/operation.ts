import { hasScope } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { erasedName } from '../contract/audit.ts'
import { type OperationView, type RowOutcome, rowOutcomes } from '../contract/operation.ts'
import type { KnownStatus, Status } from '../contract/operator.ts'
import type { Scope } from '../contract/scopes.ts'

/** One row of a write; immutable. It leaves `pending` once; only a retry puts it back. */
export type Row = Readonly<{
  index: number
  line?: number
  name?: string
  id?: number | undefined
  outcome: RowOutcome
  reason?: string | undefined
  /** For a change of status: the operator before it. */
  was?: { name: string; status: Status }
  /** For an undo: the status to set, if the operator still has this name and the status `from`. */
  undo?: { name: string; from: KnownStatus; to: KnownStatus }
  /** Further operators of the name, which ChatHub added late. */
  duplicates?: readonly number[] | undefined
}>

/** Rows of one chunk: as they are kept, and as they are now. */
export type Chunk = { number: number; kept: readonly Row[]; rows: readonly Row[] }

/** Folded names, each with the ids that carry it. */
export type Baseline = readonly (readonly [name: string, ids: readonly number[]])[]

/** A request that is in flight or in doubt; kept before its first byte leaves. */
export type Sending = Readonly<{
  /** Epoch ms; tells one request from the next. */
  since: number
  chunk: number
  attempt: number
  /** Indexes of its rows. None: the request was proven absent, and the attempt is counted. */
  rows: readonly number[]
  /** Ids in the list before it: a new operator of these names was created by this request. */
  baseline: Baseline
}>

/** Immutable. */
export type Operation = Readonly<{
  /** `<organization>-<request key>`. */
  id: string
  kind: OperationView['kind']
  client: string
  /** The person of the session. */
  subject?: string | undefined
  requestId?: string | undefined
  traceparent?: string | undefined
  organization: number
  state: OperationView['state']
  onDuplicate: 'skip' | 'allow' | 'fail'
  onDeleted: 'report' | 'reactivate'
  status?: KnownStatus | undefined
  /** True: only active and inactive operators may be changed, because the caller lacks `operators:write`. */
  switchOnly?: boolean | undefined
  /** For `undo`: the operation that it sets back, the scope of the first write in a row of undos, and the request for it. */
  undoes?: Readonly<{ id: string; scope: Scope; requestKey: string }> | undefined
  total: number
  counts: Readonly<Record<RowOutcome, number>>
  /** First chunk that may hold pending rows. */
  next: number
  chunks: number
  sending?: Sending | undefined
  /** The request in doubt when the operation was given up. A retry looks for it before it sends the rows again. */
  givenUp?: Sending | undefined
  /**
   * A request was not in the list, and ChatHub may still apply it. The operation is final when a later list was compared.
   * Epoch ms; tells one check from the next.
   */
  lateCheck?: number | undefined
  /** Request key of the last retry. Rows that were kept under another one are reopened. */
  retryKey?: string | undefined
  /** Those of the retries before, at most 20. */
  earlierRetryKeys?: readonly string[] | undefined
  detail?: string | undefined
  /** Epoch ms. */
  startedAt: number
  finishedAt?: number | undefined
}>

/** What an operation does with its rows. */
type Change = Pick<Operation, 'kind' | 'status' | 'undoes'>

/** What a caller asks to be written. Repetitions of a request carry the same `requestKey`. */
export type NewWrite = Pick<
  Operation,
  keyof Change | 'client' | 'subject' | 'requestId' | 'traceparent' | 'organization' | 'switchOnly'
> &
  Partial<Pick<Operation, 'onDuplicate' | 'onDeleted'>> & { requestKey: string; rows: readonly Row[] }

/** The scope that a write needs. An undo needs that of the write. */
export const scopeOfWrite = ({ kind, status, undoes }: Change): Scope => {
  if (undoes) return undoes.scope
  if (kind === 'import') return 'operators:import'
  return kind === 'setStatus' && status !== 'deleted' ? 'operators:status' : 'operators:write'
}

/** Whether the caller may only switch operators between active and inactive. */
export const mayOnlySwitch = (caller: Caller, write: Change): boolean =>
  scopeOfWrite(write) === 'operators:status' && !hasScope(caller, 'operators:write')

export const askedBy = (caller: Caller, { requestId, traceparent }: CallContext) => {
  return { client: caller.id, subject: caller.subject, requestId, traceparent }
}

/** The same for every repetition of a request. */
export type Requested = Pick<NewWrite, 'organization' | 'requestKey'>
export const operationId = ({ organization, requestKey }: Requested): string =>
  `${organization}-${requestKey}`
export const organizationOf = (id: string): number => Number(id.split('-')[0])

/** A new operation, and its rows in chunks of `chunkSize`. */
export const newOperation = (write: NewWrite, chunkSize: number, startedAt: number) => {
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

/** The status that an operation sets in a row, and the outcome of the row then. */
export const statusGoal = ({ status }: Pick<Operation, 'status'>, { undo }: Row) => {
  const goal = undo?.to ?? status
  const added = { status: 'active', outcome: 'reactivated' } as const
  return goal === undefined ? added : ({ status: goal, outcome: 'changed' } as const)
}

/** Whether an operation changes the status of operators by id; others add names. */
export const changesStatus = ({ kind, status }: Partial<Pick<Operation, 'kind' | 'status'>>): boolean =>
  status !== undefined || kind === 'undo'

export const isPending = ({ outcome }: Row): boolean => outcome === 'pending'
export const isFinal = ({ state }: Operation): boolean => state !== 'queued' && state !== 'running'
/** Rows of it are in flight or in doubt. */
export const isSending = ({ sending }: Operation): boolean => (sending?.rows.length ?? 0) > 0
/** Nothing is left to send. */
export const isSent = ({ next, chunks, sending }: Operation): boolean => next >= chunks && !sending

const countChange = (counts: Operation['counts'], before: readonly Row[], after: readonly Row[]) => {
  const changed: Record<RowOutcome, number> = { ...counts }
  for (const { outcome } of before) changed[outcome]--
  for (const { outcome } of after) changed[outcome]++
  return changed
}
const noRows = Object.fromEntries(rowOutcomes.map((outcome) => [outcome, 0])) as Operation['counts']

export const countRows = (rows: readonly Row[]) => countChange(noRows, [], rows)

/** The operation with the rows of a chunk counted, in its final state if nothing is left to send or to check. */
export const withChunk = (operation: Operation, chunk: Chunk | undefined, now: number): Operation => {
  const counts = chunk ? countChange(operation.counts, chunk.kept, chunk.rows) : operation.counts
  if (!isSent(operation) || operation.lateCheck !== undefined) return { ...operation, counts }
  const needsReview = operation.detail !== undefined || counts.unknown > 0
  const state = needsReview ? 'needsReview' : counts.pending > 0 ? 'cancelled' : 'done'
  return { ...operation, counts, state, finishedAt: operation.finishedAt ?? now }
}

/**
 * The row as a retry tries it again, if it can. A name that ChatHub spells otherwise is in no list that it could be compared with.
 */
export const reopened = (row: Row, operation: Operation): Row => {
  const { reason, id, ...rest } = row
  const canRetry =
    row.outcome === 'unknown'
      ? reason !== 'spelled-otherwise'
      : row.outcome === 'rejected' && reason === 'chathub.unavailable'
  // The operator of a name is looked for again.
  return canRetry && row.name !== erasedName
    ? { ...rest, id: changesStatus(operation) ? id : undefined, outcome: 'pending' }
    : row
}
