import type { Cache, Copy } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { statusCode } from '../chathub/wire.ts'
import type { Operator } from '../contract/operator.ts'
import { type Failure, isFailure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import { createRoster, type Roster } from '../lists/roster.ts'
import type { Ending, Journal } from './journal.ts'
import { type Chunk, isPending, type Operation, type Row, type Sending, statusGoal } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { baselineOf, matchRows, planRows, replaceRows, rowsToSend } from './row-planner.ts'

// One call each. At 5 calls a second they hold the organization's lock for 2 s, so that others get it in time.
const changesAtOnce = 10

/**
 * The operation with what it sends next of a chunk: the chunk's names, then up to ten changes of status. It is kept before
 * the first byte leaves. Without `sending` the chunk needs nothing from ChatHub.
 */
export const announced = (
  operation: Operation,
  { number, rows }: Chunk,
  roster: Roster,
  since: number,
): Operation => {
  const { adding, changing } = rowsToSend(rows, operation)
  const sent = [...adding, ...changing.slice(0, changesAtOnce)].map(({ index }) => index)
  const attempt = operation.sending?.chunk === number ? operation.sending.attempt + 1 : 1
  const sending = { since, chunk: number, attempt, rows: sent, baseline: baselineOf(roster, adding) }
  return { ...operation, state: 'running', sending: sent.length > 0 ? sending : undefined }
}

export const createChunkRunner = (
  chathub: Pick<ChatHub, 'synchronize' | 'setStatus'>,
  cache: Cache<Roster>,
  journal: Journal,
) => {
  /** Sends what was announced. `decided`: rows whose outcome is known; `doubtful`: rows that ChatHub may have applied. */
  const send = async (operation: Operation, rows: readonly Row[], before: Roster, context: CallContext) => {
    const { rows: sent, baseline } = operation.sending as Sending
    const sending = rows.filter(({ index }) => sent.includes(index))
    const adding = sending.filter(({ id }) => id === undefined)
    const decided: Row[] = []
    const doubtful: Row[] = []
    const delivery = { roster: before, refused: undefined as Failure | undefined }
    const fail = (failed: readonly Row[], error: unknown): void => {
      if (!isFailure(error)) throw error
      if (error.inDoubt) doubtful.push(...failed)
      else if (error.code === 'chathub.rejected') {
        decided.push(...failed.map((row): Row => ({ ...row, outcome: 'rejected', reason: error.code })))
      } else delivery.refused = error
    }
    const take = (answer: readonly Operator[]): void => {
      const created = answer.filter(({ id }) => !before.byId(id))
      const matched = matchRows(adding, created, baseline)
      if (created.length < adding.length && matched.some(isPending)) return void doubtful.push(...adding)
      delivery.roster = before.with(created)
      // As many operators are new as were sent. So all were created, some under names that no list will match.
      for (const row of matched)
        decided.push(isPending(row) ? { ...row, outcome: 'unknown', reason: 'spelled-otherwise' } : row)
    }

    if (adding.length > 0) {
      const body = adding.map(({ name = '' }) => ({ organizationId: operation.organization, name }))
      await chathub.synchronize(body, context).then(take, (error) => fail(adding, error))
    }
    const changing = doubtful.length > 0 ? [] : sending.filter(({ id }) => id !== undefined)
    for (const row of changing) {
      if (delivery.refused) break
      const { status, outcome } = statusGoal(operation, row)
      await chathub.setStatus(row.id as number, statusCode(status), context).then(
        () => void decided.push({ ...row, outcome }),
        (error) => fail([row], error),
      )
    }
    const isChanged = ({ outcome }: Row): boolean => outcome === 'changed' || outcome === 'reactivated'
    const changed = new Map(
      decided.filter(isChanged).map((row) => [row.id, statusGoal(operation, row).status]),
    )
    if (changed.size > 0) {
      const operators = delivery.roster.operators.map(({ id, name, ...rest }) => {
        const status = changed.get(id)
        return status ? { id, name, status } : { id, name, ...rest }
      })
      delivery.roster = createRoster(before.organization, operators)
    }
    return { ...delivery, decided, doubtful }
  }

  /**
   * Sends a chunk that `operation` announces, commits the list, and keeps the outcome. Returns the operation as it is kept,
   * the rows, and the list with them. `refused`: why ChatHub was not asked for all rows. `wasSent` false: nothing left, so
   * nothing was kept, and the announcement must be withdrawn.
   */
  return async (
    operation: Operation,
    lock: HeldLock,
    { number, rows }: Chunk,
    copy: Copy<Roster>,
    context: CallContext,
    ending?: Ending,
  ) => {
    const inLock = { ...context, maySend: lock.isHeld }
    const { decided, doubtful, roster, refused } = await send(operation, rows, copy.value, inLock)
    if (refused && decided.length + doubtful.length === 0)
      return { operation, rows, roster, refused, wasSent: false }
    const isKnown = doubtful.length === 0
    // Committed before it is kept: after a crash between the two the request is in doubt, and a new list decides it.
    const patched = isKnown ? { ...copy, value: roster, bytes: roster.bytes } : undefined
    if (!isKnown || roster !== copy.value) await cache.commit(operatorsKey(operation.organization), patched)
    const replaced = replaceRows(rows, decided)
    // Without doubt the rows are planned again with the new list.
    const after = isKnown ? planRows(roster, replaced, operation) : replaced
    const sending = { ...(operation.sending as Sending), rows: doubtful.map(({ index }) => index) }
    const next: Operation = {
      ...operation,
      sending: isKnown ? undefined : sending,
      next: isKnown && !after.some(isPending) ? number + 1 : number,
    }
    const kept = await journal.save(next, lock, { number, kept: rows, rows: after }, ending)
    return { operation: kept, rows: after, roster, refused, wasSent: true }
  }
}
