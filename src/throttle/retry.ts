import { handleWhen, retry } from 'cockatiel'
import type { Exchange } from '../chathub/exchange.ts'
import { isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'

/**
 * One more try for reads that ChatHub failed, after 100 to 400 ms chosen at random (full jitter), while the retry budget
 * lasts: retries stay within a tenth of all calls. Writes are never sent again here, whatever happened to them.
 */
export const withRetry = (exchange: Exchange, report: Reporter): Exchange => {
  const budget = createRetryBudget()
  return (call) => {
    budget.earn()
    if (call.write || call.operation === 'login') return exchange(call)
    let tried = false
    const isWorthAnother = (error: Error): boolean => {
      if (tried || !isFailure(error, 'chathub.unavailable') || error.retryAfterMs !== undefined) return false
      tried = true
      return budget.spend()
    }
    const policy = retry(handleWhen(isWorthAnother), { maxAttempts: 1, backoff: { next: () => jitter } })
    return policy.execute(({ attempt }) => {
      if (attempt > 0) report({ name: 'retry', operation: call.operation })
      return exchange(call)
    })
  }
}

const jitter = {
  get duration() {
    return 100 + Math.random() * 300
  },
  next: () => jitter,
}

/** A tenth of a retry is earned with each call; at most ten are saved up. */
const createRetryBudget = () => {
  let saved = 3
  return {
    earn: () => {
      saved = Math.min(10, saved + 0.1)
    },
    spend: (): boolean => {
      if (saved < 1) return false
      saved--
      return true
    },
  }
}
