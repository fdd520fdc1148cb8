import type { Clock } from '../clock.ts'
import type { Served } from '../report.ts'

const halfLifeMs = 300_000
// Bucket i holds ages of up to 1.05^i − 1 seconds. The last one has no end.
const growth = Math.log(1.05)
const bucketCount = 300

/** How old lists were when readers got them, in about the last ten minutes: decaying counts with a half-life of five. */
export const createReadAges = (clock: Clock) => {
  const buckets = new Float64Array(bucketCount)
  const served: Record<Served, number> = { fresh: 0, revalidated: 0, waited: 0, stale: 0 }
  let seconds = 0
  let decayedAt = clock.now()

  const decay = (): void => {
    const elapsedMs = clock.now() - decayedAt
    if (elapsedMs < 1000) return
    decayedAt += elapsedMs
    const factor = 0.5 ** (elapsedMs / halfLifeMs)
    seconds *= factor
    for (const how of Object.keys(served) as Served[]) served[how] *= factor
    for (let i = 0; i < bucketCount; i++) buckets[i] = (buckets[i] as number) * factor
  }
  const rounded = (value: number): number => Math.round(value * 1000) / 1000

  return {
    add: (how: Served, ageMs: number, reads: number): void => {
      decay()
      served[how] += reads
      seconds += (reads * ageMs) / 1000
      const bucket = Math.min(bucketCount - 1, Math.ceil(Math.log1p(ageMs / 1000) / growth))
      buckets[bucket] = (buckets[bucket] as number) + reads
    },
    /** `p95AgeSeconds` is at most a twentieth too great. Shares are from 0 to 1. Null: nothing was read. */
    status: () => {
      decay()
      const total = served.fresh + served.revalidated + served.waited + served.stale
      if (total < 1e-6)
        return { meanAgeSeconds: null, p95AgeSeconds: null, fresh: 0, revalidated: 0, waited: 0, stale: 0 }
      let bucket = 0
      for (let below = buckets[0] as number; below < 0.95 * total && bucket < bucketCount - 1; )
        below += buckets[++bucket] as number
      return {
        meanAgeSeconds: rounded(seconds / total),
        p95AgeSeconds: rounded(Math.expm1(bucket * growth)),
        fresh: rounded(served.fresh / total),
        revalidated: rounded(served.revalidated / total),
        waited: rounded(served.waited / total),
        stale: rounded(served.stale / total),
      }
    },
  }
}
