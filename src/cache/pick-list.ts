/** A list that may be refreshed now. Times are monotonic ms. */
export type Candidate = {
  key: string
  /** How often it is read, in any unit that all candidates share. */
  rate: number
  /** When the copy was asked for; minus infinity when that is not known. */
  since: number
}

// A list of which no copy is known counts as so old.
const ageMaxMs = 24 * 3600 * 1000

/**
 * The list with the greatest rate × age². A list is then refreshed at intervals proportional to 1/√rate. Among all orders
 * with as many refreshes this one gives readers the lowest mean age. Undefined: there is none.
 */
export const pickList = (candidates: Iterable<Candidate>, now: number): string | undefined => {
  let picked: string | undefined
  let most = 0
  for (const { key, rate, since } of candidates) {
    const weight = rate * Math.min(now - since, ageMaxMs) ** 2
    if (weight <= most) continue
    most = weight
    picked = key
  }
  return picked
}
