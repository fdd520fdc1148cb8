import Bottleneck from 'bottleneck'
import type { CallContext, Lane } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Budget, BudgetClass, Slot } from './budget.ts'

/**
 * The queue before ChatHub: people before writes before imports before refreshes; within a lane clients with little
 * waiting before clients with much. Bounded; when it is full, the least urgent call is dropped, never a person for an import.
 */
export type PriorityQueue = {
  /**
   * Waits for a slot. @throws Failure `queue.full` with a Retry-After that holds: at once when the context's deadline is
   * out of reach, when the queue is full of calls at least as urgent, or when the deadline comes; `chathub.timeout` when aborted.
   */
  enter(context: CallContext): Promise<Slot>
  /** ChatHub asked for a pause. */
  pause(ms: number): void
  waiting(): Record<Lane, number>
}

// Bottleneck knows priorities 0 to 9, 0 first. A lane owns a band of them, so that a client's first waiting call goes
// before its second and third: whoever asks much cannot starve whoever asks little.
const bands: Record<Lane, { first: number; width: number; klass: BudgetClass }> = {
  people: { first: 0, width: 3, klass: 'urgent' },
  writes: { first: 3, width: 3, klass: 'urgent' },
  imports: { first: 6, width: 2, klass: 'background' },
  refreshes: { first: 8, width: 2, klass: 'background' },
}

type Waiting = { priority: number; serve(slot: Slot): void; drop(): void }

export const createPriorityQueue = (options: {
  budget: Budget
  queueMax: number
  /** What a call must have left for its answer when its turn comes; a quarter of its time where that is less. */
  answerMs: number
  clock: Clock
  report: (lane: Lane, ms: number) => void
}): PriorityQueue => {
  const { budget, clock, queueMax } = options
  const limiter = createLimiter()
  /** Who waits, by priority, first come first. */
  const calls = Array.from({ length: 10 }, () => new Set<Waiting>())
  const waiting: Record<Lane, number> = { people: 0, writes: 0, imports: 0, refreshes: 0 }
  const byClient = new Map<string, number>()
  // Bottleneck cannot take a job back, so its jobs are nobody's in particular: one of priority p serves the first call
  // that still waits at p. A call that leaves early leaves a spare job behind, for the next call of that priority.
  const jobs = new Array<number>(10).fill(0)
  /** Slots on their way to a job. Bottleneck's reservoir holds exactly as many, never more than there are jobs. */
  const slots: { slot: Slot; klass: BudgetClass }[] = []
  let pumping = false
  let waitingFor: BudgetClass | undefined
  let wake = new AbortController()

  const total = (counts: number[]): number => counts.reduce((sum, count) => sum + count, 0)
  const waitingOf = (klass: BudgetClass): number =>
    klass === 'urgent' ? waiting.people + waiting.writes : waiting.imports + waiting.refreshes
  /** The class of the most urgent call that has no slot on its way. */
  const wanted = (): BudgetClass | undefined =>
    (['urgent', 'background'] as const).find(
      (klass) => waitingOf(klass) > slots.filter((held) => held.klass === klass).length,
    )
  /** Takes slots from the budget while calls wait for them. */
  const pump = async (): Promise<void> => {
    if (pumping) return
    pumping = true
    for (let klass = wanted(); klass; klass = wanted()) {
      const granted = await budget.take(klass)
      if ('slot' in granted) handOn({ slot: granted.slot, klass })
      else {
        wake = new AbortController()
        waitingFor = klass
        await pause(clock, granted.waitMs, wake.signal)
        waitingFor = undefined
      }
    }
    pumping = false
  }
  /** Releases the most urgent job for this slot; back to the budget with it when there is none. */
  const handOn = (held: (typeof slots)[number]): void => {
    if (total(jobs) > slots.length) {
      slots.push(held)
      void limiter.incrementReservoir(1)
    } else held.slot.release()
  }
  const submit = (priority: number): void => {
    jobs[priority] = (jobs[priority] as number) + 1
    void limiter.schedule({ priority }, async () => run(priority))
  }
  const run = (priority: number): void => {
    jobs[priority] = (jobs[priority] as number) - 1
    const [call] = calls[priority] as Set<Waiting>
    const klass = priority < bands.imports.first ? 'urgent' : 'background'
    const own = slots.findIndex((held) => held.klass === klass)
    const [held] = slots.splice(Math.max(0, own), 1)
    if (!held) return // cannot be: a job runs for a slot
    if (!call) handOn(held)
    else if (klass === 'urgent' || held.klass === klass) call.serve(held.slot)
    else {
      // A person's slot, and the person has left: imports and refreshes have a share of their own.
      held.slot.release()
      submit(priority)
    }
    void pump()
  }

  const priorityOf = ({ lane, client }: CallContext): number => {
    const { first, width } = bands[lane]
    const already = byClient.get(`${lane} ${client}`) ?? 0
    return first + Math.min(width - 1, already === 0 ? 0 : already < 3 ? 1 : 2)
  }
  const countAhead = (priority: number): number =>
    total(calls.slice(0, priority + 1).map((waitingThere) => waitingThere.size))
  const track = ({ lane, client }: CallContext, by: 1 | -1): void => {
    waiting[lane] += by
    const key = `${lane} ${client}`
    const count = (byClient.get(key) ?? 0) + by
    if (count > 0) byClient.set(key, count)
    else byClient.delete(key)
  }
  const busy = (waitMs: number): Failure =>
    new Failure('queue.full', { retryAfterMs: Math.max(1000, waitMs) })
  /** Makes room for a call of this priority where a less urgent one waits: the last that came. */
  const makeRoom = (priority: number): boolean => {
    if (countAhead(9) < queueMax) return true
    const least = calls.findLast((waitingThere) => waitingThere.size > 0)
    const last = least && [...least].at(-1)
    if (!last || last.priority <= priority) return false
    last.drop()
    return true
  }

  const queue = (context: CallContext, enteredAt: number, lastTurn: number): Promise<Slot> =>
    new Promise<Slot>((resolve, reject) => {
      const priority = priorityOf(context)
      const same = calls[priority] as Set<Waiting>
      if (!makeRoom(priority)) return reject(busy(budget.estimate(queueMax)))
      /** Leaves the queue, whichever way; each way cancels the others. */
      const leave = (): void => {
        same.delete(call)
        cancelDeadline()
        context.signal?.removeEventListener('abort', aborted)
        track(context, -1)
      }
      const aborted = (): void => {
        leave()
        reject(new Failure('chathub.timeout'))
      }
      const call: Waiting = {
        priority,
        serve: (slot) => {
          leave()
          options.report(context.lane, clock.now() - enteredAt)
          resolve(slot)
        },
        drop: () => {
          leave()
          reject(busy(budget.estimate(queueMax)))
        },
      }
      const cancelDeadline = clock.after(lastTurn - clock.now(), () => {
        leave()
        reject(busy(budget.estimate(countAhead(priority))))
      })
      context.signal?.addEventListener('abort', aborted, { once: true })
      track(context, 1)
      same.add(call)
      if (same.size > (jobs[priority] as number)) submit(priority)
      if (waitingFor === 'background' && bands[context.lane].klass === 'urgent') wake.abort()
      void pump()
    })

  const enter = async (context: CallContext): Promise<Slot> => {
    const enteredAt = clock.now()
    const ahead = countAhead(priorityOf(context))
    const estimate = budget.estimate(ahead)
    // A call sent with no time for its answer would be a call wasted.
    const lastTurn = context.deadline - Math.min(options.answerMs, (context.deadline - enteredAt) / 4)
    if (enteredAt + estimate >= lastTurn) throw busy(estimate)
    // Nobody as urgent waits: straight to the budget, without the queue's milliseconds.
    const granted = ahead === 0 ? await budget.take(bands[context.lane].klass) : undefined
    const slot = granted && 'slot' in granted ? granted.slot : undefined
    if (context.signal?.aborted) {
      slot?.release()
      throw new Failure('chathub.timeout')
    }
    if (!slot) return queue(context, enteredAt, lastTurn)
    options.report(context.lane, clock.now() - enteredAt)
    return slot
  }

  return { enter, pause: (ms) => budget.pause(ms), waiting: () => ({ ...waiting }) }
}

/**
 * Bottleneck as an ordered gate: reservoir 0, so nothing starts until `incrementReservoir(1)` releases the most urgent job.
 * 2.19.5 sleeps for a timer's turn, 1 ms and more, before each of its steps, one call after another: that is 460 calls
 * a second at most. A microtask keeps the order and does 5,000.
 */
const createLimiter = (): Bottleneck => {
  const limiter = new Bottleneck({ reservoir: 0 })
  const inner = limiter as unknown as { _store: { yieldLoop(): Promise<void> } }
  inner._store.yieldLoop = () => Promise.resolve()
  return limiter
}
