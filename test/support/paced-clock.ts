import { performance } from 'node:perf_hooks'
import { type Clock, systemClock } from '../../src/clock.ts'

export type PacedClock = Clock & {
  /** Puts both scales forward by `ms`; the timers that wait still wait as long as before. */
  jump(ms: number): void
  stop(): void
}

const stepMs = 5
// A process that has just begun waits for what an earlier one may have sent. Suites need not.
const beginsAt = 10_000

/** How many events of sockets, files and processes this process has handled. */
const eventsHandled = (): number => performance.nodeTiming.uvMetricsInfo.events

/**
 * A clock for suites with real sockets. It goes forward by at most 5 ms in each turn of the event loop, so time never
 * passes faster than this process can work: a busy machine makes a suite slower, but changes nothing of what it sees.
 * `speed`: how many times faster than real time it goes while nothing arrives, as in a wait; 1 where another process, such
 * as Redis, has to answer. `wall`: another date, which `jump` leaves as it is.
 */
export const createPacedClock = ({
  speed = 1,
  wall,
}: {
  speed?: number
  wall?: () => number
} = {}): PacedClock => {
  let passed = beginsAt
  let jumped = 0
  // Two readings differ, as those of a real clock do: an answer must be newer than the question before it.
  let readings = 0
  let tickedAt = performance.now()
  let handled = eventsHandled()
  const wallAtStart = systemClock.wall()
  const timers = new Set<{ due: number; run: () => void }>()

  const tick = (): void => {
    const now = performance.now()
    const isAtRest = handled === eventsHandled()
    handled = eventsHandled()
    const target = passed + (isAtRest ? speed : 1) * Math.min(stepMs, now - tickedAt)
    tickedAt = now
    const due = [...timers].filter((timer) => timer.due <= target).sort((a, b) => a.due - b.due)
    for (const timer of due) {
      if (!timers.delete(timer)) continue
      passed = Math.max(passed, timer.due)
      timer.run()
    }
    passed = target
  }
  const ticking = setInterval(tick, stepMs)
  ticking.unref()
  return {
    now: () => passed + jumped + ++readings * 1e-6,
    wall: wall ?? (() => wallAtStart + passed - beginsAt + jumped),
    after: (ms, run) => {
      const timer = { due: passed + Math.max(0, ms), run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    jump: (ms) => {
      jumped += ms
    },
    stop: () => clearInterval(ticking),
  }
}
