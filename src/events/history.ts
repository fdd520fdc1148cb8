import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { inSlices, nextSlice } from '../clock.ts'
import type {
  Coverage,
  CoverageQuery,
  HistoryQuery,
  OperatorChange,
  OperatorHistory,
} from '../contract/history.ts'
import type { Field, Operator, Origin } from '../contract/operator.ts'
import { Failure, isFailure } from '../errors.ts'
import type { OperatorLists } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import { coverageIn } from './coverage-steps.ts'
import { decodeRow } from './differences.ts'
import type { EventStore, Logged } from './event-store.ts'
import type { KeptEvent } from './event-text.ts'

const lookedMax = 1000
const readAtOnce = 200
const instant = (ms: number): string => new Date(ms).toISOString()

export type History = ReturnType<typeof createHistory>

/** What was, as far as events are kept. @throws Failure `organization.unknown`, `redis.unavailable` */
export const createHistory = (options: { store: EventStore; lists: OperatorLists; eventsKeepMs: number }) => {
  const { store, lists, eventsKeepMs: keepMs } = options
  /** Reads the list, so that something is known of it. Without ChatHub, what is known already must do. */
  const listOf = async (caller: Caller, organization: number, context: CallContext) => {
    try {
      return (await lists.read(caller, organization, context)).copy.value
    } catch (error) {
      if (isFailure(error, 'organization.unknown')) throw error
      if (!(await store.load(organization, [])).seen) throw error
      return undefined
    }
  }

  /**
   * Changes of an operator, newest first. One request looks through 1,000 events at most, so a page may be short although
   * older changes follow. @throws Failure `operator.unknown`
   */
  const changes = async (
    caller: Caller,
    organization: number,
    operator: number,
    query: HistoryQuery,
    context: CallContext,
  ): Promise<OperatorHistory> => {
    authorize(caller, { organization })
    const roster = await listOf(caller, organization, context)
    const { rows, seen, now } = await store.load(organization, [operator])
    const readFrom = (place: HistoryQuery['cursor']) => store.readBack(organization, place, readAtOnce)
    const { items, nextCursor, lostMs } = await lookBack(readFrom, operator, query)
    const isKnown = rows.has(operator) || roster?.byId(operator) !== undefined || items.length > 0
    if (nextCursor === null && !isKnown && !query.cursor) throw new Failure('operator.unknown')
    const completeSince = seen ? instant(Math.max(seen.begunAt, lostMs, now - keepMs)) : null
    return { items, nextCursor, completeSince }
  }

  return {
    changes,
    /** The number of active accounts as steps. */
    coverage: async (caller: Caller, organization: number, query: CoverageQuery, context: CallContext) => {
      authorize(caller, { organization })
      await listOf(caller, organization, context)
      const { now, seen, steps } = await store.steps(organization)
      const keptSince = now - keepMs
      const to = Math.min(query.to ?? now, now)
      const period = [query.cursor ?? query.from ?? keptSince, to] as const
      const items = coverageIn(steps, seen, { period, keptSince, most: query.limit })
      const end = Date.parse(items.at(-1)?.to ?? instant(to))
      return { organization, items, nextCursor: end < to ? String(end) : null } satisfies Coverage
    },
    /** The items with `statusSince` and `changedBy`, where `fields` has these. */
    withOrigins: async <T extends Partial<Operator>>(
      caller: Caller,
      roster: Roster,
      items: readonly T[],
      fields: readonly Field[],
    ) => {
      const { id: organization } = roster.organization
      authorize(caller, { organization })
      const ids = items.map(({ id }) => id as number)
      const { rows } = await store.load(organization, ids.length > lookedMax ? undefined : ids)
      const found: (T & Origin)[] = []
      await inSlices(items, (item) => {
        const row = rows.get(item.id as number)
        const known = row === undefined ? undefined : decodeRow(row)
        // Another status than the list has says nothing about that one.
        const isSame = known !== undefined && known.status === roster.byId(item.id as number)?.status
        const statusSince = isSame && known.since > 0 ? instant(known.since) : null
        const changedBy = (isSame && known.by) || null
        found.push({
          ...item,
          ...(fields.includes('statusSince') && { statusSince }),
          ...(fields.includes('changedBy') && { changedBy }),
        })
      })
      return found
    },
  }
}

/** The newest changes before a place, and the cursor behind which to look for older ones. */
const lookBack = async (
  readFrom: (place: HistoryQuery['cursor']) => ReturnType<EventStore['readBack']>,
  operator: number,
  { limit, cursor }: HistoryQuery,
) => {
  const items: OperatorChange[] = []
  let place: HistoryQuery['cursor'] = cursor
  for (let looked = readAtOnce; ; looked += readAtOnce) {
    const { logged, lostMs } = await readFrom(place)
    items.push(...logged.flatMap((one) => changeOf(one, operator) ?? []))
    if (items.length > limit)
      return { items: items.slice(0, limit), nextCursor: items[limit - 1]?.id as string, lostMs }
    if (logged.length < readAtOnce) return { items, nextCursor: null, lostMs }
    place = logged.at(-1) as Logged
    if (looked >= lookedMax) return { items, nextCursor: idOf(place), lostMs }
    await nextSlice()
  }
}

const idOf = ({ ms, seq }: Pick<Logged, 'ms' | 'seq'>): string => `${ms}-${seq}`

const changeOf = (logged: Logged, operator: number): OperatorChange | undefined => {
  const { text } = logged
  // Most events are of others, and parsing costs most.
  if (!text.includes(`"operator":{"id":${operator},`)) return undefined
  const event = JSON.parse(text) as KeptEvent
  const { observedAt, via, between, client, subject = null, operation, late } = event
  const { status, name } = event.operator as NonNullable<KeptEvent['operator']>
  const type = event.type as OperatorChange['type']
  const isSame = type === 'operator.removed' || type === 'operator.renamed'
  return {
    id: idOf(logged),
    type,
    from: isSame ? status : event.from,
    to: type === 'operator.removed' ? null : status,
    name,
    observedAt,
    via,
    between,
    client,
    subject,
    operation,
    late,
  }
}
