import { type OperationView, type RowOutcome, rowOutcomes } from '../contract/operation.ts'
import type { KnownStatus } from '../contract/operator.ts'

/** One row of a write; immutable. It leaves `pending` exactly once, except that a review may put it back. */
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

/** What was on its way when it was last written down: kept before the first byte leaves. */
export type Sending = Readonly<{
  /** Epoch ms; tells one sending from the next. */
  since: number
  chunk: number
  attempt: number
  /** Indexes of the rows that were sent. */
  rows: readonly number[]
  /** Ids that stood in the list before, by folded name: whoever is new beside them was made by us. */
  baseline: Baseline
  /** True: ChatHub may still apply it, since no answer ever came. */
  noReply?: boolean
}>

/**
 * A sent-again row may yet be doubled by the first sending, should ChatHub apply it late: in the end nobody may carry
 * these names but who did before and our own. `since`: epoch ms; tells one watch from the next.
 */
type Watch = Readonly<{ since: number; baseline: Baseline }>

/** Immutable, as all that is kept of it. */
export type Operation = Readonly<{
  /** `<organization>-<random>`. */
  id: string
  kind: OperationView['kind']
  client: string
  organization: number
  state: OperationView['state']
  onDuplicate: 'skip' | 'allow' | 'fail'
  onDeleted: 'report' | 'reactivate'
  /** For `setStatus`. */
  status?: KnownStatus
  total: number
  counts: Readonly<Record<RowOutcome, number>>
  /** First chunk that may hold pending rows. */
  next: number
  chunks: number
  sending?: Sending
  /** What was still in doubt when ChatHub's absence ended it: looked for before its rows are sent again. */
  givenUp?: Sending
  duplicateCheck?: Watch
  /** Of the last request that took it up again. */
  retryMark?: string
  detail?: string
  /** Epoch ms. */
  startedAt: number
  finishedAt?: number
}>

export const organizationOf = (id: string): number => Number(id.split('-')[0])
export const isFinal = ({ state }: Operation): boolean =>
  state === 'done' || state === 'cancelled' || state === 'needsReview'

/** Rows of it are on their way to ChatHub, or in doubt. */
export const isSending = ({ sending }: Operation): boolean => (sending?.rows.length ?? 0) > 0

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
  const old = countRows(before)
  const now = countRows(after)
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
