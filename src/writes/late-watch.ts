import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import { alone, type Clock, every } from '../clock.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Reporter } from '../report.ts'
import type { Journal } from './journal.ts'
import { createLateComparison, nextLookOf } from './late-comparison.ts'
import { type Baseline, isSending, type Operation, organizationOf } from './operation.ts'
import { lateOperators } from './row-planner.ts'
import { type Watch, type Watches, watchKeepMs } from './watches.ts'

export type LateWatch = ReturnType<typeof createLateWatch>

const sweepMs = 5000
const lockMs = 10_000
const lookMs = 30_000
/** The most names that are watched in one organization. The oldest operations go first. */
const namesMax = 5000

/**
 * Looks for requests that ChatHub applies long after they were given up. Each list that is loaded anyway is compared. Where
 * none is loaded, one is fetched: first after `firstMs`, then at growing distances, and at the end of `windowMs`. What is
 * found is marked in the rows of the operation and reported. Nothing is deleted.
 */
export const createLateWatch = (options: {
  watches: Watches
  cache: Cache<Roster>
  journal: Journal
  clock: Clock
  report: Reporter
  firstMs: number
  windowMs: number
}) => {
  const { watches, cache, journal, clock, report } = options
  // As they were at the last sweep. What is found is judged again under the lock.
  let seen = new Map<number, Watch[]>()
  let offset = 0

  const nextLook = nextLookOf(options)
  const isDue = (watch: Watch, at: number): boolean => (nextLook(watch) ?? Infinity) <= at
  const compare = createLateComparison({ ...options, nextLook })

  const refresh = async (): Promise<void> => {
    offset = (await watches.now()) - clock.now()
    const kept = await watches.all()
    const next = new Map<number, Watch[]>()
    for (const watch of kept) {
      const organization = organizationOf(watch.operation)
      next.set(organization, [...(next.get(organization) ?? []), watch])
    }
    seen = next
  }

  /**
   * Runs `work` under the lock of the organization, once late requests in the list are marked. False: a request is in
   * flight or in doubt, and what is new in the list may be of that one. A later list tells.
   * @throws Failure `queue.full`, `redis.unavailable`
   */
  const betweenWrites = (roster: Roster, askedAt: number, work?: () => Promise<void>): Promise<boolean> => {
    const deadline = clock.now() + lockMs
    return journal.withLock(`${roster.organization.id}-list`, { deadline }, async (lock, _, sendingId) => {
      const sending = sendingId === undefined ? undefined : await journal.get(sendingId)
      if (sending && isSending(sending)) return false
      await compare(roster, askedAt, lock)
      await work?.()
      return true
    })
  }

  /** A list was loaded. It is compared again under the lock when it shows something new, or when a look is due. */
  const loaded = async (roster: Roster, askedAt: number): Promise<void> => {
    const watched = seen.get(roster.organization.id) ?? []
    const isNew = watched.some((watch) => lateOperators(roster, watch.names).size > 0)
    if (!isNew && !watched.some((watch) => isDue(watch, askedAt + offset))) return
    await betweenWrites(roster, askedAt)
    await refresh()
  }

  /** Fetches a list where a look is due and no newer one is in the cache. */
  const look = async (organization: number, due: readonly Watch[]): Promise<void> => {
    const dueAt = Math.max(...due.map((watch) => nextLook(watch) ?? 0))
    const key = operatorsKey(organization)
    const context = { lane: 'refreshes', client: 'gateway', deadline: clock.now() + lookMs } as const
    const { copy } = await cache.read(key, context, { notBefore: dueAt - offset })
    await loaded(copy.value, copy.askedAt)
  }
  const sweep = alone(async () => {
    await refresh()
    const now = clock.now() + offset
    for (const [organization, watched] of seen) {
      const due = watched.filter((watch) => isDue(watch, now))
      // What fails now is tried again by the next sweep.
      if (due.length > 0) await look(organization, due).catch(() => {})
      for (const watch of watched) if (now - watch.since > watchKeepMs) await watches.remove(watch)
    }
  })

  return {
    /** Watches names of a request that is not in the list. Kept before the request is sent again. Needs the lock. */
    add: async ({ id, organization }: Operation, names: Baseline): Promise<void> => {
      const now = await watches.now()
      const watched = await watches.of(organization)
      const before = watched.find(({ operation }) => operation === id)
      const others = watched.filter((watch) => watch !== before)
      // The oldest ids count: operators created since are ours or late.
      const merged = [...new Map([...names, ...(before?.names ?? [])])].slice(0, namesMax)
      await watches.put({ operation: id, since: now, lookedAt: now, names: merged, late: before?.late ?? [] })
      let total = merged.length
      for (const other of others.reverse()) {
        total += other.names.length
        if (total <= namesMax) continue
        await watches.remove(other)
        report({ name: 'late-watch-full', organization })
      }
      await refresh()
    },
    compare,
    betweenWrites,
    loaded: (roster: Roster, askedAt: number): void => void loaded(roster, askedAt).catch(() => {}),
    /** Operators that ChatHub added late; for the diagnosis. */
    lateOperators: (caller: Caller, organization: number): number[] => {
      authorize(caller, { organization })
      return (seen.get(organization) ?? []).flatMap(({ late }) => late)
    },
    start: (): (() => void) => {
      sweep()
      return every(clock, sweepMs, sweep)
    },
  }
}
