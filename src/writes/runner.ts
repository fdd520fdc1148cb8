import { setMaxListeners } from 'node:events'
import type { Cache, Copy } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import { noTracing, type SpanOf, type Tracing } from '../tracing/tracing.ts'
import { announced, createChunkRunner } from './chunk-runner.ts'
import { changeRows, type Journal } from './journal.ts'
import type { LateWatch } from './late-watch.ts'
import { changesStatus, isFinal, isPending, isSending, isSent, type Operation } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { createReconciler } from './reconciler.ts'
import { planRows } from './row-planner.ts'

export type Runner = ReturnType<typeof createRunner>

const stepMs = 30_000
// The undo of an import may have more rows than a caller waits for.
const interactiveRows = 1000
// Operators added in ChatHub itself are seen this soon. So one list serves several chunks.
const recentMs = 5000
// When ChatHub was away for this long, unsent rows are rejected, so that the operation ends. Settling, a pause that ChatHub
// asked for, other writes and a Redis that is away do not count.
const giveUpMs = 600_000
const awayCodes = [
  'chathub.unavailable',
  'chathub.timeout',
  'chathub.credentials',
  'chathub.forbidden',
  'chathub.invalid-response',
] as const
/** How much of the time of a failed step counts. */
const awayFor = (error: unknown, ms: number): number =>
  isFailure(error, ...awayCodes) ? Math.min(stepMs, ms) : 0
const pauseAfter = (error: unknown): number =>
  Math.min(5000, Math.max(250, (error as Partial<Failure>).retryAfterMs ?? 1000))

/**
 * The one way to write: chunk by chunk under the organization's lock. Each row is planned with a list that no other write
 * changes meanwhile. Each request is kept before it leaves. A request in doubt is not repeated before a list, fetched
 * after the settling time, has proven it absent. Until then no other write goes to that organization.
 */
export const createRunner = (options: {
  chathub: Pick<ChatHub, 'synchronize' | 'setStatus'>
  cache: Cache<Roster>
  journal: Journal
  clock: Clock
  /** How long after doubt ChatHub is asked what became of a request. */
  settleMs: number
  late: LateWatch
  tracing?: Tracing
}) => {
  const { cache, journal, clock, late, tracing = noTracing } = options
  const stopping = new AbortController()
  // Every waiting operation listens to it, so many listeners are no leak.
  setMaxListeners(Number.POSITIVE_INFINITY, stopping.signal)
  const active = new Set<Promise<void>>()
  const running = new Map<string, Promise<Operation | undefined>>()
  /** The same promise; `stop` waits for it. */
  const track = <T>(work: Promise<T>): Promise<T> => {
    const ended = Promise.allSettled([work]).then(() => void active.delete(ended))
    active.add(ended)
    return work
  }

  /** `deadline`: that of the write that waits, if one does. */
  const contextOf = ({ kind, total, client }: Operation, deadline = Infinity): CallContext => ({
    lane: kind === 'import' || total > interactiveRows ? 'imports' : 'writes',
    client,
    deadline: Math.min(clock.now() + stepMs, deadline),
  })
  const fetchList = async (operation: Operation, deadline?: number): Promise<Copy<Roster>> => {
    const key = operatorsKey(operation.organization)
    const newest = { notBefore: clock.now(), forWrite: true }
    return (await cache.read(key, contextOf(operation, deadline), newest)).copy
  }
  const recentList = async (operation: Operation, deadline?: number): Promise<Copy<Roster>> => {
    if (operation.state === 'queued') return fetchList(operation, deadline)
    const key = operatorsKey(operation.organization)
    const { copy, freshness } = await cache.read(key, contextOf(operation, deadline))
    const isRecent = freshness.ttlMs > 0 && freshness.ageMs < recentMs
    return isRecent ? copy : fetchList(operation, deadline)
  }
  const runChunk = createChunkRunner(options.chathub, cache, journal)
  const reconciler = createReconciler({ ...options, fetchList, signal: stopping.signal })

  /** The next step of an operation. `deadline`: of the write that waits for it, and goes on under the same lock. */
  const stepOnce = async (operation: Operation, lock: HeldLock, deadline?: number): Promise<Operation> => {
    if (isSent(operation)) return reconciler.end(operation, lock)
    if (await journal.isCancelled(operation.id))
      return journal.save({ ...operation, next: operation.chunks, sending: undefined }, lock)
    const number = operation.next
    const kept = await journal.chunk(operation, number)
    const copy = await recentList(operation, deadline)
    const chunk = { number, kept, rows: planRows(copy.value, kept, operation) }
    const next = announced(operation, chunk, copy.value, clock.wall())
    if (!next.sending) return journal.save({ ...next, next: number + 1 }, lock, chunk)
    const sent = await journal.save(next, lock, chunk)
    const ending = { unlock: deadline === undefined }
    const result = await runChunk(sent, lock, chunk, copy, contextOf(operation, deadline), ending)
    const { state, sending } = operation
    if (!result.wasSent) await journal.save({ ...sent, state, sending }, lock)
    if (result.refused) throw result.refused
    return result.operation
  }
  /** It may run long after the request that asked for it, on another instance: so it is linked. */
  const spanOf = ({ id, kind, next, traceparent: link }: Operation): SpanOf => {
    const attributes = { 'gateway.operation': id, 'gateway.chunk': next }
    return { name: `operation ${kind}`, kind: 'root', attributes, link }
  }
  const step = tracing.spans(spanOf, stepOnce)

  /** Finds out what an earlier write of the organization left in doubt. Returns that operation. */
  const reconcileEarlier = async (id: string | undefined, lock: HeldLock, deadline: number) => {
    let earlier = id === undefined ? undefined : await journal.get(id)
    while (earlier && isSending(earlier)) {
      const waitMs = reconciler.dueIn(earlier)
      if (clock.now() + waitMs >= deadline)
        throw new Failure('queue.full', { retryAfterMs: Math.max(1000, waitMs) })
      earlier = await reconciler.reconcile(earlier, lock, deadline)
      // A change of status that was proven absent is made now, so that opposite ones end in the order they came.
      while (changesStatus(earlier) && earlier.sending && !isSending(earlier))
        earlier = await step(earlier, lock, deadline)
    }
    return earlier
  }

  /** Does the next step of an operation under one lock. */
  const advance = (id: string): Promise<Operation | undefined> => {
    const context = { deadline: clock.now() + stepMs, signal: stopping.signal }
    return journal.withLock(id, context, async (lock, operation, sendingId) => {
      if (!operation || isFinal(operation) || stopping.signal.aborted) return operation
      const earlier = await reconcileEarlier(sendingId, lock, context.deadline)
      const now = earlier?.id === id ? earlier : operation
      return isFinal(now) ? now : step(now, lock)
    })
  }

  /** Ends an operation without the rows that could not be sent. */
  const giveUp = (id: string): Promise<Operation | undefined> =>
    journal.withLock(id, { deadline: clock.now() + giveUpMs }, async (lock, operation) => {
      if (!operation || isFinal(operation)) return operation
      const { sending } = operation
      if (sending && isSending(operation)) await late.add(operation, sending.baseline)
      const next = await changeRows(operation, lock, journal, (row, chunk) => {
        if (!isPending(row)) return row
        const isDoubtful = sending?.chunk === chunk && sending.rows.includes(row.index)
        return { ...row, outcome: isDoubtful ? 'unknown' : 'rejected', reason: 'chathub.unavailable' }
      })
      const ended: Operation = {
        ...next,
        next: next.chunks,
        sending: undefined,
        lateCheck: undefined,
        givenUp: isSending(next) ? next.sending : undefined,
        detail: 'ChatHub could not be reached for ten minutes.',
      }
      return journal.save(ended, lock)
    })

  /** The same; an operation that has nothing left to send then waits for its last look, without the lock. */
  const advanceOnce = async (id: string): Promise<Operation | undefined> => {
    const next = await advance(id)
    if (next && !isFinal(next) && isSent(next))
      await pause(clock, reconciler.lateCheckIn(next), stopping.signal)
    return next
  }

  const runToEnd = tracing.detached(async (id: string): Promise<Operation | undefined> => {
    let awayMs = 0
    while (!stopping.signal.aborted) {
      const begunAt = clock.now()
      try {
        const next = await (awayMs > giveUpMs ? giveUp : advanceOnce)(id)
        awayMs = 0
        if (!next || isFinal(next)) return next
      } catch (error) {
        await pause(clock, pauseAfter(error), stopping.signal)
        awayMs += awayFor(error, clock.now() - begunAt)
      }
    }
    return undefined
  })

  return {
    /** Carries out an operation to its end, though ChatHub and Redis may be away. Undefined: it is gone, or this instance stops. */
    run: (id: string): Promise<Operation | undefined> => {
      const known = running.get(id) ?? track(runToEnd(id).finally(() => running.delete(id)))
      running.set(id, known)
      return known
    },
    runChunk,
    /**
     * Runs `work` under the lock of an operation's organization, once nothing of an earlier write is in doubt. `known`: the
     * operation if it exists; then nothing is waited for.
     * @throws Failure `queue.full` when the deadline comes first or the lock is lost; what kept ChatHub from being asked
     */
    withLock: <T>(
      id: string,
      { deadline }: CallContext,
      work: (lock: HeldLock, known: Operation | undefined) => Promise<T>,
    ): Promise<T> =>
      track(
        journal.withLock(id, { deadline }, async (lock, operation, sendingId) => {
          if (!operation) await reconcileEarlier(sendingId, lock, deadline)
          return work(lock, operation)
        }),
      ),
    /** Begins no further chunk. Resolves when the running chunks are kept and all locks are released. */
    stop: async (): Promise<void> => {
      stopping.abort()
      await Promise.all(active)
    },
  }
}
