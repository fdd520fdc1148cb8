import type { Caller } from '../access/caller.ts'
import type { Freshness, Read, ReadOptions } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, inSlices } from '../clock.ts'
import type { DirectoryQuery, Operator } from '../contract/operator.ts'
import type { Organization, Statistics } from '../contract/organization.ts'
import { Failure, isFailure } from '../errors.ts'
import { createClientPermits } from './client-permits.ts'
import type { OperatorIndex } from './operator-index.ts'
import type { OperatorLists } from './operator-lists.ts'
import type { Organizations } from './organizations.ts'
import { type Roster, select } from './roster.ts'

export type FoundOperator = { roster: Roster; operator: Operator }
type FreshOperator = FoundOperator & { freshness: Freshness }

/** Questions over every organization of a caller. Lists that are not fresh are read 8 at a time for each client. */
export type Directory = {
  /**
   * The operator of this id, wherever it is.
   * @throws Failure `operator.unknown` only when every list was looked at; else with a Retry-After: `chathub.paused` if that
   * alone kept lists back, or `chathub.unavailable`
   */
  find(caller: Caller, operator: number, context: CallContext, options?: ReadOptions): Promise<FreshOperator>
  search(
    caller: Caller,
    query: DirectoryQuery,
    context: CallContext,
    options?: ReadOptions,
  ): Promise<Gathered<{ items: (Operator & { organization: Organization })[]; total: number }>>
  statistics(
    caller: Caller,
    context: CallContext,
    options?: ReadOptions,
  ): Promise<Gathered<{ organizations: (Organization & Statistics)[] } & Statistics>>
}
/** `unavailable`: organizations whose list could not be read by the deadline. As old as the oldest of the others. */
type Gathered<T> = { content: T & { unavailable: number[] }; freshness: Freshness }

// What is left of the deadline for writing a partial answer.
const answerMs = 100
const readsAtOnce = 8
const warmMs = 600_000

export const createDirectory = (options: {
  lists: OperatorLists
  organizations: Organizations
  index: OperatorIndex
  systemCaller: Caller
  clock: Clock
  /** How long the old lists of one answer together wait for ChatHub. */
  waitMs: number
}): Directory => {
  const { lists, organizations, index, systemCaller, clock, waitMs } = options

  const withPermit = createClientPermits(readsAtOnce)
  const missing = new Set<number>()
  let isWarming = false
  /** Loads lists in the background that a caller could not wait for, so that the next one finds them. */
  const warm = async (ids: Iterable<number>): Promise<void> => {
    for (const id of ids) missing.add(id)
    if (isWarming) return
    isWarming = true
    while (missing.size > 0)
      await forEach(missing, async (id) => {
        const context = { lane: 'refreshes', client: 'directory', deadline: clock.now() + warmMs } as const
        await lists.read(systemCaller, id, context).catch(() => {})
        missing.delete(id)
      })
    isWarming = false
  }

  /** Reads the lists of the caller, or of its organizations `ids`, until one has the operator `sought`. */
  const gather = async (
    caller: Caller,
    { ids, sought }: { ids?: number[] | undefined; sought?: number },
    context: CallContext,
    readOptions: ReadOptions | undefined,
  ) => {
    const listed = await organizations.list(caller, { ids }, context, readOptions)
    const wanted = listed.found.map(({ id }) => id)
    const inTime = { ...context, deadline: Math.max(clock.now() + 1, context.deadline - answerMs) }
    const waitUntil = clock.now() + waitMs
    const read = async (id: number): Promise<Read<Roster>> => {
      const isLate = clock.now() >= waitUntil && lists.remembered(caller, id) !== undefined
      // With a deadline that has passed an old copy is served at once.
      const late = { ...context, deadline: clock.now() }
      const old = isLate && (await lists.read(caller, id, late, readOptions).catch(() => undefined))
      return old || lists.read(caller, id, inTime, readOptions)
    }
    const reads = new Map<number, Read<Roster>>()
    const failures = new Map<number, Failure>()
    let found: FreshOperator | undefined
    const keep = (id: number, answer: Read<Roster>): void => {
      reads.set(id, answer)
      if (sought !== undefined) found ??= foundIn(answer, sought)
    }
    await inSlices(wanted, (id) => {
      const fresh = readOptions?.notBefore === undefined && lists.peek(caller, id)
      if (fresh) keep(id, fresh)
    })
    await forEach(wanted, async (id) => {
      if (found || reads.has(id)) return
      try {
        keep(id, await withPermit(caller.id, () => read(id)))
      } catch (error) {
        if (!isFailure(error)) throw error
        // An organization that was removed after the list of organizations was read has no operators.
        if (error.code !== 'organization.unknown') failures.set(id, error)
      }
    })
    void warm(failures.keys())
    const inOrder = wanted.flatMap((id) => reads.get(id) ?? [])
    return {
      found,
      rosters: inOrder.map(({ copy }) => copy.value),
      freshness: oldest([listed, ...inOrder]),
      unavailable: wanted.filter((id) => failures.has(id)),
      isPaused: [...failures.values()].every(({ code }) => code === 'chathub.paused'),
      retryAfterMs: Math.max(1000, ...[...failures.values()].map(({ retryAfterMs = 0 }) => retryAfterMs)),
    }
  }

  return {
    find: async (caller, id, context, readOptions) => {
      const hint = await index.find(caller, id)
      if (hint !== undefined) {
        const read = await lists.read(caller, hint, context, readOptions).catch(() => undefined)
        const hinted = read && foundIn(read, id)
        if (hinted) return hinted
      }
      const gathered = await gather(caller, { sought: id }, context, readOptions)
      const { found, unavailable, isPaused, retryAfterMs } = gathered
      if (found) return found
      if (unavailable.length === 0) throw new Failure('operator.unknown')
      if (isPaused) throw new Failure('chathub.paused', { retryAfterMs })
      throw new Failure('chathub.unavailable', {
        retryAfterMs,
        detail: 'Not every organization could be looked at in time.',
      })
    },
    search: async (caller, query, context, readOptions) => {
      const ids = query.organizations
      const { rosters, unavailable, freshness } = await gather(caller, { ids }, context, readOptions)
      const items: (Operator & { organization: Organization })[] = []
      await inSlices(rosters, (roster) => {
        const { organization } = roster
        for (const operator of select(roster, query)) items.push({ ...operator, organization })
      })
      return { content: { items, total: items.length, unavailable }, freshness }
    },
    statistics: async (caller, context, readOptions) => {
      const { rosters, unavailable, freshness } = await gather(caller, {}, context, readOptions)
      const counts = rosters.map((roster) => ({ ...roster.organization, ...roster.statistics() }))
      const sum: Statistics = { total: 0, active: 0, inactive: 0, deleted: 0, unknown: 0 }
      for (const key of Object.keys(sum) as (keyof Statistics)[])
        for (const one of counts) sum[key] += one[key]
      return { content: { organizations: counts, ...sum, unavailable }, freshness }
    },
  }
}

/** Calls `work` with each item, 8 at a time. */
const forEach = async <T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> => {
  const rest = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: readsAtOnce }, worker))
}

const foundIn = ({ copy, freshness }: Read<Roster>, id: number): FreshOperator | undefined => {
  const operator = copy.value.byId(id)
  return operator && { roster: copy.value, operator, freshness }
}

/** As old as the oldest, and as little time left as the one with the least. */
const oldest = (reads: readonly { freshness: Freshness }[]): Freshness =>
  reads
    .map(({ freshness }) => freshness)
    .reduce((worst, next) => ({
      ...(next.ttlMs < worst.ttlMs ? next : worst),
      ageMs: Math.max(worst.ageMs, next.ageMs),
    }))
