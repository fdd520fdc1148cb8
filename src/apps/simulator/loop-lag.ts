/** A time [from, to] in monotonic ms in which the event loop was blocked for `lagMs`. */
type Stall = { from: number; to: number; lagMs: number }

const tickMs = 5
/** Requests that arrive during a stall are read just after it, so they count as delayed. */
const afterStallMs = 10
/** Accepting a connection and reading its bytes take several iterations of the event loop, and each may be delayed. */
const iterations = 3

/**
 * Measures the lag of the event loop of this process. Arrival times are taken in that loop, so after a stall
 * they are too late, and a count of them proves nothing.
 */
export function createLoopLag() {
  let lastTick = performance.now()
  let stalls: Stall[] = []
  let lags: number[] = []
  const timer = setInterval(() => {
    const now = performance.now()
    lags = [...lags.slice(1 - iterations), Math.max(0, now - lastTick - tickMs)]
    const lagMs = lags.reduce((sum, lag) => sum + lag)
    if (lagMs > tickMs) stalls.push({ from: lastTick, to: now + afterStallMs, lagMs })
    lastTick = now
  }, tickMs)
  timer.unref()

  return {
    /** How late an event observed now may be, in ms. */
    at(now: number): number {
      const last = stalls.at(-1)
      const lateMs = Math.max(0, now - lastTick - tickMs)
      return last && now <= last.to ? Math.max(lateMs, last.lagMs) : lateMs
    },
    /** Whether a stall longer than `maxLagMs` overlaps [from, to). */
    stalled: (from: number, to: number, maxLagMs: number) =>
      stalls.some((stall) => stall.lagMs > maxLagMs && stall.from < to && stall.to >= from),
    clear: () => {
      stalls = []
    },
    stop: () => clearInterval(timer),
  }
}
