import type { CallContext, Lane } from '../../src/chathub/exchange.ts'
import { type Budget, createLocalBudget, type Slot } from '../../src/throttle/budget.ts'
import { createPriorityQueue, type PriorityQueue } from '../../src/throttle/priority-queue.ts'
import { createClock, type HandClock } from '../support/clock.ts'

/** One window: after it every slot that left before is free again. */
export const windowMs = 1050

export type HandLanes = {
  clock: HandClock
  budget: Budget
  lanes: PriorityQueue
  context(lane: Lane, client?: string, ms?: number): CallContext
  /** Enters and notes the outcome under `name`, in order. */
  enter(name: string, context: CallContext): Promise<Slot | undefined>
  /** `name` of who got a slot, or `name: code` of who failed, in order. */
  story: string[]
  /** Uses up what the budget has now. */
  exhaust(): void
  /** Moves the clock and lets Bottleneck, which works with real timers, do what it has to. */
  pass(ms: number): Promise<void>
}

/** Lanes over a local budget, both on one hand-driven clock. */
export const createHandLanes = (requestsPerSecond: number, queueMax = 200, answerMs = 0): HandLanes => {
  const clock = createClock()
  const budget = createLocalBudget({ requestsPerSecond: () => requestsPerSecond, clock })
  const lanes = createPriorityQueue({ budget, queueMax, answerMs, clock, report: () => {} })
  const story: string[] = []
  return {
    clock,
    budget,
    lanes,
    story,
    context: (lane, client = 'crm', ms = 60_000) => ({ lane, client, deadline: clock.now() + ms }),
    enter: (name, context) =>
      lanes.enter(context).then(
        (slot) => {
          story.push(name)
          slot.consume()
          return slot
        },
        (error) => {
          story.push(`${name}: ${error.code}`)
          return undefined
        },
      ),
    exhaust: () => {
      for (let granted = budget.take('urgent'); 'slot' in granted; granted = budget.take('urgent'))
        granted.slot.consume()
    },
    pass: async (ms) => {
      await clock.advance(ms)
      await timersTurn()
      await clock.advance(0)
    },
  }
}

/** Resolves after every timer of 0 or 1 ms that was set before has run, and those which these set. */
export const timersTurn = async (): Promise<void> => {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
}
