import type { Cache, Copy } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { Errand } from '../chathub/exchange.ts'
import { statusCode } from '../chathub/wire.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Journal } from './journal.ts'
import { isFinal, isSending, type Operation, organizationOf, type Row } from './operation.ts'
import type { Turn, Turns } from './organization-lock.ts'
import type { Reporter } from '../report.ts'
import { createBook, TurnLost } from './operation-writer.ts'
import { decide, decideStatus } from './row-planner.ts'
import type { Roster } from '../lists/roster.ts'
import { createSender } from './chunk-sender.ts'
import { createSettler } from './reconciler.ts'

// ChatHub down for this long: what was not sent is rejected, so that the write ends.
const giveUpMs = 600_000

export type Runner = {
  /**
   * Runs an operation to its end, whoever began it; resolves with its final state, or with undefined when another
   * instance has it. Survives ChatHub and Redis being away.
   */
  run(id: string): Promise<Operation | undefined>
  /**
   * The turn of an organization, in which nothing of an earlier write is in doubt any more: it was settled first.
   * @throws Failure `chathub.busy` when the deadline comes before that, and what kept it from being settled
   */
  inTurn<T>(
    organization: number,
    errand: Pick<Errand, 'deadline'>,
    work: (turn: Turn) => Promise<T>,
  ): Promise<T>
  /** The first step, in a turn that is held already. @throws Failure; an operation that is still `queued` sent nothing */
  begin(operation: Operation, rows: Row[], copy: Copy<Roster>, turn: Turn, errand: Errand): Promise<void>
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
  turns: Turns
  clock: Clock
  report: Reporter
  /** How long after doubt ChatHub is asked what came of it. */
  settleMs: number
}): Runner => {
  const { chathub, cache, journal, turns, clock, report, settleMs } = options
  const running = new Map<string, Promise<Operation | undefined>>()
  const book = createBook({ cache, journal, clock, report })
  const settler = createSettler({ cache, journal, clock, book, settleMs })
  const send = createSender({
    chathub,
    setStatus: (id, status, errand) => chathub.setStatus(id, statusCode(status), errand),
    cache,
    clock,
    book,
  })

  const isOver = ({ next, chunks, sending }: Operation): boolean => next >= chunks && !sending

  /** The next step of an operation, in its turn; by the deadline of whoever waits for it. */
  const step = async (operation: Operation, turn: Turn, deadline = Infinity): Promise<Operation> => {
    if (isOver(operation))
      return settler.watchedFor(operation) > 0 ? operation : settler.finish(operation, turn)
    if (await journal.cancelled(operation.id)) {
      const stopped: Operation = { ...operation, next: operation.chunks, sending: undefined }
      await book.save(stopped, turn)
      return stopped
    }
    const number = operation.next
    const kept = await journal.chunk(operation.id, number)
    const copy = operation.state === 'queued' ? await book.list(operation) : await book.current(operation)
    const rows =
      operation.status === undefined
        ? decide(copy.value, kept, operation)
        : decideStatus(copy.value, kept, operation.status)
    const errand = book.errandOf(operation)
    const inTime = { ...errand, deadline: Math.min(errand.deadline, deadline) }
    return send(operation, turn, { number, kept, rows }, copy, inTime)
  }

  /** Settles what an earlier write of the organization left in doubt. */
  const clear = async (organization: number, deadline: number, turn: Turn): Promise<void> => {
    const id = await journal.unsettled(organization)
    let left = id === undefined ? undefined : await journal.get(id)
    while (left && isSending(left)) {
      const waitMs = settler.dueIn(left)
      if (clock.now() + waitMs >= deadline)
        throw new Failure('chathub.busy', { retryAfterMs: Math.max(1000, waitMs) })
      left = await settler.settle(left, turn)
      // A change of status that was proven absent is made now: opposite ones end in the order they came.
      while (left.status !== undefined && left.sending && !isSending(left))
        left = await step(left, turn, deadline)
    }
  }
  const inTurn: Runner['inTurn'] = (organization, errand, work) =>
    turns.take(organization, errand, async (turn) => {
      await clear(organization, errand.deadline, turn)
      return work(turn)
    })

  /** Ends an operation that ChatHub's absence kept from going on. */
  const giveUp = (id: string): Promise<Operation | undefined> =>
    turns.take(organizationOf(id), { deadline: clock.now() + giveUpMs }, async (turn) => {
      const operation = await journal.get(id)
      if (!operation || isFinal(operation)) return operation
      const { sending } = operation
      const sent = new Set(sending?.rows)
      const next = await book.keepEach(operation, turn, (row, chunk) => {
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
      await book.save(final, turn)
      return final
    })

  const runToEnd = async (id: string): Promise<Operation | undefined> => {
    let failingSince: number | undefined
    for (;;) {
      try {
        const operation = await journal.get(id)
        if (!operation || isFinal(operation)) return operation
        // What may be doubled late is looked at late, without keeping others from their turn.
        if (isOver(operation)) await pause(clock, settler.watchedFor(operation))
        const { deadline } = book.errandOf(operation)
        const next = await inTurn(operation.organization, { deadline }, async (turn) => {
          const now = await journal.get(id)
          return now && !isFinal(now) ? step(now, turn) : now
        })
        failingSince = undefined
        if (!next || isFinal(next)) return next
      } catch (error) {
        if (error instanceof TurnLost) return undefined
        failingSince ??= clock.now()
        if (clock.now() - failingSince > giveUpMs) return giveUp(id).catch(() => undefined)
        const waitMs = (isFailure(error) && error.retryAfterMs) || 1000
        await pause(clock, Math.min(5000, Math.max(250, waitMs)))
      }
    }
  }

  return {
    inTurn: (organization, errand, work) =>
      inTurn(organization, errand, work).catch((error) => {
        throw error instanceof TurnLost ? new Failure('chathub.busy', { retryAfterMs: 1000 }) : error
      }),
    run: (id) => {
      const known = running.get(id) ?? runToEnd(id).finally(() => running.delete(id))
      running.set(id, known)
      return known
    },
    begin: async (operation, rows, copy, turn, errand) => {
      await send(operation, turn, { number: 0, kept: rows, rows }, copy, errand)
    },
  }
}
