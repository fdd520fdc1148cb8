import { type Exchange, SlotTooOld } from '../chathub/exchange.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { Lanes } from './priority-queue.ts'

/**
 * Every attempt, login and replay takes a slot of its own. The slot is looked at again as the request leaves; one that
 * grew too old while a connection was made is forfeited and another is taken. ChatHub's 429 pauses everything.
 */
export const withLimit =
  (exchange: Exchange, lanes: Lanes, report: Reporter): Exchange =>
  async (call) => {
    for (;;) {
      const { mayLeave = () => true } = call.errand
      const slot = await lanes.enter(call.errand)
      try {
        if (!mayLeave()) throw new Failure('chathub.busy', { retryAfterMs: 1000 })
        return await exchange({ ...call, mayLeave: () => mayLeave() && slot.leave() })
      } catch (error) {
        if (error instanceof SlotTooOld) {
          report({ name: 'slot-too-old' })
          continue
        }
        if (isFailure(error, 'chathub.throttled')) {
          const ms = error.retryAfterMs ?? 5000
          lanes.pause(ms)
          report({ name: 'upstream-paused', ms })
        }
        throw error
      } finally {
        slot.giveBack()
      }
    }
  }
