import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, every } from '../clock.ts'
import { type Candidate, pickList } from './pick-list.ts'

/** What the refresher asks of a cache of lists. */
export type Refreshed = {
  freshMs: number
  /** Loads a list unless it is young; `isNew`: in any case. @throws Failure */
  refresh(key: string, context: CallContext, isNew: boolean): Promise<{ askedAt: number; isOwn?: boolean }>
  /** The copy in memory, however old. */
  remembered(key: string): { askedAt: number } | undefined
  /** Counts the reads of lists in memory, and visits each list with the time (monotonic ms) when it was asked for. */
  visit(visitor: (key: string, askedAt: number) => void): void
}

/** How often a list is read, as a decaying count, and how long ago it was read last. */
export type Reads = { rate: number; agoMs: number }
/** Exchanges how lists are read: takes what this instance knows, returns the sums and the latest of the others. */
export type ExchangeReads = (own: ReadonlyMap<string, Reads>) => Promise<ReadonlyMap<string, Reads>>

/** What a list is known by. `own`, `others`: decaying counts of reads. Times are monotonic ms. */
type Known = {
  own: number
  ownAt: number
  others: number
  othersAt: number
  askedAt: number
  failedAt: number
  triedAt: number
}

const tickMs = 1000
const exchangeMs = 15_000
const halfLifeMs = 600_000
/** A list that nobody has read for so long is not refreshed any more. */
const forgetMs = 600_000
const listsMax = 10_000
const exchangedMax = 2000
const atOnce = 8
const deadlineMs = 60_000
// A refresh that failed is not repeated sooner.
const againMs = 1000

/**
 * Refreshes lists behind all other calls, first those with the greatest read rate × age², at most `perSecond` a second.
 *
 * All instances know the same rates, and so come to the same lists. The claim in the store lets one of them ask ChatHub; the
 * others take its copy, and that costs them none of their share. No instance leads, so none can be missing.
 */
export const createRefresher = (options: {
  clock: Clock
  /** The share of this instance. 0: only what a reader found old, and at once. */
  perSecond: () => number
  exchange: ExchangeReads | undefined
  /** Lists that somebody listens to. Each counts as read once a second. */
  listened: () => Iterable<string>
  caches: () => readonly Refreshed[]
  cacheOf: (key: string) => Refreshed
}) => {
  const { clock, perSecond, exchange, cacheOf } = options
  const lists = new LRUCache<string, Known>(atMost(listsMax))
  const again = new Set<string>()
  const busy = new Set<string>()
  let nextAt = Number.NEGATIVE_INFINITY
  let tickedAt = clock.now()
  let exchangedAt = Number.NEGATIVE_INFINITY
  let cancel = (): void => {}
  let isStopped = false

  const knownOf = (key: string): Known => {
    const before = lists.get(key)
    if (before) return before
    const never = Number.NEGATIVE_INFINITY
    const askedAt = cacheOf(key).remembered(key)?.askedAt ?? never
    const times = { ownAt: never, othersAt: never, askedAt, failedAt: never, triedAt: never }
    const known: Known = { own: 0, others: 0, ...times }
    lists.set(key, known)
    return known
  }
  const counted = (key: string, reads: number): void => {
    const known = knownOf(key)
    known.own += reads
    known.ownAt = clock.now()
  }
  const intervalMs = (): number => {
    const rate = perSecond()
    return rate > 0 ? 1000 / rate : 0
  }
  const candidates = function* (now: number): Generator<Candidate> {
    for (const [key, { own, others, askedAt, failedAt, triedAt }] of lists.entries()) {
      const isDue = now >= askedAt + cacheOf(key).freshMs && now >= triedAt + againMs
      // A failure counts like a load, so that lists that fail do not keep the others from their turn.
      if (isDue && !busy.has(key)) yield { key, rate: own + others, since: Math.max(askedAt, failedAt) }
    }
  }
  const refresh = async (key: string, isNew: boolean): Promise<void> => {
    const known = knownOf(key)
    const startedAt = clock.now()
    const paidMs = intervalMs()
    nextAt = Math.max(nextAt, startedAt - paidMs) + paidMs
    known.triedAt = startedAt
    busy.add(key)
    const context = { lane: 'refreshes', client: 'refresh', deadline: startedAt + deadlineMs } as const
    try {
      const { askedAt, isOwn = false } = await cacheOf(key).refresh(key, context, isNew)
      known.askedAt = Math.max(known.askedAt, askedAt)
      // Another instance asked ChatHub.
      if (!isOwn || askedAt < startedAt) nextAt -= paidMs
    } catch {
      known.failedAt = startedAt
    }
    busy.delete(key)
    run()
  }
  /** Begins what the share allows now. */
  const run = (): void => {
    cancel()
    while (!isStopped && intervalMs() > 0 && busy.size < atOnce) {
      const now = clock.now()
      if (now < nextAt) {
        cancel = clock.after(nextAt - now, run)
        return
      }
      const key = pickList(candidates(now), now)
      if (key === undefined) return
      void refresh(key, false)
    }
  }

  const exchangeNow = async (exchangeReads: ExchangeReads): Promise<void> => {
    const now = clock.now()
    exchangedAt = now
    const own = [...lists.entries()].filter(([, known]) => known.own > 0).slice(0, exchangedMax)
    const reads = own.map(([key, known]) => [key, { rate: known.own, agoMs: now - known.ownAt }] as const)
    // Without the others this instance goes by its own readers.
    const others = await exchangeReads(new Map(reads)).catch(() => new Map<string, Reads>())
    for (const known of lists.values()) {
      known.others = 0
      known.othersAt = Number.NEGATIVE_INFINITY
    }
    for (const [key, { rate, agoMs }] of others) {
      const known = agoMs < forgetMs ? knownOf(key) : lists.peek(key)
      if (known) Object.assign(known, { others: rate, othersAt: now - agoMs })
    }
  }
  const decay = (now: number): void => {
    const factor = 0.5 ** ((now - tickedAt) / halfLifeMs)
    for (const [key, known] of lists.entries()) {
      known.own *= factor
      if (now - Math.max(known.ownAt, known.othersAt) >= forgetMs && !busy.has(key)) lists.delete(key)
    }
  }
  const tick = (): void => {
    const now = clock.now()
    for (const cache of options.caches())
      cache.visit((key, askedAt) => {
        const known = lists.peek(key)
        if (known) known.askedAt = Math.max(known.askedAt, askedAt)
      })
    for (const key of options.listened()) counted(key, (now - tickedAt) / 1000)
    decay(now)
    tickedAt = now
    for (const key of again) {
      if (busy.size >= atOnce) break
      if (!busy.has(key) && again.delete(key)) void refresh(key, true)
    }
    if (exchange && now - exchangedAt >= exchangeMs) void exchangeNow(exchange)
    run()
  }
  const stopTicking = every(clock, tickMs, tick)

  return {
    /** The list was read so many times. */
    counted,
    /** A reader found the list old. It is refreshed in its turn, which comes at once while the share allows it. */
    foundOld: (key: string): void => {
      if (perSecond() > 0) run()
      else if (!busy.has(key) && clock.now() - knownOf(key).triedAt >= againMs) void refresh(key, false)
    },
    /** Loads the list soon, whatever its age. */
    loadAgain: (key: string): void => void again.add(key),
    stop: (): void => {
      isStopped = true
      stopTicking()
      cancel()
    },
  }
}

export type Refresher = ReturnType<typeof createRefresher>
