import type { Cache, Copy } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Reporter } from '../report.ts'
import { createChunkRunner, type RunChunk } from './chunk-runner.ts'
import { type Journal, type Known, LockLost } from './journal.ts'
import { isFinal, isPending, isSending, isSent, type Operation, organizationOf } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { createReconciler } from './reconciler.ts'
import { reopenRows } from './reopen.ts'
import { planOperation } from './row-planner.ts'
import { changeRows, createSaveOperation, type SaveOperation } from './save-operation.ts'

export type Runner = {
  /**
   * Carries out an operation to its end, whichever instance began it. Undefined: another instance has it, or this one
   * stops. ChatHub and Redis may be away meanwhile.
   */
  run(id: string): Promise<Operation | undefined>
  /**
   * Runs `work` under the lock of an organization, once nothing of an earlier write is in doubt. With an operation `id`,
   * `known` is that operation; then nothing is waited for.
   * @throws Failure `queue.full` when the deadline comes first or the lock is lost; what kept ChatHub from being asked
   */
  withSettledLock<T>(
    organization: number,
    id: string,
    context: Pick<CallContext, 'deadline'>,
    work: (lock: HeldLock, known: Operation | undefined) => Promise<T>,
  ): Promise<T>
  runChunk: RunChunk
  save: SaveOperation
  /** Begins no further chunk. Resolves when the running chunks are kept and all locks are released. */
  stop(): Promise<void>
}

/** The gateway stops: the operation is left to another instance. */
class Stopped extends Error {}

const stepMs = 30_000
// Operators added in ChatHub itself are seen this soon. So one list serves several chunks.
const recentMs = 5000
// When ChatHub was away for this long, unsent rows are rejected, so that the operation ends.
const giveUpMs = 600_000

/**
 * The one way to write: chunk by chunk under the organization's lock, each row planned with a list that no other write
 * changes meanwhile, each request kept before it leaves. A request in doubt is not repeated before a list, fetched after
 * the settling time, has proven it absent. Until then no other write goes to that organization.
 */
export const createRunner = (options: {
  chathub: Pick<ChatHub, 'synchronize' | 'setStatus'>
  cache: Cache<Roster>
  journal: Journal
  clock: Clock
  report: Reporter
  /** How long after doubt ChatHub is asked what became of a request. */
  settleMs: number
}): Runner => {
  const { cache, journal, clock } = options
  const stopping = new AbortController()
  const active = new Set<Promise<void>>()
  const running = new Map<string, Promise<Operation | undefined>>()
  const track = <T>(work: Promise<T>): Promise<T> => {
    const ended: Promise<void> = work
      .then(
        () => {},
        () => {},
      )
      .then(() => void active.delete(ended))
    active.add(ended)
    return work
  }

  const contextOf = ({ kind, client }: Operation): CallContext => ({
    lane: kind === 'import' ? 'imports' : 'writes',
    client,
    deadline: clock.now() + stepMs,
  })
  const fetchList = async (organization: number, context: CallContext): Promise<Copy<Roster>> =>
    (await cache.read(operatorsKey(organization), context, { notBefore: clock.now() })).copy
  const recentList = async (operation: Operation): Promise<Copy<Roster>> => {
    const { organization, state } = operation
    const context = contextOf(operation)
    if (state === 'queued') return fetchList(organization, context)
    const { copy, freshness } = await cache.read(operatorsKey(organization), context)
    const isRecent = freshness.ttlMs > 0 && freshness.ageMs < recentMs
    return isRecent ? copy : fetchList(organization, context)
  }
  const save = createSaveOperation(options)
  const runChunk = createChunkRunner({ ...options, save })
  const reconciler = createReconciler({
    ...options,
    save,
    fetchList: async (operation) => (await fetchList(operation.organization, contextOf(operation))).value,
    wait: async (ms) => {
      await pause(clock, ms, stopping.signal)
      if (stopping.signal.aborted) throw new Stopped()
    },
  })

  /** The next step of an operation, by the deadline of whoever waits for it. */
  const step = async (operation: Operation, lock: HeldLock, deadline = Infinity): Promise<Operation> => {
    if (isSent(operation))
      return reconciler.duplicateCheckIn(operation) > 0
        ? operation
        : reconciler.checkDuplicates(operation, lock)
    if (await journal.isCancelled(operation.id))
      return save({ ...operation, next: operation.chunks, sending: undefined }, lock)
    const number = operation.next
    const kept = await journal.chunk(operation.id, number)
    const copy = await recentList(operation)
    const chunk = { number, kept, rows: planOperation(copy.value, kept, operation) }
    const context = contextOf(operation)
    const inTime = { ...context, deadline: Math.min(context.deadline, deadline) }
    return (await runChunk(operation, lock, chunk, copy, inTime)).operation
  }

  /** Settles what an earlier write of the organization left in doubt. Returns that operation. */
  const reconcileEarlier = async (
    id: string | undefined,
    lock: HeldLock,
    deadline: number,
  ): Promise<Operation | undefined> => {
    let earlier = id === undefined ? undefined : await journal.get(id)
    if (earlier) earlier = await reopenRows(earlier, lock, { journal, save })
    while (earlier && isSending(earlier)) {
      const waitMs = reconciler.dueIn(earlier)
      if (clock.now() + waitMs >= deadline)
        throw new Failure('queue.full', { retryAfterMs: Math.max(1000, waitMs) })
      earlier = await reconciler.reconcile(earlier, lock)
      // A change of status that was proven absent is made now, so that opposite ones end in the order they came.
      while (earlier.status !== undefined && earlier.sending && !isSending(earlier))
        earlier = await step(earlier, lock, deadline)
    }
    return earlier
  }

  /** Ends an operation without the rows that could not be sent. */
  const giveUp = async (lock: HeldLock, { operation }: Known): Promise<Operation | undefined> => {
    if (!operation || isFinal(operation)) return operation
    const { sending } = operation
    const next = await changeRows(operation, lock, { journal, save }, (row, chunk) => {
      if (!isPending(row)) return row
      const isDoubtful = sending?.chunk === chunk && sending.rows.includes(row.index)
      return { ...row, outcome: isDoubtful ? 'unknown' : 'rejected', reason: 'chathub.unavailable' }
    })
    const detail = 'ChatHub could not be reached for ten minutes.'
    const givenUp = isSending(next) ? next.sending : undefined
    return save(
      { ...next, next: next.chunks, sending: undefined, duplicateCheck: undefined, givenUp, detail },
      lock,
    )
  }

  const runToEnd = async (id: string): Promise<Operation | undefined> => {
    const organization = organizationOf(id)
    let failingSince: number | undefined
    while (!stopping.signal.aborted)
      try {
        const context = { deadline: clock.now() + stepMs, signal: stopping.signal }
        const work = async (lock: HeldLock, { operation, unsettled }: Known) => {
          if (!operation || isFinal(operation) || stopping.signal.aborted) return operation
          const earlier = await reconcileEarlier(unsettled, lock, context.deadline)
          const now = earlier?.id === id ? earlier : await reopenRows(operation, lock, { journal, save })
          return isFinal(now) ? now : step(now, lock)
        }
        const next = await journal.withLock(organization, context, work, id)
        failingSince = undefined
        if (!next || isFinal(next)) return next
        // Late duplicates are looked for later, without the lock.
        if (isSent(next)) await pause(clock, reconciler.duplicateCheckIn(next), stopping.signal)
      } catch (error) {
        if (error instanceof LockLost || error instanceof Stopped) return undefined
        failingSince ??= clock.now()
        if (clock.now() - failingSince > giveUpMs)
          return journal
            .withLock(organization, { deadline: clock.now() + giveUpMs }, giveUp, id)
            .catch(() => undefined)
        const waitMs = (isFailure(error) && error.retryAfterMs) || 1000
        await pause(clock, Math.min(5000, Math.max(250, waitMs)), stopping.signal)
      }
    return undefined
  }
  const run: Runner['run'] = (id) => {
    const known = running.get(id) ?? track(runToEnd(id).finally(() => running.delete(id)))
    running.set(id, known)
    return known
  }

  return {
    run,
    runChunk,
    save,
    withSettledLock: (organization, id, { deadline }, work) => {
      const settled = async (lock: HeldLock, { operation, unsettled }: Known) => {
        if (!operation) await reconcileEarlier(unsettled, lock, deadline)
        return work(lock, operation)
      }
      return track(journal.withLock(organization, { deadline }, settled, id)).catch((error) => {
        const isLost = error instanceof LockLost || error instanceof Stopped
        throw isLost ? new Failure('queue.full', { retryAfterMs: 1000 }) : error
      })
    },
    stop: async () => {
      stopping.abort()
      await Promise.all(active)
    },
  }
}
