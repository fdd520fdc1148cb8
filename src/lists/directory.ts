import { mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Freshness, Read, ReadOptions } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { Operator, OperatorQuery } from '../contract/operator.ts'
import type { Organization, Statistics } from '../contract/organization.ts'
import { Failure, isFailure } from '../errors.ts'
import type { OperatorIndex } from './operator-index.ts'
import type { OperatorLists } from './operator-lists.ts'
import type { Organizations } from './organizations.ts'
import { type Roster, select } from './roster.ts'

export type FoundOperator = { roster: Roster; operator: Operator }
type FreshOperator = FoundOperator & { freshness: Freshness }

/** Questions over every organization of a caller. Lists that are not fresh are read 8 at a time. */
export type Directory = {
  /**
   * The operator of this id, wherever it is.
   * @throws Failure `operator.unknown` only when every list was looked at; else `chathub.unavailable` with a Retry-After
   */
  find(caller: Caller, operator: number, context: CallContext, options?: ReadOptions): Promise<FreshOperator>
  search(
    caller: Caller,
    query: Pick<OperatorQuery, 'q' | 'status'> & { organizations?: number[] | undefined },
    context: CallContext,
    options?: ReadOptions,
  ): Promise<Gathered<{ items: (Operator & { organization: Organization })[]; total: number }>>
  statistics(
    caller: Caller,
    context: CallContext,
    options?: ReadOptions,
  ): Promise<Gathered<{ organizations: (Organization & Statistics)[] } & Statistics>>
}
/** `unavailable`: organizations whose list could not be had by the deadline. As old as the oldest of the others. */
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

  /** Reads the lists of these organizations, until one `isEnough`; those that fail, or come too late, are unavailable. */
  const gather = async (
    caller: Caller,
    wanted: readonly Organization[],
    context: CallContext,
    options: ReadOptions,
    isEnough: (read: Read<Roster>) => boolean = () => false,
  ) => {
    const inTime = { ...context, deadline: Math.max(clock.now() + 1, context.deadline - answerMs) }
    const waitUntil = clock.now() + waitMs
    const read = async (id: number): Promise<Read<Roster>> => {
      // With a deadline that has passed an old copy is served at once.
      const isLate = clock.now() >= waitUntil && lists.remembered(caller, id) !== undefined
      const late = { ...context, deadline: clock.now() }
      const old = isLate ? await lists.read(caller, id, late, options).catch(() => undefined) : undefined
      return old ?? lists.read(caller, id, inTime, options)
    }
    const reads = new Map<number, Read<Roster>>()
    const failed = new Set<number>()
    let enough = false
    let retryAfterMs = 1000
    const add = (id: number, answer: Read<Roster> | undefined): void => {
      if (answer) reads.set(id, answer)
      enough ||= answer !== undefined && isEnough(answer)
    }
    if (options.notBefore === undefined) for (const { id } of wanted) add(id, lists.peek(caller, id))
    await forEach(wanted, async ({ id }) => {
      if (enough || reads.has(id)) return
      try {
        add(id, await read(id))
      } catch (error) {
        if (!isFailure(error)) throw error
        // An organization that is gone since the list of organizations was read has no operators.
        if (error.code === 'organization.unknown') return
        failed.add(id)
        retryAfterMs = Math.max(retryAfterMs, error.retryAfterMs ?? 0)
      }
    })
    void warm(failed)
    const ids = wanted.map(({ id }) => id)
    const unavailable = ids.filter((id) => failed.has(id))
    return { reads: ids.flatMap((id) => reads.get(id) ?? []), unavailable, retryAfterMs }
  }

  return {
    find: async (caller, id, context, options = {}) => {
      const hint = await index.find(id)
      if (hint !== undefined && mayTouch(caller, hint)) {
        const found = foundIn(await lists.read(caller, hint, context, options).catch(() => undefined), id)
        if (found) return found
      }
      const { found: all } = await organizations.list(caller, {}, context, options)
      const isFound = (read: Read<Roster>): boolean => read.copy.value.byId(id) !== undefined
      const { reads, unavailable, retryAfterMs } = await gather(caller, all, context, options, isFound)
      const found = foundIn(reads.find(isFound), id)
      if (found) return found
      if (unavailable.length === 0) throw new Failure('operator.unknown')
      throw new Failure('chathub.unavailable', {
        retryAfterMs,
        detail: 'Not every organization could be looked at in time.',
      })
    },
    search: async (caller, query, context, options = {}) => {
      const listed = await organizations.list(caller, { ids: query.organizations }, context, options)
      const { reads, unavailable } = await gather(caller, listed.found, context, options)
      const items = reads.flatMap(({ copy: { value: roster } }) =>
        select(roster, query).map((operator) => ({ ...operator, organization: roster.organization })),
      )
      return { content: { items, total: items.length, unavailable }, freshness: oldest([listed, ...reads]) }
    },
    statistics: async (caller, context, options = {}) => {
      const listed = await organizations.list(caller, {}, context, options)
      const { reads, unavailable } = await gather(caller, listed.found, context, options)
      const sum: Statistics = { total: 0, active: 0, inactive: 0, deleted: 0, unknown: 0 }
      const each = reads.map(({ copy: { value: roster } }) => {
        const counts = roster.statistics()
        for (const key of Object.keys(sum) as (keyof Statistics)[]) sum[key] += counts[key]
        return { ...roster.organization, ...counts }
      })
      return { content: { organizations: each, ...sum, unavailable }, freshness: oldest([listed, ...reads]) }
    },
  }
}

/** Does `work` with each item, a few at a time. */
const forEach = async <T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> => {
  const rest = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: readsAtOnce }, worker))
}

const foundIn = (read: Read<Roster> | undefined, id: number): FreshOperator | undefined => {
  const operator = read?.copy.value.byId(id)
  return read && operator && { roster: read.copy.value, operator, freshness: read.freshness }
}

/** As old as the oldest, and as little time left as the one with the least. */
const oldest = (reads: readonly { freshness: Freshness }[]): Freshness =>
  reads
    .map(({ freshness }) => freshness)
    .reduce((worst, next) => ({
      ...(next.ttlMs < worst.ttlMs ? next : worst),
      ageMs: Math.max(worst.ageMs, next.ageMs),
    }))
