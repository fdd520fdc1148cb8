import type { Exchange } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'

const earnedPerCall = 0.1
const savedAtStart = 3
const savedMax = 10

/**
 * Repeats a read once if ChatHub was unavailable, after a random 100 to 400 ms. Each call earns a tenth of a retry, and
 * at most ten are saved. So retries stay within a tenth of all calls. Writes and logins are never repeated here.
 */
export const withRetry = (
  exchange: Exchange,
  { clock, report }: { clock: Clock; report: Reporter },
): Exchange => {
  let saved = savedAtStart
  return async (call) => {
    saved = Math.min(savedMax, saved + earnedPerCall)
    try {
      return await exchange(call)
    } catch (error) {
      // A failure with a Retry-After asks for a longer wait than a retry gives.
      const repeatable = isFailure(error, 'chathub.unavailable') && error.retryAfterMs === undefined
      if (!repeatable || call.write || call.operation === 'login' || saved < 1) throw error
      saved--
      await pause(clock, 100 + Math.random() * 300, call.context.signal)
      report({ name: 'retry', operation: call.operation })
      return exchange(call)
    }
  }
}
