import { createLoopLag } from './loop-lag.ts'
import type { RouteName } from './routes.ts'

/**
 * One request that arrived. `at`: monotonic ms, by default `performance.now()` of the simulator's process,
 * taken when the head was read. `status`: the status sent, 0 if none was. `organization`: set if the request
 * concerns exactly one. `loopLagMs`: how late `at` may be because this process was busy.
 */
export type Arrival = {
  at: number
  method: string
  path: string
  route: RouteName
  organization?: number
  /** Headers of tracing that it had. */
  trace?: Record<string, string>
  status: number
  loopLagMs: number
}

/** `maxLagMs` (20): windows with a longer stall are discarded. `route`: only this route is counted. */
export type BusiestOptions = { maxLagMs?: number; route?: RouteName }

/** `kept`, `discarded`: numbers of windows. `count`: the most arrivals in a kept window. */
export type Busiest = { count: number; kept: number; discarded: number }

export type Arrivals = ReturnType<typeof createArrivals>

/** The log of arrivals, which decides whether at most N requests came in any second. */
export function createArrivals(monotonic: () => number) {
  const lag = createLoopLag()
  let arrivals: Arrival[] = []

  /**
   * The most arrivals in any sliding second [t, t + 1000). Only windows that begin at an arrival are counted,
   * since no other window can hold more. Windows with a stall are discarded, and `count` concerns the kept
   * ones only. A burst that stalls the simulator discards its own windows, so a test must check `kept` too.
   */
  function busiestSecond({ maxLagMs = 20, route }: BusiestOptions = {}): Busiest {
    const seen = arrivals.filter((arrival) => route === undefined || arrival.route === route)
    let count = 0
    let discarded = 0
    let end = 0
    let lateUntil = -1
    for (const [start, { at }] of seen.entries()) {
      for (; end < seen.length && seen[end]!.at < at + 1000; end++) {
        if (seen[end]!.loopLagMs > maxLagMs) lateUntil = end
      }
      if (lateUntil >= start || lag.stalled(at, at + 1000, maxLagMs)) discarded++
      else count = Math.max(count, end - start)
    }
    return { count, kept: seen.length - discarded, discarded }
  }

  return {
    /** Adds an entry whose organization and status are set when they become known. */
    record(head: Pick<Arrival, 'method' | 'path' | 'route' | 'trace'>): Arrival {
      const arrival: Arrival = { at: monotonic(), ...head, status: 0, loopLagMs: lag.at(performance.now()) }
      arrivals.push(arrival)
      return arrival
    },
    all: (): Arrival[] => arrivals.map((arrival) => ({ ...arrival })),
    busiestSecond,
    clear: () => {
      arrivals = []
      lag.clear()
    },
    stop: lag.stop,
  }
}
