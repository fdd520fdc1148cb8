import { useEffect, useState } from 'react'
import type { Upstream } from '../../../client/client.ts'

export type Sample = { at: number; used: number; allowed: number; waiting: number; p95: number | null }

/** Five minutes at one sample each five seconds. */
const samplesMax = 60

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((all, count) => all + count, 0)

/** What was read since the screen was opened. */
export const useSamples = (upstream: Upstream | undefined, readAt: number): Sample[] => {
  const [samples, setSamples] = useState<Sample[]>([])
  useEffect(() => {
    if (!upstream) return
    const { budget, queue, reads } = upstream
    const sample: Sample = {
      at: readAt,
      used: budget.usedInLastSecond,
      allowed: budget.allowedNow,
      waiting: sum(queue.waiting),
      p95: reads.p95AgeSeconds,
    }
    setSamples((all) => (all.at(-1)?.at === readAt ? all : [...all, sample].slice(-samplesMax)))
  }, [upstream, readAt])
  return samples
}
