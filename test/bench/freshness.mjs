// How old are lists when readers get them, by the order in which they are refreshed?
import '../support/typescript.mjs'
import { randomBytes } from 'node:crypto'

export const question =
  'Mean age of lists at their readers: 2,000 lists, 100 reads and 2.5 refreshes a second, fresh for 60 s, virtual clock'

export const run = async ({ short, say }) => {
  const { firstComeMs, optimumMs, simulate } = await import('../cache/refresh-world.ts')
  const rows = []
  const seconds = (ms) => (ms / 1000).toFixed(1)
  for (const zipf of [1, 1.2])
    for (const instances of [1, 3]) {
      const seed = Number(process.env.SEED ?? randomBytes(4).readUInt32LE())
      const readers = {
        ...{ seed, zipf, instances, lists: 2000, readsPerSecond: 100, perSecond: 2.5, freshMs: 60_000 },
        ...{ warmUpMs: 3_600_000, measuredMs: short ? 600_000 : 2 * 3_600_000 },
      }
      const { meanMs, perSecond, soonestMs } = await simulate(readers)
      const optimum = optimumMs(readers)
      const firstCome = firstComeMs(readers)
      rows.push({
        zipf: zipf.toFixed(1),
        instances,
        'mean age s': seconds(meanMs),
        'optimum s': seconds(optimum),
        'to optimum': (meanMs / optimum).toFixed(3),
        'first come s': seconds(firstCome),
        'to first come': (meanMs / firstCome).toFixed(3),
        'refreshes a second': perSecond.toFixed(2),
        'soonest s': seconds(soonestMs),
        seed,
      })
    }
  say('request-weighted', rows)
  return rows
}
