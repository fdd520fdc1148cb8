import { CallerGaveUp, type Exchange } from '../chathub/exchange.ts'
import { type Clock, within } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'

const failuresInRowMax = 5
const callsMin = 20
const recentMs = 10_000
const halfOpenAfterMs = 2000

type Closed = { name: 'closed'; failuresInRow: number; recent: { at: number; failed: boolean }[] }
type State = Closed | { name: 'open'; openedAt: number } | { name: 'half-open'; trial: Promise<'ended'> }

export type Breaker = { withBreaker(exchange: Exchange): Exchange; state(): State['name'] }

/**
 * Circuit breaker before ChatHub. It opens after 5 failures in a row, or when half of at least 20 calls within 10 s
 * failed. While it is open, every call fails at once with `chathub.unavailable` and a Retry-After of 1 to 2 s. After 2 s
 * one trial call is sent, and the other calls wait for its outcome, each until its own deadline.
 */
export const createBreaker = ({ clock, report }: { clock: Clock; report: Reporter }): Breaker => {
  let state: State = { name: 'closed', failuresInRow: 0, recent: [] }
  const change = (next: State): void => {
    state = next
    report({ name: 'breaker', breaker: 'chathub', state: next.name })
  }
  const close = (): void => change({ name: 'closed', failuresInRow: 0, recent: [] })
  const open = (): void => change({ name: 'open', openedAt: clock.now() })

  const refusal = (retryAfterMs: number): Failure =>
    new Failure('chathub.unavailable', { retryAfterMs, cause: new Error('the circuit breaker is open') })

  /** Counts the outcome of a call that began in `during`. It is too old once another state has begun. */
  const record = (during: Closed, failed: boolean): void => {
    if (during !== state) return
    const { recent } = during
    recent.push({ at: clock.now(), failed })
    while ((recent[0]?.at ?? Infinity) <= clock.now() - recentMs) recent.shift()
    during.failuresInRow = failed ? during.failuresInRow + 1 : 0
    if (!failed) return
    const failures = recent.filter((call) => call.failed).length
    const mostFailed = recent.length >= callsMin && failures >= recent.length / 2
    if (mostFailed || during.failuresInRow >= failuresInRowMax) open()
  }

  return {
    state: () => state.name,
    withBreaker: (exchange) => async (call) => {
      // The trial may be a background call, which waits far longer than this one may.
      while (state.name === 'half-open')
        if (!(await within(clock, state.trial, call.context.deadline - clock.now()))) throw refusal(1000)
      if (state.name === 'open') {
        const leftMs = state.openedAt + halfOpenAfterMs - clock.now()
        if (leftMs > 0) throw refusal(Math.max(1000, leftMs))
        const attempt = exchange(call)
        // Only an answer of ChatHub closes the breaker; a trial that never reached ChatHub proves nothing.
        const trial = attempt
          .then(close, (error) => (verdictOf(error) === 'answered' ? close() : open()))
          .then(() => 'ended' as const)
        change({ name: 'half-open', trial })
        return attempt
      }
      const during = state
      try {
        const reply = await exchange(call)
        record(during, false)
        return reply
      } catch (error) {
        const verdict = verdictOf(error)
        if (verdict !== 'unknown') record(during, verdict === 'failed')
        throw error
      }
    },
  }
}

/**
 * What an error says about ChatHub. A refusal such as 400, 401, 403 or 429 is an answer. A full queue of our own, or a
 * call that was not given its whole time, says nothing.
 */
export const verdictOf = (error: unknown): 'answered' | 'failed' | 'unknown' => {
  if (!isFailure(error) || error.code === 'queue.full' || error.cause instanceof CallerGaveUp)
    return 'unknown'
  return isFailure(error, 'chathub.unavailable', 'chathub.timeout') ? 'failed' : 'answered'
}
