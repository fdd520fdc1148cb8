import type { Clock } from '../clock.ts'
import type { ConnectionBurst } from './connection-burst.ts'

/** The work of requests in one turn of the event loop, ms. */
const turnMs = 10
/** A waiting request holds about 10 KB. */
const waitingMax = 10_000
/** Waiting requests that one turn may begin. */
const begunMax = 64

/**
 * Bounds the work that one turn of the event loop begins. So what is answered without work, such as a cached list and
 * /livez, waits for 10 ms of it at most, and for the end of one request. Other requests wait in order. Once the oldest has
 * waited for half of `waitMs`, there is more load than the process can carry, and the newest goes first: some callers are
 * served soon, instead of all of them late. A request that has waited for `waitMs` is refused. It has cost its head alone.
 * One turn counts for a quarter of `waitMs` at most: a process that stood still is not overloaded for that reason.
 */
export const createWaitingRoom = <Request>(options: {
  clock: Clock
  waitMs: number
  /** Nothing is begun while connections are let in. */
  connectionBurst: Pick<ConnectionBurst, 'isOpen'>
  /** Exactly one of the two is called for a request, or neither if its client has left. */
  begin(request: Request): void
  refuse(request: Request): void
  /** Whether nobody waits for the answer any more. */
  isGone(request: Request): boolean
}) => {
  const { clock, connectionBurst, waitMs, isGone } = options
  const turnCountedMax = waitMs / 4
  /** The time of all turns so far, as counted, and when the current one began. */
  let turnsMs = 0
  let turnBegan = 0
  /** The oldest first; `since` is a time of `turnsMs`. */
  const waiting: { request: Request; since: number }[] = []
  let isTurnCounted = false
  let spentMs = 0
  /** When the work began that has not been counted yet. */
  let begunAt: number | undefined

  const countedAt = (now: number): number => turnsMs + Math.min(now - turnBegan, turnCountedMax)
  /** Whether the oldest has waited for half of its time. */
  const isLate = (now: number): boolean => {
    const oldest = waiting[0]
    return oldest !== undefined && countedAt(now) - oldest.since >= waitMs / 2
  }
  const passed = (now: number): void => {
    if (begunAt === undefined) return
    spentMs += now - begunAt
    begunAt = undefined
  }
  const begin = (request: Request, now: number): void => {
    begunAt = now
    options.begin(request)
  }
  const take = (now: number) => (isLate(now) ? waiting.pop() : waiting.shift())
  /** Begins the next request that somebody waits for, if the turn has time. */
  const beginNext = (): void => {
    const now = clock.now()
    passed(now)
    if (spentMs >= turnMs || connectionBurst.isOpen()) return
    let next = take(now)
    while (next && isGone(next.request)) next = take(now)
    if (next) begin(next.request, now)
  }
  const refuseFirst = (count: number): void => {
    for (const { request } of waiting.splice(0, count)) if (!isGone(request)) options.refuse(request)
  }
  const endTurn = (): void => {
    const now = clock.now()
    passed(now)
    turnsMs = countedAt(now)
    turnBegan = now
    const inTime = waiting.findIndex(({ since }) => turnsMs - since < waitMs)
    refuseFirst(inTime === -1 ? waiting.length : inTime)
    spentMs = 0
    isTurnCounted = waiting.length > 0
    if (!isTurnCounted) return
    // The promises of a request go on before the next immediate, so its work is counted before another is begun.
    for (let count = Math.min(waiting.length, begunMax); count > 0; count--) setImmediate(beginNext)
    setImmediate(endTurn)
  }
  return {
    /** Tells that a request of any kind has arrived, so the work before it has ended or waits for something. */
    passed,
    /** Begins a request now, or lets it wait if this turn has had its work. */
    enter: (request: Request, now: number): void => {
      passed(now)
      if (!isTurnCounted) {
        setImmediate(endTurn)
        turnBegan = now
      }
      isTurnCounted = true
      // While others wait in order, this one does too.
      const isFirst = waiting.length === 0 || isLate(now)
      if (spentMs < turnMs && isFirst && !connectionBurst.isOpen()) begin(request, now)
      else waiting.push({ request, since: countedAt(now) })
      if (waiting.length > waitingMax) refuseFirst(1)
    },
  }
}
