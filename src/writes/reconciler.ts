import { LRUCache } from 'lru-cache'
import type { Cache } from '../cache/cache.ts'
import { type Clock, pause } from '../clock.ts'
import { fold } from '../contract/names.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import { goalOf } from './chunk-sender.ts'
import type { Journal } from './journal.ts'
import { rowsOf } from './new-operation.ts'
import type { Baseline, Operation, Row } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'
import type { HeldLock } from './organization-lock.ts'
import { lateDuplicates, matchRows, replaceRows } from './row-planner.ts'

const attemptsMax = 3
/** A sending that got no answer is looked for until this many settling times after it was given up. */
const watchTimes = 6

type Reconciler = {
  /** How long until what is on its way can be judged, ms. */
  dueIn(operation: Operation): number
  /**
   * Waits until then: what was sent either stands in a list read now, or it is proven absent and will be sent again; the
   * third time it stays in doubt.
   */
  reconcile(operation: Operation, lock: HeldLock): Promise<Operation>
  /** How long until the operation may end: what ChatHub may have applied late is looked at late. */
  watchedFor(operation: Operation): number
  /** Looks once more for what ChatHub applied late; then the operation is over. */
  finish(operation: Operation, lock: HeldLock): Promise<Operation>
}

export const createReconciler = (options: {
  cache: Cache<Roster>
  journal: Journal
  clock: Clock
  writer: OperationWriter
  settleMs: number
}): Reconciler => {
  const { cache, journal, clock, writer, settleMs } = options
  /** When each doubt was first seen here: the clock of whoever wrote it down may be another, and its writer dead. */
  const sights = new LRUCache<string, number>({ max: 10_000 })
  const leftOf = (doubt: string, ms: number): number => {
    const since = sights.get(doubt) ?? clock.now()
    sights.set(doubt, since)
    return Math.max(0, since + ms - clock.now())
  }

  const dueIn: Reconciler['dueIn'] = ({ id, sending }) => leftOf(`${id} ${sending?.since}`, settleMs)
  const watchedFor: Reconciler['watchedFor'] = ({ id, duplicateCheck }) =>
    duplicateCheck ? leftOf(`${id} watch ${duplicateCheck.since}`, settleMs * (watchTimes - 1)) : 0

  const reconcile: Reconciler['reconcile'] = async (operation, lock) => {
    const sending = operation.sending as NonNullable<Operation['sending']>
    await pause(clock, dueIn(operation))
    await cache.commit(operatorsKey(operation.organization))
    const { value: roster } = await writer.list(operation)
    const kept = await journal.chunk(operation.id, sending.chunk)
    const sent = kept.filter(({ index }) => sending.rows.includes(index))
    const goal = goalOf(operation)
    const changed = sent.map((row): Row => {
      const isSo = row.id !== undefined && roster.byId(row.id)?.status === goal.status
      return isSo ? { ...row, outcome: goal.outcome } : row
    })
    const found = matchRows(changed, roster.operators, sending.baseline)
    const absent = found.filter(({ outcome }) => outcome === 'pending')
    const giveUp = absent.length > 0 && sending.attempt >= attemptsMax
    const ended = absent.map((row): Row => ({ ...row, outcome: 'unknown' }))
    const noReply = sending.noReply ?? true
    const next = await writer.saveChunk(
      operation,
      lock,
      { number: sending.chunk, kept, rows: replaceRows(kept, giveUp ? [...found, ...ended] : found) },
      {
        state: 'running',
        // The attempt is remembered while its rows are sent again.
        sending: absent.length > 0 && !giveUp ? { ...sending, rows: [] } : undefined,
        ...(noReply &&
          absent.some(({ id }) => id === undefined) && {
            duplicateCheck: watchOf(operation, sending.baseline),
          }),
        ...(giveUp && { detail: `ChatHub left some rows in doubt ${attemptsMax} times.` }),
      },
    )
    watchedFor(next) // seen from now on
    return next
  }
  const watchOf = (operation: Operation, baseline: Baseline) => ({
    since: clock.wall(),
    // The oldest counts: whoever came since is ours or a double.
    baseline: { ...baseline, ...operation.duplicateCheck?.baseline },
  })

  const finish: Reconciler['finish'] = async (operation, lock) => {
    let next = operation
    if (operation.duplicateCheck) {
      const rows = await rowsOf(journal, operation)
      const names = lateDuplicates(
        (await writer.list(operation)).value,
        operation.duplicateCheck.baseline,
        rows,
      )
      if (names.size > 0) {
        await cache.commit(operatorsKey(operation.organization))
        next = await markDoubled(operation, lock, names)
      }
    }
    const { counts, detail } = next
    const doubtful = detail !== undefined || counts.unknown > 0
    const final: Operation = {
      ...next,
      sending: undefined,
      duplicateCheck: undefined,
      state: doubtful ? 'needsReview' : counts.pending > 0 ? 'cancelled' : 'done',
      finishedAt: clock.wall(),
    }
    await writer.save(final, lock)
    return final
  }
  const markDoubled = (operation: Operation, lock: HeldLock, names: Set<string>): Promise<Operation> => {
    const who = `${names.size} name${names.size === 1 ? ' stands' : 's stand'}`
    const detail = `ChatHub applied a request long after it was given up: ${who} twice.`
    return writer.saveEachChunk({ ...operation, detail }, lock, (row) =>
      (row.outcome === 'created' || row.outcome === 'unknown') && names.has(fold(row.name ?? ''))
        ? { ...row, outcome: 'unknown', reason: 'doubled' }
        : row,
    )
  }

  return { dueIn, reconcile, watchedFor, finish }
}
