import { type Exchange, SlotTooOld } from '../chathub/exchange.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { PriorityQueue } from './priority-queue.ts'

/**
 * Takes one slot for each request. The slot is checked again as the request leaves; if it expired while a connection was
 * made, another one is taken. A 429 of ChatHub pauses all calls.
 */
export const withRateLimit =
  (exchange: Exchange, queue: PriorityQueue, report: Reporter): Exchange =>
  async (call) => {
    for (;;) {
      const { maySend = () => true } = call.context
      const slot = await queue.acquireSlot(call.context)
      try {
        if (!maySend()) throw new Failure('queue.full', { retryAfterMs: 1000 })
        return await exchange({ ...call, maySend: () => maySend() && slot.consume() })
      } catch (error) {
        if (isFailure(error, 'chathub.throttled')) {
          const ms = error.retryAfterMs ?? 5000
          queue.pause(ms)
          report({ name: 'upstream-paused', ms })
        }
        if (!(error instanceof SlotTooOld)) throw error
        report({ name: 'slot-too-old' })
      } finally {
        slot.release()
      }
    }
  }
