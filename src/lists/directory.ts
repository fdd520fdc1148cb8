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

export type Directory = {
  /** @throws Failure `operator.unknown` only when every organization of the caller was looked at; else 503 with Retry-After */
  find(
    caller: Caller,
    operator: number,
    context: CallContext,
    options?: ReadOptions,
  ): Promise<FoundOperator & { freshness: Freshness }>
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
/** Made of many lists: as old as the oldest of them, and naming those that could not be had in time. */
type Gathered<T> = { content: T & { unavailable: number[] }; freshness: Freshness }

// An answer that goes partial leaves the caller's deadline this much room to be written.
const answerMs = 100
const warmMs = 600_000

/** Every organization of a caller at once: a bounded fan-out over the lists, partial at the deadline. */
export const createDirectory = (options: {
  lists: OperatorLists
  organizations: Organizations
  index: OperatorIndex
  systemCaller: Caller
  clock: Clock
}): Directory => {
  const { lists, organizations, index, systemCaller, clock } = options

  const warming = new Set<number>()
  /** What a caller could not wait for is fetched behind, once, so that the next one finds it. */
  const warm = (missing: readonly number[]): void => {
    for (const id of missing) {
      if (warming.has(id)) continue
      warming.add(id)
      lists
        .read(systemCaller, id, { lane: 'refreshes', client: 'directory', deadline: clock.now() + warmMs })
        .catch(() => {})
        .finally(() => warming.delete(id))
    }
  }

  /** Lists of these organizations in their order; those that could not be had in time are named. */
  const gather = async (
    caller: Caller,
    wanted: readonly Organization[],
    context: CallContext,
    options: ReadOptions,
  ) => {
    const inTime: CallContext = {
      ...context,
      deadline: Math.max(clock.now() + 1, context.deadline - answerMs),
    }
    const answers = await Promise.all(
      wanted.map(({ id }) =>
        lists.read(caller, id, inTime, options).catch((error: unknown) => {
          if (!isFailure(error)) throw error
          return error
        }),
      ),
    )
    const reads: Read<Roster>[] = []
    const unavailable: number[] = []
    let retryAfterMs = 1000
    for (const [place, answer] of answers.entries()) {
      if (!(answer instanceof Failure)) reads.push(answer)
      // An organization that went away between the two lists has nobody to find.
      else if (answer.code !== 'organization.unknown') {
        unavailable.push((wanted[place] as Organization).id)
        retryAfterMs = Math.max(retryAfterMs, answer.retryAfterMs ?? 0)
      }
    }
    warm(unavailable)
    return { reads, unavailable, retryAfterMs }
  }

  return {
    find: async (caller, id, context, options = {}) => {
      const hint = await index.find(id)
      if (hint !== undefined && mayTouch(caller, hint)) {
        const found = foundIn(await lists.read(caller, hint, context, options).catch(() => undefined), id)
        if (found) return found
      }
      const { found: all } = await organizations.list(caller, {}, context, options)
      // Whoever was just added is in no list that was learned, but in the copy that the write patched.
      for (const organization of options.notBefore === undefined ? all : []) {
        const found = foundIn(lists.peek(caller, organization.id), id)
        if (found) return found
      }
      const { reads, unavailable, retryAfterMs } = await gather(caller, all, context, options)
      for (const read of reads) {
        const found = foundIn(read, id)
        if (found) return found
      }
      if (unavailable.length === 0) throw new Failure('operator.unknown')
      throw new Failure('chathub.unavailable', {
        retryAfterMs,
        detail: 'Not every organization could be looked at in time.',
      })
    },
    search: async (caller, query, context, options = {}) => {
      const wanted = { ids: query.organizations }
      const listed = await organizations.list(caller, wanted, context, options)
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

const foundIn = (
  read: Read<Roster> | undefined,
  id: number,
): (FoundOperator & { freshness: Freshness }) | undefined => {
  const operator = read?.copy.value.byId(id)
  return read && operator && { roster: read.copy.value, operator, freshness: read.freshness }
}

/** An answer made of several lists is as old as the oldest, and promises no more than the one with the least left. */
const oldest = (reads: readonly { freshness: Freshness }[]): Freshness =>
  reads
    .map(({ freshness }) => freshness)
    .reduce((worst, next) => ({
      ...(next.ttlMs < worst.ttlMs ? next : worst),
      ageMs: Math.max(worst.ageMs, next.ageMs),
    }))
