import type { ServerResponse } from 'node:http'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'

/** A smaller body is not refused for the heap. */
const largeFrom = 64 * 1024
/** The share of the heap that may be in use when a large body is let in. */
const heapShareMax = 0.85
const sampleMs = 100
/** How long a caller may take to receive a large answer that was made for it alone. */
const answerMs = 60_000

/** The share of the most that V8 may use. */
export const heapShare = (): number => {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  return used / limit
}

/**
 * Bounds the bytes of all bodies in flight together, and of answers that were made for one caller. Large ones are refused
 * first: they fit last, and a heap that is nearly full takes none.
 */
export const createBodyMemory = (options: { bodiesBytesMax: number; heapShare(): number; clock: Clock }) => {
  const { bodiesBytesMax, clock } = options
  let inFlight = 0
  let sample = { at: Number.NEGATIVE_INFINITY, isFull: false }
  const isHeapFull = (): boolean => {
    const now = clock.now()
    if (now - sample.at >= sampleMs) sample = { at: now, isFull: options.heapShare() > heapShareMax }
    return sample.isFull
  }
  /** Counts so many bytes until the returned function is called. @throws Failure `server.overloaded` */
  const enter = (bytes: number): (() => void) => {
    const isRefused = inFlight + bytes > bodiesBytesMax || (bytes >= largeFrom && isHeapFull())
    if (bytes > 0 && isRefused) throw new Failure('server.overloaded', { retryAfterMs: 1000 })
    inFlight += bytes
    return () => {
      inFlight -= bytes
    }
  }
  return {
    enter,
    /**
     * Counts a large answer until its caller has received it. A caller that takes longer than a minute is disconnected.
     * @throws Failure `server.overloaded`
     */
    hold: (res: ServerResponse, bytes: number): void => {
      if (bytes < largeFrom) return
      const leave = enter(bytes)
      const cancel = clock.after(answerMs, () => void res.destroy())
      res.once('close', () => {
        cancel()
        leave()
      })
    },
  }
}

export type BodyMemory = ReturnType<typeof createBodyMemory>
