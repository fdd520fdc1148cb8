/** A stretch of monotonic ms in which this process could not serve: [from, to], held up for `lagMs`. */
export type Stretch = { from: number; to: number; lagMs: number }

const tickMs = 5
/** Requests that waited through a stall are read just after it ends; they count as delayed by it. */
const aftermathMs = 10
/** A request is seen after its connection was accepted and its bytes were read: several turns, each held up. */
const turns = 3

/**
 * Watches the event loop of this very process. Arrival times are taken in that loop: while it stood still,
 * they say when the simulator woke up and not when the request came, and a count over them proves nothing.
 */
export function createLoopLag() {
  let lastTick = performance.now()
  let stretches: Stretch[] = []
  let lags: number[] = []
  const timer = setInterval(() => {
    const now = performance.now()
    lags = [...lags.slice(1 - turns), Math.max(0, now - lastTick - tickMs)]
    const lagMs = lags.reduce((sum, lag) => sum + lag)
    if (lagMs > tickMs) stretches.push({ from: lastTick, to: now + aftermathMs, lagMs })
    lastTick = now
  }, tickMs)
  timer.unref()

  return {
    /** How late, in ms, something seen at this moment may be. */
    at(now: number): number {
      const last = stretches.at(-1)
      const behind = Math.max(0, now - lastTick - tickMs)
      return last && now <= last.to ? Math.max(behind, last.lagMs) : behind
    },
    /** Whether a stall longer than `maxLagMs` touches [from, to). */
    stalled: (from: number, to: number, maxLagMs: number) =>
      stretches.some((stretch) => stretch.lagMs > maxLagMs && stretch.from < to && stretch.to >= from),
    clear: () => {
      stretches = []
    },
    stop: () => clearInterval(timer),
  }
}
