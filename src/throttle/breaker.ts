import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type IBreaker,
  SamplingBreaker,
} from 'cockatiel'
import { CallerGaveUp, type Exchange } from '../chathub/exchange.ts'
import { Failure, type FailureCode, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'

/** What counts as ChatHub failing; our own refusals (busy) and definite answers (400, 401, 403, 429) do not. */
const chathubFailures: FailureCode[] = ['chathub.unavailable', 'chathub.timeout']

const halfOpenAfterMs = 2000

export type Breaker = { withBreaker(exchange: Exchange): Exchange; state(): 'closed' | 'open' | 'half-open' }

/**
 * Opens after 5 failures in a row, or when half of at least 20 calls in 10 s failed; then every call fails at once with
 * `chathub.unavailable`. After 2 s one trial call goes through; the others wait for its outcome.
 */
export const createBreaker = (report: Reporter): Breaker => {
  const policy: CircuitBreakerPolicy = circuitBreaker(
    handleWhen((error) =>
      // A trial that did not come to ChatHub, or had not its whole time, is no proof that it is well.
      policy.state === CircuitState.HalfOpen
        ? isFailure(error, ...chathubFailures, 'queue.full')
        : isFailure(error, ...chathubFailures) && !(error.cause instanceof CallerGaveUp),
    ),
    {
      halfOpenAfter: halfOpenAfterMs,
      breaker: either(
        new ConsecutiveBreaker(5),
        new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
      ),
    },
  )
  let openedAt = 0
  policy.onStateChange((state) => {
    if (state === CircuitState.Open) openedAt = performance.now()
    if (state !== CircuitState.Isolated) report({ name: 'breaker', breaker: 'chathub', state: nameOf(state) })
  })
  return {
    withBreaker: (exchange) => (call) =>
      policy
        .execute(() => exchange(call))
        .catch((error) => {
          if (!(error instanceof BrokenCircuitError)) throw error
          throw new Failure('chathub.unavailable', {
            retryAfterMs: Math.max(1000, openedAt + halfOpenAfterMs - performance.now()),
            cause: error,
          })
        }),
    state: () => nameOf(policy.state),
  }
}

const nameOf = (state: CircuitState): 'closed' | 'open' | 'half-open' =>
  state === CircuitState.Closed ? 'closed' : state === CircuitState.HalfOpen ? 'half-open' : 'open'

/** Opens when either would. */
const either = (...breakers: IBreaker[]): IBreaker => ({
  get state() {
    return breakers.map((breaker) => breaker.state)
  },
  set state(states) {
    breakers.forEach((breaker, i) => {
      breaker.state = (states as unknown[])[i]
    })
  },
  success: (state) => {
    for (const breaker of breakers) breaker.success(state)
  },
  failure: (state) => breakers.map((breaker) => breaker.failure(state)).some(Boolean),
})
