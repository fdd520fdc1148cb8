import Bottleneck from 'bottleneck'
import type { CallContext, Lane } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import { noTracing, type Tracing } from '../tracing/tracing.ts'
import type { Budget, BudgetClass, Slot } from './budget.ts'

/** Orders the calls to ChatHub: people before writes before imports before refreshes. */
export type PriorityQueue = {
  /**
   * Waits for a slot. @throws Failure `queue.full`, with a Retry-After that holds. It comes at once if the deadline is
   * out of reach or all places have calls at least as urgent. It comes later if the deadline passes or a more urgent call
   * takes the place. @throws Failure `chathub.timeout` if aborted
   */
  acquireSlot(context: CallContext): Promise<Slot>
  /** A lower bound in ms for the wait of the last of so many calls of a lane. */
  estimate(lane: Lane, calls: number): number
  /** Grants nothing for `ms`, because ChatHub asked for a pause. */
  pause(ms: number): void
  waiting(): Record<Lane, number>
}

/**
 * Bottleneck has the priorities 0 to 9, and 0 goes first. Each lane owns a range of them. The first waiting call of a
 * client goes before its later ones. So a client with many calls cannot delay a client with few.
 */
const ranges: Record<Lane, { first: number; last: number }> = {
  people: { first: 0, last: 2 },
  writes: { first: 3, last: 5 },
  imports: { first: 6, last: 7 },
  refreshes: { first: 8, last: 9 },
}
const lowest = ranges.refreshes.last
const classOf = (priority: number): BudgetClass => (priority <= ranges.writes.last ? 'urgent' : 'background')

type WaitingCall = {
  priority: number
  /** False once the caller has its slot or has left. The job stays in Bottleneck, which cannot remove one. */
  waiting: boolean
  serve(slot: Slot): void
  refuse(): void
}

/**
 * Bottleneck orders the calls, and the budget grants the slots. The reservoir of Bottleneck is 0, and each granted slot
 * raises it by 1, which starts the most urgent job. If the caller of that job has left, the reservoir is raised again.
 */
export const createPriorityQueue = (options: {
  budget: Budget
  queueMax: number
  /** The time kept for the answer of a call after it has its slot; at most a quarter of its time. */
  answerMs: number
  clock: Clock
  report: (context: CallContext, ms: number) => void
  tracing?: Tracing
}): PriorityQueue => {
  const { budget, clock, queueMax, tracing = noTracing } = options
  const strategy = Bottleneck.strategy.OVERFLOW_PRIORITY
  const limiter = new Bottleneck({ reservoir: 0, highWater: queueMax, strategy })
  const waitingAt = new Array<number>(lowest + 1).fill(0)
  const waitingOf = new Map<string, number>()
  /** Slots for which Bottleneck has not started a job yet; one of each class, since a slot expires soon. */
  const granted: Partial<Record<BudgetClass, Slot>> = {}
  const pumping: Record<BudgetClass, boolean> = { urgent: false, background: false }
  /** By how much the reservoir was raised for jobs that have not started yet. */
  let starts = 0

  const count = (first: number, last: number): number =>
    waitingAt.slice(first, last + 1).reduce((sum, calls) => sum + calls, 0)
  const countOf = (budgetClass: BudgetClass): number =>
    budgetClass === 'urgent' ? count(0, ranges.writes.last) : count(ranges.imports.first, lowest)

  /** Releases slots that no call needs any more, and lets Bottleneck start a job for each of the others. */
  const match = (): void => {
    for (const budgetClass of ['urgent', 'background'] as const)
      if (countOf(budgetClass) === 0) {
        granted[budgetClass]?.release()
        delete granted[budgetClass]
      }
    // If nobody waits, all jobs that are left belong to callers that have left.
    const wanted = count(0, lowest) === 0 ? limiter.queued() : Object.keys(granted).length
    if (starts >= wanted) return
    void limiter.incrementReservoir(wanted - starts)
    starts = wanted
  }
  /** Takes the next slot of a class if a call waits for it. It goes on for other calls than the one that began it. */
  const pump = tracing.detached(async (budgetClass: BudgetClass): Promise<void> => {
    if (pumping[budgetClass]) return
    pumping[budgetClass] = true
    while (countOf(budgetClass) > 0 && !granted[budgetClass]) {
      const grant = await budget.take(budgetClass)
      if ('slot' in grant) granted[budgetClass] = grant.slot
      else await pause(clock, grant.waitMs)
    }
    pumping[budgetClass] = false
    match()
  })
  const schedule = (call: WaitingCall): void => {
    limiter.schedule({ priority: call.priority }, async () => {}, call).catch(call.refuse)
  }
  // The event and not the job hands over the slot: a job starts late if the system clock was set back.
  limiter.on('scheduled', ({ args }) => {
    const [call] = args as [WaitingCall]
    starts--
    // A background call never uses an urgent slot, which does not count for the share of the background.
    const budgetClass = granted.urgent && classOf(call.priority) === 'urgent' ? 'urgent' : 'background'
    const slot = granted[budgetClass]
    if (call.waiting && slot) {
      delete granted[budgetClass]
      call.serve(slot)
    } else if (call.waiting) schedule(call)
    match()
    void pump('urgent')
    void pump('background')
  })
  // A job was dropped while it was being started, so this start is lost.
  limiter.on('error', () => {
    starts--
    match()
  })

  const full = (waitMs: number): Failure =>
    new Failure('queue.full', { retryAfterMs: Math.max(1000, waitMs) })
  const priorityOf = ({ lane, client }: CallContext): number => {
    const { first, last } = ranges[lane]
    const already = waitingOf.get(`${lane} ${client}`) ?? 0
    return Math.min(last, first + (already === 0 ? 0 : already < 3 ? 1 : 2))
  }
  const track = ({ lane, client }: CallContext, priority: number, by: 1 | -1): void => {
    waitingAt[priority] = (waitingAt[priority] as number) + by
    const key = `${lane} ${client}`
    const calls = (waitingOf.get(key) ?? 0) + by
    if (calls > 0) waitingOf.set(key, calls)
    else waitingOf.delete(key)
  }

  const ask = tracing.spans(
    (budgetClass) => ({ name: 'budget', attributes: { 'gateway.class': budgetClass } }),
    budget.take,
    (grant) => ({ 'gateway.granted': 'slot' in grant }),
  )
  const wait = (context: CallContext, startBy: number): Promise<Slot> =>
    new Promise<Slot>((resolve, reject) => {
      const priority = priorityOf(context)
      if (count(0, priority) >= queueMax) return reject(full(budget.estimate(queueMax)))
      const leave = (settle: () => void): void => {
        if (!call.waiting) return
        call.waiting = false
        cancelDeadline()
        context.signal?.removeEventListener('abort', aborted)
        track(context, priority, -1)
        settle()
        match()
      }
      const aborted = (): void => leave(() => reject(new Failure('chathub.timeout')))
      const call: WaitingCall = {
        priority,
        waiting: true,
        serve: (slot) => leave(() => resolve(slot)),
        refuse: () => leave(() => reject(full(budget.estimate(count(0, priority))))),
      }
      const cancelDeadline = clock.after(startBy - clock.now(), call.refuse)
      context.signal?.addEventListener('abort', aborted, { once: true })
      track(context, priority, 1)
      schedule(call)
      void pump(classOf(priority))
    })
  const enqueue = tracing.spans(
    ({ lane }) => ({
      name: 'queue',
      attributes: { 'gateway.lane': lane, 'gateway.waiting': count(0, lowest) },
    }),
    wait,
  )

  return {
    acquireSlot: async (context) => {
      const arrivedAt = clock.now()
      const priority = priorityOf(context)
      const ahead = count(0, priority)
      const estimate = budget.estimate(ahead)
      // A slot without time for the answer would be wasted.
      const startBy = context.deadline - Math.min(options.answerMs, (context.deadline - arrivedAt) / 4)
      if (arrivedAt + estimate >= startBy) throw full(estimate)
      // If no call as urgent waits, the call asks the budget at once and saves the milliseconds of the queue.
      const grant = ahead === 0 ? await ask(classOf(priority)) : { waitMs: estimate }
      if (context.signal?.aborted) {
        if ('slot' in grant) grant.slot.release()
        throw new Failure('chathub.timeout')
      }
      const slot = 'slot' in grant ? grant.slot : await enqueue(context, startBy)
      options.report(context, clock.now() - arrivedAt)
      return slot
    },
    estimate: (lane, calls) => budget.estimate(count(0, ranges[lane].first) + calls - 1),
    pause: budget.pause,
    waiting: () => {
      const depths = Object.entries(ranges).map(([lane, { first, last }]) => [lane, count(first, last)])
      return Object.fromEntries(depths) as Record<Lane, number>
    },
  }
}
