import type { Clock } from '../clock.ts'
import type { BudgetState, Status } from '../contract/system.ts'
import type { Report } from '../report.ts'

/** Budget as `throttle` tells it. */
type Budget = { requestsPerSecond: number; allowedNow: number; usedInLastSecond: number }

const budgetState = (budget: Budget, waiting: number): Exclude<BudgetState, 'paused'> => {
  if (budget.allowedNow < budget.requestsPerSecond) return 'reduced'
  return waiting > 0 && budget.usedInLastSecond >= budget.allowedNow ? 'busy' : 'ok'
}

const redisStates = ['away', 'ready', 'refused', 'unsupported']

/**
 * Since when the parts on which the gateway depends are in their state, as this instance saw it. The times are those of the
 * reports. The budget recovers without a report: then the time is that of the first look.
 */
export const createStateTimes = (clock: Clock) => {
  const startedAt = clock.wall()
  const last = {
    redis: { state: '', at: startedAt },
    breaker: { state: 'closed', at: startedAt },
    budget: { state: 'ok', at: startedAt },
  }
  /** The pause that ChatHub asked for last; `until` in monotonic ms. */
  let pause = { at: startedAt, until: Number.NEGATIVE_INFINITY }
  const enter = (part: keyof typeof last, state: string, at = clock.wall()): void => {
    if (last[part].state !== state) last[part] = { state, at }
  }
  const since = (part: keyof typeof last): string => new Date(last[part].at).toISOString()
  return {
    reported: (event: Report): void => {
      if (event.name === 'breaker') enter('breaker', event.state)
      if (event.name === 'redis' && redisStates.includes(event.event)) enter('redis', event.event)
      if (event.name === 'upstream-paused') pause = { at: clock.wall(), until: clock.now() + event.ms }
    },
    since,
    budget: (budget: Budget, waiting: number): Status['budget'] => {
      const state = clock.now() < pause.until ? 'paused' : budgetState(budget, waiting)
      enter('budget', state, state === 'paused' ? pause.at : clock.wall())
      return { state, since: since('budget') }
    },
  }
}

export type StateTimes = ReturnType<typeof createStateTimes>
