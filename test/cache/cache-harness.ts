import { type Cache, createCache, type Read, type ReadOptions } from '../../src/cache/cache.ts'
import { createMemoryStore } from '../../src/cache/memory-store.ts'
import { createRefresher } from '../../src/cache/refresher.ts'
import type { Store } from '../../src/cache/store.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import type { Report } from '../../src/report.ts'
import { createClock, type HandClock, settle } from '../support/clock.ts'

export const times = { freshMs: 60_000, revalidateMs: 60_000, waitMs: 800, staleMs: 3_600_000 }
export const key = 'operators:24'

/** A load that has begun and ends when the test says so. */
type Load = {
  context: CallContext
  previous: number | undefined
  askedAt: number
  /** What ChatHub's list was when it was asked. */
  seen: number
  succeed(value: number): Promise<void>
  fail(error: Error): Promise<void>
}

export type HandCache = {
  cache: Cache<number>
  clock: HandClock
  store: Store
  /** Loads that have not ended, oldest first. */
  loads: Load[]
  reports: Report[]
  read(options?: ReadOptions & { waits?: number; lane?: CallContext['lane'] }): Promise<Read<number>>
  /** Reads once with an empty cache and answers with `value`. */
  fill(value: number): Promise<void>
}

/** A cache of numbers on a hand-driven clock, with loads that are ended by hand. `truth`: ChatHub's list now. */
export const createHandCache = (
  wrap: (store: Store) => Store = (store) => store,
  truth: () => number = () => 0,
): HandCache => {
  const clock = createClock()
  const store = wrap(createMemoryStore({ clock }))
  const loads: Load[] = []
  const reports: Report[] = []
  const cacheOf = () => cache
  // Refreshes begin at once.
  const refresher = createRefresher({
    ...{ clock, perSecond: () => 0, exchange: undefined, listened: () => [], cacheOf },
    caches: () => [cache],
  })
  const cache: Cache<number> = createCache<number>({
    refresher,
    list: 'operators',
    store,
    clock,
    times,
    report: (told) => reports.push(told),
    decode: (bytes) => {
      const value = Number(bytes.toString())
      if (Number.isNaN(value)) throw new Error('not a number')
      return value
    },
    load: (_key, context, previous) =>
      new Promise((resolve, reject) => {
        const askedAt = clock.now()
        const end = async (finish: () => void): Promise<void> => {
          loads.splice(loads.indexOf(load), 1)
          finish()
          await settle()
        }
        const load: Load = {
          context,
          previous,
          askedAt,
          seen: truth(),
          succeed: (value) => end(() => resolve({ value, bytes: Buffer.from(`${value}`), askedAt })),
          fail: (error) => end(() => reject(error)),
        }
        loads.push(load)
      }),
  })
  const read: HandCache['read'] = ({ waits = 5000, lane = 'people', ...options } = {}) =>
    cache.read(key, { lane, client: 'crm', deadline: clock.now() + waits }, options)
  return {
    cache,
    clock,
    store,
    loads,
    reports,
    read,
    fill: async (value) => {
      const answer = read()
      await settle()
      await loads[0]!.succeed(value)
      await answer
    },
  }
}
