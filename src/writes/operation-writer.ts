import type { Cache } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure, type Fault, isFailure } from '../errors.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import { announced } from './chunk-runner.ts'
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
import { planRows, previewRows, replaceRows } from './row-planner.ts'
import type { Runner } from './runner.ts'
import type { Storage } from './storage.ts'

/**
 * A write when its caller is answered. Either all rows are decided: with the list if it is at hand, and the id of the
 * operation that was kept. Or an operation goes on or needs review: with its rows if each has an outcome.
 */
export type WriteResult =
  | { rows: readonly Row[]; roster?: Roster; id?: string }
  | { operation: Operation; rows?: readonly Row[] }

export type WriteOptions = {
  /** Whether a fresh list of the cache may be used, instead of one that is fetched after the request came. */
  mayUse?: (roster: Roster) => boolean
  /** Throws what keeps the write from being made with this list. */
  check?: (roster: Roster) => void
  /** Forget the operation once it is done, since nobody can ask for it. */
  forget?: boolean
}

export type OperationWriter = ReturnType<typeof createOperationWriter>

// What is left of a deadline for the answer.
const answerMs = 100

export const createOperationWriter = (options: {
  cache: Cache<Roster>
  journal: Journal
  runner: Runner
  storage: Pick<Storage, 'withRoom'>
  clock: Clock
  batchSize: number
}) => {
  const { cache, journal, runner, storage, clock, batchSize } = options

  /** A list that is fetched now, or a fresh one of the cache if that may be used. */
  const listFor = async (write: NewWrite, context: CallContext, { mayUse, check }: WriteOptions = {}) => {
    const key = operatorsKey(write.organization)
    const cached = mayUse && (await cache.read(key, context))
    const isUsable = cached && cached.freshness.ttlMs > 0 && mayUse(cached.copy.value)
    const newest = () => cache.read(key, context, { notBefore: clock.now(), forWrite: true })
    const { copy } = isUsable ? cached : await newest()
    check?.(copy.value)
    return copy
  }

  /** The rows as they would end now. @throws Failure `operator.duplicate` (mode `fail`) */
  const previewWith = async (roster: Roster, write: NewWrite): Promise<Row[]> => {
    const rows = await previewRows(roster, write.rows, write)
    if (write.onDuplicate === 'fail') refuseDuplicates(rows)
    return rows
  }

  /** Plans a write under the lock and sends its first chunk. */
  const begin = async (write: NewWrite, lock: HeldLock, context: CallContext, how: WriteOptions) => {
    const copy = await listFor(write, context, how)
    if (write.onDuplicate === 'fail') await previewWith(copy.value, write)
    const rows = planRows(copy.value, write.rows, write)
    // The lock and the list may have taken seconds.
    await context.stillAllowed?.(write.organization)
    const startedAt = clock.wall()
    if (!rows.some(isPending)) return { rows, roster: copy.value }
    const { operation, chunks } = newOperation({ ...write, rows }, batchSize, startedAt)
    const number = chunks.findIndex((part) => part.some(isPending))
    const first = chunks[number] as Row[]
    const chunk = { number, kept: first, rows: first }
    const sent = announced({ ...operation, next: number }, chunk, copy.value, startedAt)
    const known = await journal.create(sent, chunks, lock)
    if (known) return { operation: known }
    let refused: Failure | undefined
    try {
      const ending = { forget: how.forget, unlock: true }
      const result = await runner.runChunk(sent, lock, chunk, copy, context, ending)
      if (result.wasSent && result.operation.state !== 'done') return { operation: result.operation }
      if (result.wasSent) return { rows: replaceRows(rows, result.rows), roster: result.roster, id: sent.id }
      await journal.remove(sent, lock)
      refused = result.refused
    } catch {
      // What is kept goes on.
      return { operation: sent }
    }
    throw refused
  }

  /** Waits for an operation that has begun, to the deadline. */
  const awaitOutcome = async (begun: Operation, context: CallContext): Promise<WriteResult> => {
    const ended = new AbortController()
    const late = pause(clock, context.deadline - answerMs - clock.now(), ended.signal)
    const run = isFinal(begun) ? begun : runner.run(begun.id)
    const last = await Promise.race([run, late]).finally(() => ended.abort())
    const operation = last ?? (await journal.get(begun.id).catch(() => begun))
    if (!operation) throw new Failure('write.in-doubt')
    const hasOutcomes = isFinal(operation) && operation.counts.pending === 0
    const rows = hasOutcomes ? await rowsOf(journal, operation).catch(() => undefined) : undefined
    if (!rows) return { operation }
    return operation.state === 'done' ? { rows, id: operation.id } : { operation, rows }
  }

  return {
    /**
     * Carries out a write and waits for it to the deadline. Rows that need nothing from ChatHub leave no trace. Once the
     * first chunk has left, the operation goes on to its end, whatever happens to this request.
     * @throws Failure: nothing was sent, as `quota.exceeded`, `storage.full`; `write.in-doubt`: the operation is gone, as in
     * a flushed Redis
     */
    write: async (write: NewWrite, context: CallContext, how: WriteOptions = {}): Promise<WriteResult> => {
      const id = operationId(write)
      const inTime = { ...context, deadline: context.deadline - answerMs }
      const run = () =>
        runner.withLock<WriteResult>(id, inTime, async (lock, known) =>
          // A known operation was begun by an earlier attempt at this request.
          known ? { operation: known } : begin(write, lock, context, how),
        )
      const result = await storage.withRoom(write.rows, run).catch(async (error) => {
        // Such an operation may be what kept the lock.
        const known = isFailure(error, 'queue.full') && (await journal.get(id).catch(() => undefined))
        if (known) return { operation: known }
        throw error
      })
      return 'operation' in result ? awaitOutcome(result.operation, context) : result
    },
    /** The rows as they would end now. Changes nothing. */
    preview: async (write: NewWrite, context: CallContext): Promise<Row[]> =>
      previewWith((await listFor(write, context)).value, write),
    /** Keeps a write, then carries it out in the background. @throws Failure `quota.exceeded`, `storage.full` */
    enqueue: async (write: NewWrite): Promise<Operation> => {
      const { operation, chunks } = newOperation(write, batchSize, clock.wall())
      const begun = await journal.get(operation.id)
      const known = begun ?? (await storage.withRoom(write.rows, () => journal.create(operation, chunks)))
      if (!known || !isFinal(known)) void runner.run(operation.id)
      return known ?? operation
    },
  }
}

const refuseDuplicates = (rows: readonly Row[]): void => {
  const fault = {
    code: 'duplicate',
    detail: 'An operator of this name exists, or the body has the name twice.',
  }
  const errors = rows
    .filter(({ outcome }) => outcome !== 'created')
    .map(({ index }): Fault => ({ pointer: `/operators/${index}/name`, ...fault }))
  if (errors.length > 0) throw new Failure('operator.duplicate', { errors })
}
