import type { Cache, Copy } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { statusCode } from '../chathub/wire.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Roster } from '../lists/roster.ts'
import type { Reporter } from '../report.ts'
import { createChunkSender } from './chunk-sender.ts'
import type { Journal } from './journal.ts'
import { isFinal, isSending, type Operation, organizationOf, type Row } from './operation.ts'
import { createOperationWriter, LockLost } from './operation-writer.ts'
import type { HeldLock, OrganizationLock } from './organization-lock.ts'
import { createReconciler } from './reconciler.ts'
import { planRows, planStatusRows } from './row-planner.ts'

// ChatHub down for this long: what was not sent is rejected, so that the write ends.
const giveUpMs = 600_000

export type Runner = {
  /**
   * Runs an operation to its end, whoever began it; resolves with its final state, or with undefined when another
   * instance has it. Survives ChatHub and Redis being away.
   */
  run(id: string): Promise<Operation | undefined>
  /**
   * The lock of an organization, in which nothing of an earlier write is in doubt any more: it was settled first.
   * @throws Failure `queue.full` when the deadline comes before that, and what kept it from being settled
   */
  withSettledLock<T>(
    organization: number,
    context: Pick<CallContext, 'deadline'>,
    work: (lock: HeldLock) => Promise<T>,
  ): Promise<T>
  /** The first step, in a lock that is held already. @throws Failure; an operation that is still `queued` sent nothing */
  begin(
    operation: Operation,
    rows: Row[],
    copy: Copy<Roster>,
    lock: HeldLock,
    context: CallContext,
  ): Promise<void>
}

/**
 * The one way a write of several rows is done: chunk by chunk, each written down before it is sent, each row decided
 * against a list that nobody else changes meanwhile. What is in doubt is never sent again before a list, read after the
 * settling time, has proven it absent; and until then nobody else writes to that organization.
 */
export const createRunner = (options: {
  chathub: ChatHub
  cache: Cache<Roster>
  journal: Journal
  organizationLock: OrganizationLock
  clock: Clock
  report: Reporter
  /** How long after doubt ChatHub is asked what came of it. */
  settleMs: number
}): Runner => {
  const { chathub, cache, journal, organizationLock, clock, report, settleMs } = options
  const running = new Map<string, Promise<Operation | undefined>>()
  const writer = createOperationWriter({ cache, journal, clock, report })
  const reconciler = createReconciler({ cache, journal, clock, writer, settleMs })
  const send = createChunkSender({
    chathub,
    setStatus: (id, status, context) => chathub.setStatus(id, statusCode(status), context),
    cache,
    clock,
    writer,
  })

  const isOver = ({ next, chunks, sending }: Operation): boolean => next >= chunks && !sending

  /** The next step of an operation, in its lock; by the deadline of whoever waits for it. */
  const step = async (operation: Operation, lock: HeldLock, deadline = Infinity): Promise<Operation> => {
    if (isOver(operation))
      return reconciler.watchedFor(operation) > 0 ? operation : reconciler.finish(operation, lock)
    if (await journal.cancelled(operation.id)) {
      const stopped: Operation = { ...operation, next: operation.chunks, sending: undefined }
      await writer.save(stopped, lock)
      return stopped
    }
    const number = operation.next
    const kept = await journal.chunk(operation.id, number)
    const copy = operation.state === 'queued' ? await writer.list(operation) : await writer.current(operation)
    const rows =
      operation.status === undefined
        ? planRows(copy.value, kept, operation)
        : planStatusRows(copy.value, kept, operation.status)
    const context = writer.contextOf(operation)
    const inTime = { ...context, deadline: Math.min(context.deadline, deadline) }
    return send(operation, lock, { number, kept, rows }, copy, inTime)
  }

  /** Settles what an earlier write of the organization left in doubt. */
  const reconcileEarlier = async (organization: number, deadline: number, lock: HeldLock): Promise<void> => {
    const id = await journal.unsettled(organization)
    let left = id === undefined ? undefined : await journal.get(id)
    while (left && isSending(left)) {
      const waitMs = reconciler.dueIn(left)
      if (clock.now() + waitMs >= deadline)
        throw new Failure('queue.full', { retryAfterMs: Math.max(1000, waitMs) })
      left = await reconciler.reconcile(left, lock)
      // A change of status that was proven absent is made now: opposite ones end in the order they came.
      while (left.status !== undefined && left.sending && !isSending(left))
        left = await step(left, lock, deadline)
    }
  }
  const inTurn: Runner['withSettledLock'] = (organization, context, work) =>
    organizationLock.withLock(organization, context, async (lock) => {
      await reconcileEarlier(organization, context.deadline, lock)
      return work(lock)
    })

  /** Ends an operation that ChatHub's absence kept from going on. */
  const giveUp = (id: string): Promise<Operation | undefined> =>
    organizationLock.withLock(organizationOf(id), { deadline: clock.now() + giveUpMs }, async (lock) => {
      const operation = await journal.get(id)
      if (!operation || isFinal(operation)) return operation
      const { sending } = operation
      const sent = new Set(sending?.rows)
      const next = await writer.saveEachChunk(operation, lock, (row, chunk) => {
        if (row.outcome !== 'pending') return row
        const outcome = sending?.chunk === chunk && sent.has(row.index) ? 'unknown' : 'rejected'
        return { ...row, outcome, reason: 'chathub.unavailable' }
      })
      const final: Operation = {
        ...next,
        sending: undefined,
        ...(isSending(next) && { givenUp: next.sending }),
        state: 'needsReview',
        detail: 'ChatHub could not be reached for ten minutes.',
        finishedAt: clock.wall(),
      }
      await writer.save(final, lock)
      return final
    })

  const runToEnd = async (id: string): Promise<Operation | undefined> => {
    let failingSince: number | undefined
    for (;;) {
      try {
        const operation = await journal.get(id)
        if (!operation || isFinal(operation)) return operation
        // What may be doubled late is looked at late, without keeping others from their lock.
        if (isOver(operation)) await pause(clock, reconciler.watchedFor(operation))
        const { deadline } = writer.contextOf(operation)
        const next = await inTurn(operation.organization, { deadline }, async (lock) => {
          const now = await journal.get(id)
          return now && !isFinal(now) ? step(now, lock) : now
        })
        failingSince = undefined
        if (!next || isFinal(next)) return next
      } catch (error) {
        if (error instanceof LockLost) return undefined
        failingSince ??= clock.now()
        if (clock.now() - failingSince > giveUpMs) return giveUp(id).catch(() => undefined)
        const waitMs = (isFailure(error) && error.retryAfterMs) || 1000
        await pause(clock, Math.min(5000, Math.max(250, waitMs)))
      }
    }
  }

  return {
    withSettledLock: (organization, context, work) =>
      inTurn(organization, context, work).catch((error) => {
        throw error instanceof LockLost ? new Failure('queue.full', { retryAfterMs: 1000 }) : error
      }),
    run: (id) => {
      const known = running.get(id) ?? runToEnd(id).finally(() => running.delete(id))
      running.set(id, known)
      return known
    },
    begin: async (operation, rows, copy, lock, context) => {
      await send(operation, lock, { number: 0, kept: rows, rows }, copy, context)
    },
  }
}
