/** A time [from, to] in monotonic ms in which the event loop was blocked for `lagMs`. */
export type Stretch = { from: number; to: number; lagMs: number }

const tickMs = 5
/** Requests that arrive during a stall are read just after it, so they count as delayed. */
const aftermathMs = 10
/** Accepting a connection and reading its bytes take several turns of the event loop, and each may be delayed. */
const turns = 3

/**
 * Measures the lag of the event loop of this process. Arrival times are taken in that loop, so after a stall
 * they are too late, and a count of them proves nothing.
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
    /** How late an event observed now may be, in ms. */
    at(now: number): number {
      const last = stretches.at(-1)
      const behind = Math.max(0, now - lastTick - tickMs)
      return last && now <= last.to ? Math.max(behind, last.lagMs) : behind
    },
    /** Whether a stall longer than `maxLagMs` overlaps [from, to). */
    stalled: (from: number, to: number, maxLagMs: number) =>
      stretches.some((stretch) => stretch.lagMs > maxLagMs && stretch.from < to && stretch.to >= from),
    clear: () => {
      stretches = []
    },
    stop: () => clearInterval(timer),
  }
}
