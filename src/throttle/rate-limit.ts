import { type Exchange, NeverSent, SlotTooOld } from '../chathub/exchange.ts'
import { Refused } from '../chathub/refused.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { PriorityQueue } from './priority-queue.ts'

/**
 * Takes one slot for each request. The slot is checked again as the request leaves; if it expired while a connection was
 * made, another one is taken. ChatHub may close a connection before a request has left. Then the request goes out once
 * more, on a new connection and with a slot of its own. A 429 of ChatHub, and a 503 that says for how long, pauses all
 * calls, unless it answers a login: ChatHub limits logins apart.
 */
export const withRateLimit =
  (exchange: Exchange, queue: PriorityQueue, report: Reporter): Exchange =>
  async (first) => {
    let call = first
    for (;;) {
      const { maySend = () => true } = call.context
      const slot = await queue.acquireSlot(call.context)
      try {
        if (!maySend()) throw new Failure('queue.full', { retryAfterMs: 1000 })
        return await exchange({ ...call, maySend: () => maySend() && slot.consume() })
      } catch (error) {
        const ms = call.operation === 'login' ? undefined : pauseOf(error)
        if (ms !== undefined) {
          queue.pause(ms)
          report({ name: 'upstream-paused', ms })
        }
        if (error instanceof NeverSent) call = { ...call, fresh: true }
        else if (!(error instanceof SlotTooOld)) throw error
        report({ name: error instanceof NeverSent ? 'never-sent' : 'slot-too-old' })
      } finally {
        slot.release()
      }
    }
  }

const pauseOf = (error: unknown): number | undefined => {
  if (isFailure(error, 'chathub.throttled')) return error.retryAfterMs ?? 5000
  return isFailure(error) && error.cause instanceof Refused ? error.cause.pauseMs : undefined
}
