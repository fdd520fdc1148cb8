import { type Count, countsOf, type QuotaOptions, type Quotas, quotaExceeded } from './quotas.ts'

type Members = {
  /** `until`: monotonic ms. */
  kept: Map<string, { until: number; weight: number }>
  sum: number
  /** No member ends before, monotonic ms. */
  earliest: number
}

// Clients of JWTs come and go, so counts of nothing are dropped once in so many changes.
const sweepEvery = 1000

/** The counts of a gateway without Redis. */
export const createMemoryQuotas = (options: QuotaOptions): Quotas => {
  const { clock } = options
  const all = new Map<string, Members>()
  let changes = 0

  const remove = (members: Members, member: string): void => {
    members.sum -= members.kept.get(member)?.weight ?? 0
    members.kept.delete(member)
  }
  const removeEnded = (members: Members): void => {
    if (clock.now() < members.earliest) return
    members.earliest = Infinity
    for (const [member, { until }] of members.kept)
      if (until <= clock.now()) remove(members, member)
      else members.earliest = Math.min(members.earliest, until)
  }
  const membersOf = ({ name }: Count): Members => {
    const members = all.get(name) ?? { kept: new Map(), sum: 0, earliest: Infinity }
    all.set(name, members)
    removeEnded(members)
    return members
  }
  const fitsIn = ({ kept }: Members, excess: number): number => {
    let left = excess
    let at = clock.now()
    for (const { until, weight } of [...kept.values()].toSorted((a, b) => a.until - b.until)) {
      if (left <= 0) break
      left -= weight
      at = until
    }
    return at - clock.now()
  }
  const put = (count: Count): void => {
    const { member, weight, keepMs } = count
    const members = membersOf(count)
    const until = clock.now() + keepMs
    if (!members.kept.has(member)) members.sum += weight
    members.kept.set(member, { until, weight })
    members.earliest = Math.min(members.earliest, until)
  }
  const sweep = (): void => {
    if (++changes % sweepEvery !== 0) return
    for (const [name, members] of all) {
      removeEnded(members)
      if (members.kept.size === 0) all.delete(name)
    }
  }
  return {
    take: async (things) => {
      sweep()
      const counts = countsOf(things, options)
      for (const count of counts) {
        const members = membersOf(count)
        const excess = members.sum + count.weight - count.limit
        if (excess > 0 && !members.kept.has(count.member))
          throw quotaExceeded(count, members.sum, fitsIn(members, excess), options)
      }
      for (const count of counts) put(count)
    },
    extend: async (things) => countsOf(things, options).forEach(put),
    release: async (things) => {
      for (const count of countsOf(things, options)) remove(membersOf(count), count.member)
    },
  }
}
