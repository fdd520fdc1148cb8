// Slices interleaved over contestants, several process starts: noise comes in phases, so pairs must be close in time.
import { slice } from './load.mjs'

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** `warm`: seconds of load before the first round; a just-in-time compiler needs some. */
export const effort = ({ short, starts = 3, rounds = 5 }) =>
  short ? { starts: 1, warm: 0, rounds: 1 } : { starts, warm: 3, rounds }

/** Another one first each time: noise that comes and goes as a round does would always hit the same one. */
const turned = (list, by) => list.map((_, index) => list[(index + by) % list.length])

/**
 * `contestants()` starts all of them anew: `[{ name, url, pid, headers, stop }]`. Gives each one's slices by name, in
 * the order of the rounds.
 */
export const race = async (contestants, { starts, warm = 1, rounds, seconds = 1 }) => {
  const slices = new Map()
  for (let begun = 0; begun < starts; begun++) {
    const here = await contestants()
    try {
      if (warm > 0) for (const one of here) await slice({ ...one, seconds: warm })
      for (let round = 0; round < rounds; round++)
        for (const one of turned(here, begun + round)) {
          const measured = await slice({ ...one, seconds })
          slices.set(one.name, [...(slices.get(one.name) ?? []), measured])
        }
    } finally {
      for (const one of here) await one.stop?.()
    }
  }
  return slices
}

const best = (slices) => Math.max(...slices.map(({ rps }) => rps))
const least = (slices) => Math.min(...slices.map(({ us }) => us))

/** One contestant's row, its ratios to `base` by rps (best, median of pairs) and by least CPU. */
export const row = (name, slices, base) => {
  const rates = slices.map(({ rps }) => rps)
  const pairs = base && slices.map(({ rps }, index) => rps / base[index].rps)
  return {
    server: name,
    'rps best': Math.round(best(slices)),
    'rps median': Math.round(median(rates)),
    spread: `${Math.round((100 * (Math.max(...rates) - Math.min(...rates))) / median(rates))} %`,
    'µs/req': least(slices).toFixed(1),
    'p50 ms': median(slices.map(({ p50 }) => p50)).toFixed(2),
    'p99 ms': median(slices.map(({ p99 }) => p99)).toFixed(1),
    ...(base && {
      'ratio best': (best(slices) / best(base)).toFixed(2),
      'ratio median': median(pairs).toFixed(2),
      'ratio CPU': (least(base) / least(slices)).toFixed(2),
    }),
  }
}
