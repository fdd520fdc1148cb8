import { type Clock, every } from '../clock.ts'
import type { Upstream } from '../contract/system.ts'

type Sample = Upstream['recent'][number]

const everyMs = 5000
/** Ten minutes. */
const samplesMax = 120

/**
 * How much ChatHub was asked, and how many calls waited, in the last ten minutes of this instance. So a chart has a past when
 * somebody opens it.
 */
export const createRecentLoad = (clock: Clock, measure: () => Omit<Sample, 'at'>) => {
  const samples: Sample[] = []
  const take = (): void => {
    samples.push({ at: new Date(clock.wall()).toISOString(), ...measure() })
    if (samples.length > samplesMax) samples.shift()
  }
  return {
    /** The oldest first. */
    samples: (): readonly Sample[] => samples,
    stop: every(clock, everyMs, take),
  }
}
