import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { statusCode } from '../chathub/wire.ts'
import type { KnownStatus } from '../contract/operator.ts'
import { type Failure, isFailure } from '../errors.ts'
import { createRoster, type Roster } from '../lists/roster.ts'
import { isPending, type Operation, type Row } from './operation.ts'
import { baselineOf, matchRows, toAdd, toChange } from './row-planner.ts'

/** What became of a chunk that was sent. */
export type Delivery = {
  /** Rows whose outcome is known. */
  settled: Row[]
  /** Indexes of rows that ChatHub may have applied. */
  doubtful: number[]
  /** No answer to them came from ChatHub itself, so it may still apply them. */
  noReply: boolean
  /** The list with everything that is known to be applied. */
  roster: Roster
  /** Why the other rows were not sent. */
  refused?: Failure
}

/** The status that an operation sets, and the outcome of its rows then. */
export const statusGoal = (operation: Operation): { status: KnownStatus; outcome: Row['outcome'] } =>
  operation.status === undefined
    ? { status: 'active', outcome: 'reactivated' }
    : { status: operation.status, outcome: 'changed' }

// One call each. At 5 calls a second they hold the organization's lock for 2 s, so that others get it in time.
const changesAtOnce = 10
const partsOf = (rows: readonly Row[], operation: Operation): { adding: Row[]; changing: Row[] } => ({
  adding: toAdd(rows, operation),
  changing: toChange(rows).slice(0, changesAtOnce),
})

/**
 * The operation with what it sends next of a chunk: the chunk's names, then up to ten changes of status. It is kept before
 * the first byte leaves. Without `sending` the chunk needs nothing from ChatHub.
 */
export const announced = (
  operation: Operation,
  chunk: number,
  rows: readonly Row[],
  roster: Roster,
  since: number,
): Operation => {
  const { adding, changing } = partsOf(rows, operation)
  const sent = [...adding, ...changing].map(({ index }) => index)
  const attempt = operation.sending?.chunk === chunk ? operation.sending.attempt + 1 : 1
  const sending = { since, chunk, attempt, rows: sent, baseline: baselineOf(roster, adding) }
  return { ...operation, state: 'running', sending: sent.length > 0 ? sending : undefined }
}

/** No answer came from ChatHub itself; 502 to 504 come from a proxy before it. */
const isWithoutReply = ({ code, cause }: Failure): boolean => {
  const { status } = (cause ?? {}) as { status?: number }
  return (
    code === 'chathub.timeout' || (code === 'chathub.unavailable' && (status === undefined || status > 500))
  )
}

/** Sends what was announced of a chunk's rows. What ChatHub refuses or leaves open comes back in the delivery. */
export const createChunkSender =
  (chathub: Pick<ChatHub, 'synchronize' | 'setStatus'>) =>
  async (
    operation: Operation,
    rows: readonly Row[],
    roster: Roster,
    context: CallContext,
  ): Promise<Delivery> => {
    const { adding, changing } = partsOf(rows, operation)
    const delivery: Delivery = { settled: [], doubtful: [], noReply: false, roster }
    const { settled, doubtful } = delivery
    const fail = (failed: readonly Row[], error: unknown): void => {
      if (!isFailure(error)) throw error
      if (error.inDoubt) {
        doubtful.push(...failed.map(({ index }) => index))
        delivery.noReply ||= isWithoutReply(error)
      } else if (error.code === 'chathub.rejected') {
        settled.push(...failed.map((row): Row => ({ ...row, outcome: 'rejected', reason: error.code })))
      } else delivery.refused = error
    }
    const take = (answer: Awaited<ReturnType<ChatHub['synchronize']>>): void => {
      const created = answer.filter(({ id }) => !roster.byId(id))
      const matched = matchRows(adding, created, operation.sending?.baseline ?? {})
      if (created.length < adding.length && matched.some(isPending))
        return void doubtful.push(...adding.map(({ index }) => index))
      delivery.roster = roster.with(created)
      // As many operators are new as were sent. So all were created, some under names that no list will match.
      for (const row of matched)
        settled.push(isPending(row) ? { ...row, outcome: 'unknown', reason: 'spelled-otherwise' } : row)
    }

    if (adding.length > 0) {
      const body = adding.map(({ name = '' }) => ({ organizationId: operation.organization, name }))
      await chathub.synchronize(body, context).then(take, (error) => fail(adding, error))
      if (delivery.refused || doubtful.length > 0) return delivery
    }
    const { status, outcome } = statusGoal(operation)
    const changed = new Set<number | undefined>()
    for (const row of changing) {
      if (delivery.refused) break
      await chathub.setStatus(row.id as number, statusCode(status), context).then(
        () => {
          changed.add(row.id)
          settled.push({ ...row, outcome })
        },
        (error) => fail([row], error),
      )
    }
    if (changed.size > 0) {
      const operators = delivery.roster.operators.map((operator) =>
        changed.has(operator.id) ? { id: operator.id, name: operator.name, status } : operator,
      )
      delivery.roster = createRoster(roster.organization, operators)
    }
    return delivery
  }
