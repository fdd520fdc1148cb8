import { type Exchange, SlotTooOld } from '../chathub/exchange.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { PriorityQueue } from './priority-queue.ts'

/**
 * Every attempt, login and replay takes a slot of its own. The slot is looked at again as the request leaves; one that
 * grew too old while a connection was made is forfeited and another is taken. ChatHub's 429 pauses everything.
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
        if (error instanceof SlotTooOld) {
          report({ name: 'slot-too-old' })
          continue
        }
        if (isFailure(error, 'chathub.throttled')) {
          const ms = error.retryAfterMs ?? 5000
          queue.pause(ms)
          report({ name: 'upstream-paused', ms })
        }
        throw error
      } finally {
        slot.release()
      }
    }
  }
