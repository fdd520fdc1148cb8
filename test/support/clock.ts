import { until } from './until.ts'

/** The shape of the product's clock, written down again so that the support needs nothing of the product. */
type Clock = {
  now(): number
  wall(): number
  after(ms: number, run: () => void): () => void
}

export type HandClock = Clock & {
  /** Moves both scales on by `ms`, running what falls due in order of time, with everything between settled. */
  advance(ms: number): Promise<void>
  /** Moves the date alone, forward or back, as an operator or NTP would. Runs nothing. */
  jumpWall(ms: number): void
  /** How many timers wait. */
  pending(): number
  /** How long until the first of them falls due, in ms; endless without one. */
  untilNext(): number
}

type Timer = { due: number; run: () => void }

/**
 * A clock that stands still until it is told. Monotonic time starts at 0, the date at `wallAtStart` (ms since 1970).
 * Timers of one due time run in the order they were made; a timer made by a timer runs in the same `advance`
 * when it falls due in it.
 */
export const createClock = (wallAtStart = Date.UTC(2026, 0, 1)): HandClock => {
  let now = 0
  let wallOffset = wallAtStart
  const timers = new Set<Timer>()

  const nextDueBy = (limit: number): Timer | undefined => {
    let next: Timer | undefined
    for (const timer of timers) if (timer.due <= limit && (!next || timer.due < next.due)) next = timer
    return next
  }
  const advance = async (ms: number): Promise<void> => {
    const target = now + ms
    await settle()
    for (let timer = nextDueBy(target); timer; timer = nextDueBy(target)) {
      timers.delete(timer)
      now = Math.max(now, timer.due)
      timer.run()
      await settle()
    }
    now = Math.max(now, target)
  }
  return {
    now: () => now,
    wall: () => wallOffset + now,
    after: (ms, run) => {
      const timer = { due: now + Math.max(0, ms), run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    advance,
    jumpWall: (ms) => {
      wallOffset += ms
    },
    pending: () => timers.size,
    untilNext: () => Math.min(...[...timers].map(({ due }) => due - now)),
  }
}

/** Lets promises and immediates run dry; sockets are not waited for. A few rounds, as one may start the next. */
export const settle = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))

/** Waits for what ends on this clock, which goes on meanwhile: a stop waits for the work in flight, and this for its time. */
export const endsOn = async <T>(clock: HandClock, ending: Promise<T>): Promise<T> => {
  let isOver = false
  const over = ending.finally(() => {
    isOver = true
  })
  over.catch(() => {})
  await until(async () => {
    await clock.advance(1000)
    return isOver
  }, 'it ends on a clock that goes on')
  return over
}
