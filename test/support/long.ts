import { randomBytes } from 'node:crypto'

/** `npm run test:long`: suites that have a long form run it; for a quiet machine. */
export const isLong = process.env['LONG'] === '1'

/** A seed of this run, printed; `SEED=<n>` repeats it. */
export const newSeed = (what: string): number => {
  const seed = Number(process.env['SEED'] ?? randomBytes(4).readUInt32LE() >>> 1)
  process.stderr.write(`${what}: SEED=${seed}\n`)
  return seed
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
