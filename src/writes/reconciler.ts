import { LRUCache } from 'lru-cache'
import type { Cache, Copy } from '../cache/cache.ts'
import { type Clock, pause } from '../clock.ts'
import { fold } from '../contract/names.ts'
import { Failure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import { changeRows, type Journal, rowsOf } from './journal.ts'
import { isPending, type Operation, type Row, type Sending, statusGoal } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { lateDuplicates, matchRows, replaceRows } from './row-planner.ts'

const attemptsMax = 3
// ChatHub may apply a request without an answer until this many settling times after the request was given up.
const settlingTimes = 6

/** Finds out what became of requests without an answer. */
export const createReconciler = (options: {
  cache: Cache<Roster>
  journal: Journal
  clock: Clock
  /** Fetches the list now. */
  fetchList(operation: Operation): Promise<Copy<Roster>>
  /** Fires when the gateway stops. */
  signal: AbortSignal
  settleMs: number
}) => {
  const { cache, journal, clock, fetchList, signal, settleMs } = options
  // Measured from when this process first saw the doubt: the clock of the instance that wrote it may differ.
  const seenAt = new LRUCache<string, number>({ max: 10_000 })
  const remaining = (doubt: string, ms: number): number => {
    const since = seenAt.get(doubt) ?? clock.now()
    seenAt.set(doubt, since)
    return Math.max(0, since + ms - clock.now())
  }
  /** Ms until the request in doubt can be judged. */
  const dueIn = ({ id, sending }: Operation): number => remaining(`${id} ${sending?.since}`, settleMs)
  /** Ms until late duplicates can be looked for. */
  const duplicateCheckIn = ({ id, duplicateCheck }: Operation): number =>
    duplicateCheck ? remaining(`${id} duplicates ${duplicateCheck.since}`, settleMs * (settlingTimes - 1)) : 0

  return {
    dueIn,
    duplicateCheckIn,
    /**
     * Waits until the request in doubt can be judged. Rows that are found in a list fetched now are decided. The others are
     * proven absent and will be sent again. After the third attempt they stay `unknown`.
     */
    reconcile: async (operation: Operation, lock: HeldLock): Promise<Operation> => {
      const { noReply = true, ...sending } = operation.sending as Sending
      await pause(clock, dueIn(operation), signal)
      if (signal.aborted) throw new Failure('queue.full', { retryAfterMs: 1000 })
      await cache.commit(operatorsKey(operation.organization))
      const { value: roster } = await fetchList(operation)
      const kept = await journal.chunk(operation, sending.chunk)
      const sent = kept
        .filter(({ index }) => sending.rows.includes(index))
        .map((row): Row => {
          const goal = statusGoal(operation, row)
          const isChanged = row.id !== undefined && roster.byId(row.id)?.status === goal.status
          return isChanged ? { ...row, outcome: goal.outcome } : row
        })
      const found = matchRows(sent, roster.operators, sending.baseline)
      const absent = found.filter(isPending)
      const isLastAttempt = absent.length > 0 && sending.attempt >= attemptsMax
      const ended = isLastAttempt ? absent.map((row): Row => ({ ...row, outcome: 'unknown' })) : []
      const mayDuplicate = noReply && absent.some(({ id }) => id === undefined)
      const next: Operation = {
        ...operation,
        state: 'running',
        // The attempt is remembered while its rows are sent again.
        sending: absent.length > 0 && !isLastAttempt ? { ...sending, noReply, rows: [] } : undefined,
        ...(mayDuplicate && {
          duplicateCheck: {
            since: clock.wall(),
            // The oldest baseline counts: operators created since are ours or duplicates.
            baseline: [...new Map([...sending.baseline, ...(operation.duplicateCheck?.baseline ?? [])])],
          },
        }),
        ...(isLastAttempt && { detail: `ChatHub left some rows in doubt ${attemptsMax} times.` }),
      }
      duplicateCheckIn(next) // its time runs from now on
      const rows = replaceRows(kept, [...found, ...ended])
      return journal.save(next, lock, { number: sending.chunk, kept, rows })
    },
    /** Looks for names that ChatHub applied twice, once they can be looked for. Then the operation is final. */
    checkDuplicates: async (operation: Operation, lock: HeldLock): Promise<Operation> => {
      const { duplicateCheck, ...checked } = operation
      if (!duplicateCheck) return journal.save(operation, lock)
      if (duplicateCheckIn(operation) > 0) return operation
      const { value: roster } = await fetchList(operation)
      const names = lateDuplicates(roster, duplicateCheck.baseline, await rowsOf(journal, operation))
      if (names.size === 0) return journal.save(checked, lock)
      await cache.commit(operatorsKey(operation.organization))
      const subject = names.size === 1 ? '1 name exists' : `${names.size} names exist`
      const detail = `ChatHub applied a request long after it was given up: ${subject} twice.`
      const marked = await changeRows({ ...operation, detail }, lock, journal, (row) =>
        (row.outcome === 'created' || row.outcome === 'unknown') && names.has(fold(row.name ?? ''))
          ? { ...row, outcome: 'unknown', reason: 'doubled' }
          : row,
      )
      return journal.save({ ...marked, duplicateCheck: undefined }, lock)
    },
  }
}
