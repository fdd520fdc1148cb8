import type { Cache, Copy } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import { type Journal, rowsOf } from './journal.ts'
import {
  isFinal,
  isPending,
  type NewWrite,
  newOperation,
  type Operation,
  operationId,
  type Row,
} from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { planOperation, replaceRows } from './row-planner.ts'
import type { Runner } from './runner.ts'
import { withChunk } from './save-operation.ts'

/** A write when its caller is answered: all rows settled, with the list if it is at hand; or an operation that goes on. */
export type WriteResult = { rows: readonly Row[]; roster?: Roster } | { operation: Operation }

export type WriteOptions = {
  /** The list that the rows are planned with; by default one that is fetched after the request came. */
  readList?: () => Promise<Copy<Roster>>
  /** Sees the planned rows before anything is kept. False: they are only a preview. May throw. */
  review?: (rows: readonly Row[]) => boolean
  /** Forget the operation once the outcome is known, since nobody can ask for it. */
  forget?: boolean
}

/** Begins writes on behalf of callers. */
export type OperationWriter = {
  /**
   * Carries out a write and waits for it to the deadline. Rows that need nothing from ChatHub leave no trace. Once the first
   * chunk has left, the operation goes on to its end, whatever happens to this request.
   * @throws Failure: nothing was sent; `write.in-doubt`: the operation is gone, as in a flushed Redis
   */
  write(write: NewWrite, context: CallContext, options?: WriteOptions): Promise<WriteResult>
  /** Keeps a write, then carries it out in the background. */
  enqueue(write: NewWrite): Promise<Operation>
}

// What is left of a deadline for the answer.
const answerMs = 100

export const createOperationWriter = (options: {
  cache: Cache<Roster>
  journal: Journal
  runner: Runner
  clock: Clock
  /** Rows that ChatHub takes at once. */
  batchSize: number
}): OperationWriter => {
  const { cache, journal, runner, clock, batchSize } = options

  /** Plans a write under the lock and sends its first chunk. */
  const begin = async (
    write: NewWrite,
    lock: HeldLock,
    context: CallContext,
    { readList, review, forget = false }: WriteOptions,
  ): Promise<WriteResult> => {
    const fetchList = async (): Promise<Copy<Roster>> =>
      (await cache.read(operatorsKey(write.organization), context, { notBefore: clock.now() })).copy
    const copy = await (readList ?? fetchList)()
    const startedAt = clock.wall()
    const rows = planOperation(copy.value, write.rows, newOperation(write, batchSize, startedAt).operation)
    if (review?.(rows) === false || !rows.some(isPending)) return { rows, roster: copy.value }
    const { operation, chunks } = newOperation({ ...write, rows }, batchSize, startedAt)
    const number = chunks.findIndex((chunk) => chunk.some(isPending))
    const first = chunks[number] as Row[]
    /** The operation while it is kept. */
    let kept: Operation | undefined
    try {
      const chunk = { number, kept: first, rows: first }
      const result = await runner.runChunk({ ...operation, next: number }, lock, chunk, copy, context, {
        announce: async (next) => {
          const known = await journal.create(next, chunks, lock)
          kept = known ?? next
          if (known) throw new Failure('write.in-doubt')
          return next
        },
        withdraw: async (announced) => {
          await journal.remove(announced, lock)
          kept = undefined
        },
        settle: async (next, settled) => {
          const final = withChunk(next, settled, clock.wall())
          if (!forget || final.state !== 'done') return runner.save(next, lock, settled)
          await journal.remove(next, lock)
          return final
        },
      })
      if (result.operation.state !== 'done') return { operation: result.operation }
      return { rows: replaceRows(rows, result.rows), roster: result.roster }
    } catch (error) {
      // What is kept goes on; otherwise nothing was sent.
      if (kept) return { operation: kept }
      throw error
    }
  }

  /** Waits for an operation that has begun, to the deadline. */
  const awaitOutcome = async (begun: Operation, context: CallContext): Promise<WriteResult> => {
    const enough = new AbortController()
    const late = pause(clock, context.deadline - answerMs - clock.now(), enough.signal)
    const run = isFinal(begun) ? begun : runner.run(begun.id)
    const ended = await Promise.race([run, late]).finally(() => enough.abort())
    const operation = ended ?? (await journal.get(begun.id).catch(() => begun))
    if (!operation) throw new Failure('write.in-doubt')
    if (operation.state !== 'done') return { operation }
    return rowsOf(journal, operation).then(
      (rows) => ({ rows }),
      () => ({ operation }),
    )
  }

  return {
    write: async (write, context, options = {}) => {
      const id = operationId(write)
      const inTime = { ...context, deadline: context.deadline - answerMs }
      const result = await runner
        .withSettledLock<WriteResult>(write.organization, id, inTime, async (lock, known) =>
          // A known operation was begun by an earlier attempt at this request.
          known ? { operation: known } : begin(write, lock, context, options),
        )
        .catch(async (error) => {
          // Such an operation may be what kept the lock.
          const known = isFailure(error, 'queue.full') && (await journal.get(id).catch(() => undefined))
          if (known) return { operation: known }
          throw error
        })
      return 'operation' in result ? awaitOutcome(result.operation, context) : result
    },
    enqueue: async (write) => {
      const { operation, chunks } = newOperation(write, batchSize, clock.wall())
      const known = (await journal.get(operation.id)) ?? (await journal.create(operation, chunks))
      if (!known || !isFinal(known)) void runner.run(operation.id)
      return known ?? operation
    },
  }
}
