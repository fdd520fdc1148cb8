import { setImmediate } from 'node:timers/promises'

/**
 * The only source of time. Rooms take it as a value, so tests hand time in instead of sleeping.
 * `now` never goes back and knows no date; `wall` is the date and may jump: nothing that expires is measured with it.
 */
export type Clock = {
  /** Milliseconds on a monotonic scale with an arbitrary start. */
  now(): number
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  wall(): number
  /** Runs `run` once after `ms` milliseconds; the returned function cancels it. Never keeps the process alive. */
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

/** Runs `run` every `ms` milliseconds from now on; the returned function ends it. */
export const every = (clock: Clock, ms: number, run: () => void): (() => void) => {
  const again = (): void => {
    run()
    cancel = clock.after(ms, again)
  }
  let cancel = clock.after(ms, again)
  return () => cancel()
}

/** Resolves after `ms`, or at once when `signal` fires; the caller looks at the signal itself. */
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

// So long one piece of work keeps everything else waiting, in ms.
const sliceMs = 0.25

/** Does `work` with each item, in slices of time between which the event loop goes on with what else there is. */
export const inSlices = async <T>(items: Iterable<T>, work: (item: T) => void): Promise<void> => {
  let began = performance.now()
  for (const item of items) {
    work(item)
    if (performance.now() - began < sliceMs) continue
    await nextSlice()
    began = performance.now()
  }
}

/** Lets the event loop go on with what else there is. */
export const nextSlice = (): Promise<void> => setImmediate()
