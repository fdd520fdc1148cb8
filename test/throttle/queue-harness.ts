import { afterEach, beforeEach, jest } from '@jest/globals'
import type { CallContext, Lane } from '../../src/chathub/exchange.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { type Budget, createLocalBudget, type Slot } from '../../src/throttle/budget.ts'
import { createPriorityQueue, type PriorityQueue } from '../../src/throttle/priority-queue.ts'

/** After one window, every slot whose request left before is free again. */
export const windowMs = 1050

export type TestQueue = {
  clock: Clock
  budget: Budget
  queue: PriorityQueue
  context(lane: Lane, client?: string, ms?: number): CallContext
  /** Waits for a slot and uses it at once; adds the outcome to `story`. */
  ask(name: string, context: CallContext): Promise<Slot | undefined>
  /** In order: `name` of a call that got a slot, or `name: code` of one that failed. */
  story: string[]
  /** Uses up what the budget has now. */
  exhaust(): void
}

/**
 * Replaces all timers of a suite. The clock of the queue and the timers of Bottleneck then share one time, which only
 * `pass` moves.
 */
export const useVirtualTime = (): void => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }))
  afterEach(() => void jest.useRealTimers())
}

export const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms)

/** Time for Bottleneck, which waits for timers of 1 ms, to finish what it has to do. */
export const bottleneckMs = 25

const virtualClock = (): Clock => {
  const startedAt = systemClock.now()
  return { ...systemClock, now: () => systemClock.now() - startedAt }
}

/** A queue before a local budget, both in virtual time. */
export const createTestQueue = (requestsPerSecond: number, queueMax = 200, answerMs = 0): TestQueue => {
  const clock = virtualClock()
  const budget = createLocalBudget({ requestsPerSecond: () => requestsPerSecond, clock })
  const queue = createPriorityQueue({ budget, queueMax, answerMs, clock, report: () => {} })
  const story: string[] = []
  return {
    clock,
    budget,
    queue,
    story,
    context: (lane, client = 'crm', ms = 60_000) => ({ lane, client, deadline: clock.now() + ms }),
    ask: (name, context) =>
      queue.acquireSlot(context).then(
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
      for (let grant = budget.take('urgent'); 'slot' in grant; grant = budget.take('urgent'))
        grant.slot.consume()
    },
  }
}
