import type { CallContext, Lane } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'

/** Bounds rows that are sent to ChatHub before the deadline or not at all. */
export type RowsInTime = {
  /** The most rows that can be sent before the deadline if no other call waits. */
  max(): number
  /** For more rows than that. */
  refusal(): Failure
  /**
   * Checks the rows of a request, given as one number for each organization, before ChatHub is asked.
   * @throws Failure `body.too-large` if they can never be sent in time, `queue.full` if they cannot be sent in time now
   */
  require(rowsOf: readonly number[], context: CallContext): void
}

const instead = 'Use POST /v1/organizations/{org}/imports, which goes on in the background.'

export const createRowsInTime = (options: {
  upstream: { estimate(lane: Lane, calls: number): number; callsWithin(ms: number): number }
  batchSize: number
  writeDeadlineMs: number
  clock: Clock
}): RowsInTime => {
  const { upstream, batchSize, writeDeadlineMs, clock } = options
  const callsMax = (): number => upstream.callsWithin(writeDeadlineMs)
  // One call fetches the list of the organization.
  const max = (): number => Math.max(1, callsMax() - 1) * batchSize
  const refusal = (): Failure =>
    new Failure('body.too-large', {
      detail: `At most ${max()} operators can be added before the deadline. Send fewer rows. ${instead}`,
      headers: { connection: 'close' },
    })
  return {
    max,
    refusal,
    require: (rowsOf, { lane, deadline }) => {
      const calls = rowsOf.reduce((sum, rows) => sum + 1 + Math.ceil(rows / batchSize), 0)
      if (calls > Math.max(2, callsMax())) throw refusal()
      const lateMs = clock.now() + upstream.estimate(lane, calls) - deadline
      if (lateMs <= 0) return
      throw new Failure('queue.full', {
        retryAfterMs: lateMs,
        detail: `Other calls wait for ChatHub, so these rows cannot be sent before the deadline. ${instead}`,
      })
    },
  }
}
