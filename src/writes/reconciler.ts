import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { Cache, Copy } from '../cache/cache.ts'
import { type Clock, pause } from '../clock.ts'
import { fold } from '../contract/names.ts'
import { Failure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Journal } from './journal.ts'
import type { LateWatch } from './late-watch.ts'
import { isPending, type Operation, type Row, type Sending, statusGoal } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { matchRows, replaceRows } from './row-planner.ts'

const attemptsMax = 3
/** An operation is compared with a list, and ends, so long after a request of it was not found. */
export const firstLookMs = (settleMs: number): number => 5 * settleMs

/** Finds out what became of requests without an answer. */
export const createReconciler = (options: {
  cache: Cache<Roster>
  journal: Journal
  clock: Clock
  /** Fetches the list now, by the deadline. */
  fetchList(operation: Operation, deadline?: number): Promise<Copy<Roster>>
  signal: AbortSignal
  settleMs: number
  late: Pick<LateWatch, 'add' | 'compare'>
}) => {
  const { cache, journal, clock, fetchList, signal, settleMs, late } = options
  // Measured from when this process first saw the doubt: the clock of the instance that wrote it may differ.
  const seenAt = new LRUCache<string, number>(atMost(10_000))
  const remaining = (doubt: string, ms: number): number => {
    const since = seenAt.get(doubt) ?? clock.now()
    seenAt.set(doubt, since)
    return Math.max(0, since + ms - clock.now())
  }
  /** Ms until the request in doubt can be judged. */
  const dueIn = ({ id, sending }: Operation): number => remaining(`${id} ${sending?.since}`, settleMs)
  /** Ms until an operation is final that has nothing to send: until then late requests are looked for before it ends. */
  const lateCheckIn = ({ id, lateCheck }: Operation): number =>
    lateCheck === undefined ? 0 : remaining(`${id} late ${lateCheck}`, firstLookMs(settleMs))

  return {
    dueIn,
    lateCheckIn,
    /**
     * Waits until the request in doubt can be judged. Rows that are found in a list fetched now are decided. The others are
     * proven absent and will be sent again. After the third attempt they stay `unknown`.
     */
    reconcile: async (operation: Operation, lock: HeldLock, deadline?: number): Promise<Operation> => {
      const sending = operation.sending as Sending
      await pause(clock, dueIn(operation), signal)
      if (signal.aborted) throw new Failure('queue.full', { retryAfterMs: 1000 })
      await cache.commit(operatorsKey(operation.organization))
      const { value: roster } = await fetchList(operation, deadline)
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
      const names = new Set(absent.filter(({ id }) => id === undefined).map(({ name = '' }) => fold(name)))
      // Kept before the rows can be sent again.
      const watched = sending.baseline.filter(([name]) => names.has(name))
      if (watched.length > 0) await late.add(operation, watched)
      const next: Operation = {
        ...operation,
        state: 'running',
        // The attempt is remembered while its rows are sent again.
        sending: absent.length > 0 && !isLastAttempt ? { ...sending, rows: [] } : undefined,
        ...(watched.length > 0 && { lateCheck: clock.wall() }),
        ...(isLastAttempt && { detail: `ChatHub left some rows in doubt ${attemptsMax} times.` }),
      }
      lateCheckIn(next) // its time runs from now on
      const rows = replaceRows(kept, [...found, ...ended])
      return journal.save(next, lock, { number: sending.chunk, kept, rows })
    },
    /** Compares a list once it is time. Then the operation is final; its names are watched further. */
    end: async (operation: Operation, lock: HeldLock): Promise<Operation> => {
      if (operation.lateCheck === undefined) return journal.save(operation, lock)
      if (lateCheckIn(operation) > 0) return operation
      const { value: roster, askedAt } = await fetchList(operation)
      await late.compare(roster, askedAt, lock)
      const compared = (await journal.get(operation.id)) ?? operation
      return journal.save({ ...compared, lateCheck: undefined }, lock)
    },
  }
}
