import { type Cache, createCache } from '../../src/cache/cache.ts'
import { createMemoryStore } from '../../src/cache/memory-store.ts'
import { createRefresher, type ExchangeReads, type Reads } from '../../src/cache/refresher.ts'
import type { Store } from '../../src/cache/store.ts'
import { pause } from '../../src/clock.ts'
import { createClock } from '../support/clock.ts'
import { randomOf } from '../support/long.ts'

/** `perSecond`: refreshes a second of all instances together. */
export type Readers = {
  seed: number
  zipf: number
  instances: number
  lists: number
  readsPerSecond: number
  perSecond: number
  freshMs: number
  warmUpMs: number
  measuredMs: number
}

// Readers come at these instants, several at a time.
const stepMs = 250
const loadMs = 50

/** How often each list is read, as shares of all reads, the most read first. */
const sharesOf = ({ lists, zipf }: Readers): number[] => {
  const weights = Array.from({ length: lists }, (_, rank) => (rank + 1) ** -zipf)
  const sum = weights.reduce((one, other) => one + other)
  return weights.map((weight) => weight / sum)
}

/** Lists that are read in the next step, at random. */
const createReads = (readers: Readers): (() => number[]) => {
  const random = randomOf(readers.seed)
  let sum = 0
  const bounds = sharesOf(readers).map((share) => (sum += share))
  const one = (): number => {
    const at = random() * sum
    let [low, high] = [0, bounds.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((bounds[middle] as number) < at) low = middle + 1
      else high = middle
    }
    return low
  }
  const expected = (readers.readsPerSecond * stepMs) / 1000
  return () => Array.from({ length: Math.floor(expected + random()) }, one)
}

const createMean = () => {
  let [sum, count] = [0, 0]
  return {
    add: (value: number): void => {
      sum += value
      count++
    },
    value: () => sum / count,
  }
}

/**
 * The least mean age (ms) that readers can get: Σ p·T/2 with Σ 1/T = B and no T below the fresh time. The solution is
 * T = max(fresh, λ/√p), and λ is found by bisection. Without the floor it is (Σ√p)²/2B.
 */
export const optimumMs = (readers: Readers): number => {
  const shares = sharesOf(readers)
  const { freshMs, perSecond } = readers
  const intervals = (lambda: number): number[] =>
    shares.map((share) => Math.max(freshMs, lambda / Math.sqrt(share)))
  const rate = (lambda: number): number => intervals(lambda).reduce((sum, ms) => sum + 1000 / ms, 0)
  let [low, high] = [0, 1e9]
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2
    if (rate(middle) > perSecond) low = middle
    else high = middle
  }
  return intervals(high).reduce((sum, ms, rank) => sum + ((shares[rank] as number) * ms) / 2, 0)
}

/** The mean age (ms) if old lists were refreshed in the order in which readers found them. */
export const firstComeMs = (readers: Readers): number => {
  const { freshMs, perSecond, lists, warmUpMs, measuredMs } = readers
  const reads = createReads(readers)
  const askedAt = Array.from({ length: lists }, () => 0)
  const queue: number[] = []
  const queued = new Set<number>()
  const mean = createMean()
  let allowed = 0
  for (let now = 0; now < warmUpMs + measuredMs; now += stepMs) {
    for (const list of reads()) {
      const age = now - (askedAt[list] as number)
      if (now >= warmUpMs) mean.add(age)
      if (age < freshMs || queued.has(list)) continue
      queue.push(list)
      queued.add(list)
    }
    allowed = Math.min(1, allowed) + (perSecond * stepMs) / 1000
    for (; allowed >= 1 && queue.length > 0; allowed--) {
      const list = queue.shift() as number
      queued.delete(list)
      askedAt[list] = now
    }
  }
  return mean.value()
}

/** One store for all instances, of which one at a time may load a list, as in Redis. */
const createStores = (shared: Store, claims = new Map<string, number>()) => {
  return (instance: number): Store => ({
    ...shared,
    read: async (key, claim) => {
      const found = await shared.read(key, claim)
      if (!found.claimed) return found
      if ((claims.get(key) ?? instance) !== instance) return { ...found, claimed: false }
      claims.set(key, instance)
      return found
    },
    fill: async (key, ...copy) => {
      claims.delete(key)
      return shared.fill(key, ...copy)
    },
    release: async (key) => void (claims.get(key) === instance && claims.delete(key)),
  })
}

const createExchange = (all = new Map<number, ReadonlyMap<string, Reads>>()) => {
  return (instance: number): ExchangeReads =>
    async (own) => {
      all.set(instance, own)
      const sums = new Map<string, Reads>()
      for (const [other, reads] of all)
        for (const [key, { rate, agoMs }] of other === instance ? [] : reads) {
          const before = sums.get(key) ?? { rate: 0, agoMs: Number.POSITIVE_INFINITY }
          sums.set(key, { rate: before.rate + rate, agoMs: Math.min(before.agoMs, agoMs) })
        }
      return sums
    }
}

/** Readers of lists before real caches and refreshers on a virtual clock. Every list is in memory at the begin. */
export const simulate = async (readers: Readers) => {
  const { instances, freshMs, perSecond, warmUpMs, measuredMs, lists } = readers
  const clock = createClock()
  const storeOf = createStores(createMemoryStore({ clock }))
  const exchangeOf = createExchange()
  const loadedAt = new Map<string, number>()
  let [loads, soonestMs] = [0, Number.POSITIVE_INFINITY]
  const start = (instance: number) => {
    const cacheOf = () => cache
    const refresher = createRefresher({
      clock,
      perSecond: () => perSecond / instances,
      exchange: instances > 1 ? exchangeOf(instance) : undefined,
      listened: () => [],
      ...{ cacheOf, caches: () => [cache] },
    })
    const day = 86_400_000
    const cache: Cache<string> = createCache<string>({
      ...{ list: 'operators', store: storeOf(instance), clock, refresher, report: () => {}, decode: String },
      times: { freshMs, revalidateMs: day, waitMs: 0, staleMs: day },
      load: async (key, { lane }) => {
        const askedAt = clock.now()
        if (lane === 'refreshes') {
          loads++
          soonestMs = Math.min(soonestMs, askedAt - (loadedAt.get(key) ?? Number.NEGATIVE_INFINITY))
        }
        loadedAt.set(key, askedAt)
        await pause(clock, loadMs)
        return { value: key, bytes: Buffer.from(key), askedAt }
      },
    })
    return { cache, refresher }
  }
  const running = Array.from({ length: instances }, (_, instance) => start(instance))
  const random = randomOf(readers.seed + 1)
  const mean = createMean()
  const read = async (list: number, isMeasured: boolean): Promise<void> => {
    const { cache } = running[Math.floor(random() * instances)] as (typeof running)[0]
    const key = `operators:${list}`
    const context = { lane: 'people', client: 'crm', deadline: clock.now() + 60_000 } as const
    const { freshness } = cache.peek(key) ?? (await cache.read(key, context))
    if (isMeasured) mean.add(freshness.ageMs)
  }
  for (let list = 0; list < lists; list++) for (let each = 0; each < instances; each++) void read(list, false)
  const reads = createReads(readers)
  let measuredLoads = 0
  while (clock.now() < warmUpMs + measuredMs) {
    const isMeasured = clock.now() >= warmUpMs
    if (!isMeasured) measuredLoads = loads
    for (const list of reads()) void read(list, isMeasured)
    await clock.advance(stepMs)
  }
  for (const { refresher } of running) refresher.stop()
  const perSecondDone = ((loads - measuredLoads) * 1000) / measuredMs
  return { meanMs: mean.value(), perSecond: perSecondDone, soonestMs }
}
