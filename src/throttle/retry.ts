import { DelegateBackoff, handleWhen, retry } from 'cockatiel'
import type { Exchange } from '../chathub/exchange.ts'
import { isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'

/**
 * One more try for reads that ChatHub failed, after 100 to 400 ms chosen at random (full jitter), while the retry budget
 * lasts: retries stay within a tenth of all calls. Writes are never sent again here, whatever happened to them.
 */
export const withRetry = (exchange: Exchange, report: Reporter): Exchange => {
  // A tenth of a retry is earned with each call; at most ten are saved up.
  let saved = 3
  return (call) => {
    saved = Math.min(10, saved + 0.1)
    if (call.write || call.operation === 'login') return exchange(call)
    let tried = false
    const isWorthAnother = (error: Error): boolean => {
      if (tried || !isFailure(error, 'chathub.unavailable') || error.retryAfterMs !== undefined) return false
      tried = true
      if (saved < 1) return false
      saved--
      return true
    }
    const policy = retry(handleWhen(isWorthAnother), { maxAttempts: 1, backoff })
    return policy.execute(({ attempt }) => {
      if (attempt > 0) report({ name: 'retry', operation: call.operation })
      return exchange(call)
    })
  }
}

const backoff = new DelegateBackoff(() => 100 + Math.random() * 300)
