import Bottleneck from 'bottleneck'
import type { CallContext, Lane } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Budget, BudgetClass, Slot } from './budget.ts'

/** Orders the calls to ChatHub: people before writes before imports before refreshes. */
export type PriorityQueue = {
  /**
   * Waits for a slot. @throws Failure `queue.full` with a Retry-After that holds: at once if the deadline is out of reach
   * or the queue is full of calls at least as urgent, later if the deadline passes or a more urgent call takes the place;
   * `chathub.timeout` if aborted.
   */
  acquireSlot(context: CallContext): Promise<Slot>
  /** Grants nothing for `ms`, because ChatHub asked for a pause. */
  pause(ms: number): void
  waiting(): Record<Lane, number>
}

/**
 * Bottleneck knows the priorities 0 to 9, and 0 goes first. Each lane owns a range of them. The first waiting call of a
 * client has a higher priority than its later ones, so a client with many calls cannot delay a client with few.
 */
const lanes: Record<Lane, { first: number; width: number; budgetClass: BudgetClass }> = {
  people: { first: 0, width: 3, budgetClass: 'urgent' },
  writes: { first: 3, width: 3, budgetClass: 'urgent' },
  imports: { first: 6, width: 2, budgetClass: 'background' },
  refreshes: { first: 8, width: 2, budgetClass: 'background' },
}
const priorities = 10

type WaitingCall = {
  priority: number
  budgetClass: BudgetClass
  /** False once the caller has its slot or has left; the job stays in Bottleneck, which cannot remove one. */
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
  /** The time that a call needs for its answer after it has a slot; at most a quarter of its time is kept for this. */
  answerMs: number
  clock: Clock
  report: (lane: Lane, ms: number) => void
}): PriorityQueue => {
  const { budget, clock, queueMax } = options
  const limiter = new Bottleneck({
    reservoir: 0,
    highWater: queueMax,
    strategy: Bottleneck.strategy.OVERFLOW_PRIORITY,
  })
  const waitingAt = new Array<number>(priorities).fill(0)
  const waitingOf = new Map<string, number>()
  /** Granted slots for which Bottleneck has not started a job yet; few, since a slot expires soon. */
  const granted: Partial<Record<BudgetClass, Slot>> = {}
  const pumping: Partial<Record<BudgetClass, boolean>> = {}
  /** By how much the reservoir was raised for jobs that have not started yet. */
  let starts = 0

  /** Calls that wait at the priorities from `first` to `last`. */
  const count = (first: number, last: number): number =>
    waitingAt.slice(first, last + 1).reduce((sum, calls) => sum + calls, 0)
  const countOf = (budgetClass: BudgetClass): number =>
    budgetClass === 'urgent' ? count(0, lanes.imports.first - 1) : count(lanes.imports.first, priorities - 1)

  /** Releases slots that no call needs any more, and lets Bottleneck start a job for each of the others. */
  const match = (): void => {
    for (const budgetClass of ['urgent', 'background'] as const)
      if (countOf(budgetClass) === 0) {
        granted[budgetClass]?.release()
        delete granted[budgetClass]
      }
    // If nobody waits, all jobs that are left belong to callers that have left.
    const wanted = count(0, priorities - 1) === 0 ? limiter.queued() : Object.keys(granted).length
    if (starts >= wanted) return
    void limiter.incrementReservoir(wanted - starts)
    starts = wanted
  }
  /** Takes slots from the budget one after another while calls of this class wait. */
  const pump = async (budgetClass: BudgetClass): Promise<void> => {
    if (pumping[budgetClass]) return
    pumping[budgetClass] = true
    while (countOf(budgetClass) > 0 && !granted[budgetClass]) {
      const grant = await budget.take(budgetClass)
      if ('slot' in grant) granted[budgetClass] = grant.slot
      else await pause(clock, grant.waitMs)
    }
    pumping[budgetClass] = false
    match()
  }
  const schedule = (call: WaitingCall): void => {
    limiter.schedule({ priority: call.priority }, async () => {}, call).catch(call.refuse)
  }
  // The event and not the job hands over the slot: a job starts late if the system clock was set back.
  limiter.on('scheduled', ({ args: [call] }: { args: WaitingCall[] }) => {
    if (!call) return
    starts--
    // A background call never uses an urgent slot, which does not count for the share of the background.
    const budgetClass = ([call.budgetClass, 'background'] as const).find((each) => granted[each])
    const slot = call.waiting && budgetClass ? granted[budgetClass] : undefined
    if (slot && budgetClass) {
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
    const { first, width } = lanes[lane]
    const already = waitingOf.get(`${lane} ${client}`) ?? 0
    return first + Math.min(width - 1, already === 0 ? 0 : already < 3 ? 1 : 2)
  }
  const track = ({ lane, client }: CallContext, priority: number, by: 1 | -1): void => {
    waitingAt[priority] = (waitingAt[priority] as number) + by
    const key = `${lane} ${client}`
    const calls = (waitingOf.get(key) ?? 0) + by
    if (calls > 0) waitingOf.set(key, calls)
    else waitingOf.delete(key)
  }

  const enqueue = (context: CallContext, arrivedAt: number, startBy: number): Promise<Slot> =>
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
        budgetClass: lanes[context.lane].budgetClass,
        waiting: true,
        serve: (slot) =>
          leave(() => {
            options.report(context.lane, clock.now() - arrivedAt)
            resolve(slot)
          }),
        refuse: () => leave(() => reject(full(budget.estimate(count(0, priority))))),
      }
      const cancelDeadline = clock.after(startBy - clock.now(), call.refuse)
      context.signal?.addEventListener('abort', aborted, { once: true })
      track(context, priority, 1)
      schedule(call)
      void pump(call.budgetClass)
    })

  return {
    acquireSlot: async (context) => {
      const arrivedAt = clock.now()
      const ahead = count(0, priorityOf(context))
      const estimate = budget.estimate(ahead)
      // A slot without time for the answer would be wasted.
      const startBy = context.deadline - Math.min(options.answerMs, (context.deadline - arrivedAt) / 4)
      if (arrivedAt + estimate >= startBy) throw full(estimate)
      // If no call as urgent waits, the call asks the budget at once and saves the milliseconds of the queue.
      const grant = ahead === 0 ? await budget.take(lanes[context.lane].budgetClass) : undefined
      const slot = grant && 'slot' in grant ? grant.slot : undefined
      if (context.signal?.aborted) {
        slot?.release()
        throw new Failure('chathub.timeout')
      }
      if (!slot) return enqueue(context, arrivedAt, startBy)
      options.report(context.lane, clock.now() - arrivedAt)
      return slot
    },
    pause: (ms) => budget.pause(ms),
    waiting: () => {
      const counts = Object.entries(lanes).map(([lane, { first, width }]) => [
        lane,
        count(first, first + width - 1),
      ])
      return Object.fromEntries(counts) as Record<Lane, number>
    },
  }
}
