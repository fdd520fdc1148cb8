import { randomOf } from '../support/long.ts'

/** Random choices that are the same for the same seed. */
export type Dice = {
  /** From 0 to less than `n`. */
  below(n: number): number
  /** True with this probability, from 0 to 1. */
  chance(probability: number): boolean
  /** @throws when there is nothing to choose from */
  pick<T>(from: readonly T[]): T
}

export const createDice = (seed: number): Dice => {
  const random = randomOf(seed)
  const below = (n: number): number => Math.floor(random() * n)
  return {
    below,
    chance: (probability) => random() < probability,
    pick: (from) => {
      if (from.length === 0) throw new RangeError('nothing to choose from')
      return from[below(from.length)] as never
    },
  }
}
