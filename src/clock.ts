/**
 * The only source of time. It is passed in, so that tests move time instead of sleeping.
 * `now` never goes back and has no date. `wall` is the date and may jump, so no expiry is measured with it.
 */
export type Clock = {
  /** Milliseconds on a monotonic scale with an arbitrary start. */
  now(): number
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  wall(): number
  /** Runs `run` once after `ms` milliseconds. The returned function cancels it. A timer does not keep the process alive. */
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.max(0, ms))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Runs `run` every `ms` milliseconds, first after `ms`. The returned function ends it, also from inside `run`. */
export const every = (clock: Clock, ms: number, run: () => void): (() => void) => {
  const runAndRepeat = (): void => {
    cancel = clock.after(ms, runAndRepeat)
    run()
  }
  let cancel = clock.after(ms, runAndRepeat)
  return () => cancel()
}

/** A function that starts `work`, unless it still runs. What it rejects with is ignored: it is started again. */
export const alone = (work: () => Promise<unknown>): (() => void) => {
  let isRunning = false
  const end = (): void => {
    isRunning = false
  }
  return () => {
    if (isRunning) return
    isRunning = true
    work().then(end, end)
  }
}

/** Resolves after `ms`, or at once when `signal` is aborted. The caller checks the signal. */
export const pause = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })

/** The outcome of the promise, or undefined after `ms`. */
export const within = async <V>(clock: Clock, promise: Promise<V>, ms: number): Promise<V | undefined> => {
  const timer = new AbortController()
  promise.catch(() => {}) // it may fail when nobody waits any more
  try {
    return await Promise.race([promise, pause(clock, ms, timer.signal).then(() => undefined)])
  } finally {
    timer.abort()
  }
}

// The longest time, in ms, in which sliced work keeps the event loop busy.
const sliceMs = 0.25

/** Calls `work` with each item. Other work of the event loop runs between two slices of 0.25 ms. */
export const inSlices = async <T>(items: Iterable<T>, work: (item: T) => void): Promise<void> => {
  let startedAt = performance.now()
  for (const item of items) {
    work(item)
    if (performance.now() - startedAt < sliceMs) continue
    await nextSlice()
    startedAt = performance.now()
  }
}

let endings: (() => void)[] = []
const endTurn = (): void => {
  const now = endings
  endings = []
  for (const run of now) run()
}
/** Runs `run` at the end of this turn of the event loop, before a slice of longer work goes on. */
export const atEndOfTurn = (run: () => void): void => {
  if (endings.push(run) === 1) setImmediate(endTurn)
}

const waiting: (() => void)[] = []
const resumeNext = (): void => {
  endTurn()
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(resumeNext)
}
/** Resolves in a later iteration of the event loop. An iteration resumes one of those that wait, in turns. */
export const nextSlice = (): Promise<void> =>
  new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(resumeNext)
  })
