import type { Clock } from '../clock.ts'

export type RoundTrip = {
  /** A measured round trip, ms. */
  note(ms: number): void
  /** The median of the last five, ms; 0 before the first. */
  medianMs(): number
  /** How long an answer may take: four round trips, within the bounds. */
  limitMs(): number
}

const samplesKept = 5
const tripsAllowed = 4

/** The time limit of a command follows the distance of Redis: from `minMs` to `maxMs`, or `minMs` if that is greater. */
export const createRoundTrip = (minMs: number, maxMs: number): RoundTrip => {
  let samples: number[] = []
  const medianMs = (): number => samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0
  return {
    note: (ms) => {
      samples = [ms, ...samples].slice(0, samplesKept)
    },
    medianMs,
    limitMs: () => Math.max(minMs, Math.min(maxMs, tripsAllowed * medianMs())),
  }
}

/** An answer that has arrived but waits for this process's own work still counts: a busy process must not drop Redis. */
export const answeredWithin = <T>(answer: Promise<T>, limitMs: number, clock: Clock): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = new Error('Command timed out')
    const cancel = clock.after(limitMs, () => setImmediate(() => setImmediate(reject, late)))
    answer.then(resolve, reject).finally(cancel)
  })
