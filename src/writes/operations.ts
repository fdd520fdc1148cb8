import { authorize, mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { alone, type Clock, every } from '../clock.ts'
import { type OnChange, oneChange } from '../contract/audit.ts'
import type { OperationsQuery, RowOutcome } from '../contract/operation.ts'
import { Failure } from '../errors.ts'
import { type Journal, operationKeepMs, rowsOf } from './journal.ts'
import {
  askedBy,
  countRows,
  isFinal,
  isPending,
  mayOnlySwitch,
  type Operation,
  operationId,
  organizationOf,
  type Requested,
  type Row,
  scopeOfWrite,
} from './operation.ts'
import { isOf, listOperations } from './operation-view.ts'
import type { OperationWriter } from './operation-writer.ts'
import type { Runner } from './runner.ts'
import { undoOf } from './undo.ts'

/**
 * Operations as callers see them that may touch their organization: the client that made it, other sessions of the same
 * person, and `admin`. @throws Failure `operation.unknown`
 */
export type Operations = {
  get(caller: Caller, id: string): Promise<Operation>
  /** Newest first. One request looks through 1,000 operations of all callers at most, so a page may be short. */
  list(caller: Caller, query: OperationsQuery): Promise<{ items: Operation[]; nextCursor: string | null }>
  /**
   * The operation that an earlier attempt at a request began, while it is not final. This instance carries it on, in case
   * the one that began it was killed.
   */
  resume(caller: Caller, request: Requested): Promise<Operation | undefined>
  rows(caller: Caller, id: string, outcomes?: readonly RowOutcome[]): Promise<Row[]>
  /** Rows that are not sent yet stay pending. @throws Failure `operation.settled` */
  cancel(caller: Caller, id: string, context: CallContext): Promise<Operation>
  /**
   * Tries rows again that ended in doubt, that were rejected because ChatHub was unavailable, or that a cancelled operation
   * left; once per `requestKey`. @throws Failure `operation.running`, `operation.settled`, `scope.missing`, `queue.full`
   */
  retry(caller: Caller, id: string, context: CallContext, requestKey: string): Promise<Operation>
  /**
   * Begins an operation that sets this one back, once. The same `requestKey` gets the same operation.
   * @throws Failure `operation.running`, `operation.undone`, `operation.settled` where nothing was changed, `scope.missing`
   */
  undo(caller: Caller, id: string, context: CallContext, requestKey: string): Promise<Operation>
  /** Calls back with the operation four times a second, and with undefined once it is gone. The returned function ends it. */
  watch(caller: Caller, operation: Operation, seen: (operation: Operation | undefined) => void): () => void
}

const retryMs = 5000
const earlierRetriesMax = 20

const isRetriedBy = ({ retryKey, earlierRetryKeys = [] }: Operation, requestKey: string): boolean =>
  retryKey === requestKey || earlierRetryKeys.includes(requestKey)
const watchMs = 250

export const createOperations = (
  journal: Journal,
  runner: Pick<Runner, 'run'>,
  writer: Pick<OperationWriter, 'enqueue'>,
  clock: Clock,
  onChange: OnChange,
): Operations => {
  const find = async (caller: Caller, id: string): Promise<Operation | undefined> => {
    // The id names the organization, so nothing is looked up for one that the caller may not touch.
    const isPossible = /^\d{1,10}-[\w-]{8,40}$/.test(id) && mayTouch(caller, organizationOf(id))
    const operation = isPossible ? await journal.get(id) : undefined
    return operation && isOf(caller, operation) ? operation : undefined
  }
  const get = async (caller: Caller, id: string): Promise<Operation> => {
    const operation = await find(caller, id)
    if (!operation) throw new Failure('operation.unknown')
    return operation
  }

  /** Tells who gave a command to an operation; once for each `key`. */
  type Command = 'cancelRequested' | 'retryRequested' | 'undoRequested'
  const tell = (caller: Caller, operation: Operation, context: CallContext, kind: Command, key = '') => {
    const { id, organization } = operation
    return onChange({
      organization,
      at: clock.wall(),
      operation: id,
      ...askedBy(caller, context),
      ...(key && { step: { name: `${id}:${kind}:${key}`, keepMs: operationKeepMs } }),
      changes: [{ ...oneChange, kind, key: 0 }],
    })
  }

  return {
    get,
    list: (caller, query) => listOperations(journal, caller, query),
    resume: async (caller, request) => {
      const operation = await find(caller, operationId(request))
      if (!operation || isFinal(operation)) return undefined
      void runner.run(operation.id)
      return operation
    },
    rows: async (caller, id, outcomes) => {
      const rows = await rowsOf(journal, await get(caller, id))
      return outcomes ? rows.filter(({ outcome }) => outcomes.includes(outcome)) : rows
    },
    cancel: async (caller, id, context) => {
      const operation = await get(caller, id)
      if (isFinal(operation)) throw new Failure('operation.settled')
      await tell(caller, operation, context, 'cancelRequested')
      await journal.cancel(id)
      void runner.run(id)
      return operation
    },
    retry: async (caller, id, context, retryKey) => {
      const earlier = await get(caller, id)
      authorize(caller, { scope: scopeOfWrite(earlier) })
      if (isRetriedBy(earlier, retryKey)) {
        // A repetition: the instance that began the retry may have been killed, and its lock stays for some seconds.
        if (!isFinal(earlier)) void runner.run(id)
        return earlier
      }
      const deadline = clock.now() + retryMs
      const again = await journal.withLock(id, { deadline }, async (lock, operation) => {
        if (!operation) throw new Failure('operation.unknown')
        if (isRetriedBy(operation, retryKey)) return operation
        if (!isFinal(operation)) throw new Failure('operation.running')
        const {
          givenUp,
          finishedAt: _,
          detail: __,
          retryKey: last,
          earlierRetryKeys = [],
          ...rest
        } = operation
        const sending = givenUp && { ...givenUp, attempt: 0 }
        // Its rows are reopened as they are read.
        const switchOnly = mayOnlySwitch(caller, operation)
        const retryKeys = {
          retryKey,
          ...(last !== undefined && {
            earlierRetryKeys: [last, ...earlierRetryKeys].slice(0, earlierRetriesMax),
          }),
        }
        const next: Operation = { ...rest, ...retryKeys, state: 'running', sending, next: 0, switchOnly }
        const rows = await rowsOf(journal, next)
        if (!rows.some(isPending)) throw new Failure('operation.settled')
        await tell(caller, operation, context, 'retryRequested', retryKey)
        await journal.reopen(next)
        const kept = await journal.save({ ...next, counts: countRows(rows) }, lock)
        // Listed again: another instance that still saw it final may have taken it off the list.
        await journal.reopen(next)
        return kept
      })
      void runner.run(id)
      return again
    },
    undo: async (caller, id, context, requestKey) => {
      const operation = await get(caller, id)
      authorize(caller, { scope: scopeOfWrite(operation) })
      if (!isFinal(operation)) throw new Failure('operation.running')
      const rows = await rowsOf(journal, operation)
      const by = { ...askedBy(caller, context), switchOnly: mayOnlySwitch(caller, operation) }
      const write = undoOf(operation, rows, by, requestKey)
      if (!write)
        throw new Failure('operation.settled', { detail: 'No row of this operation changed anything.' })
      // Another request may have begun it: the id of an undo follows from that of the operation.
      const undo = (await journal.get(operationId(write))) ?? (await writer.enqueue(write))
      if (undo.undoes?.requestKey !== requestKey) throw new Failure('operation.undone')
      await tell(caller, operation, context, 'undoRequested', requestKey)
      return undo
    },
    watch: (caller, { id, organization }, seen) => {
      authorize(caller, { organization })
      // One at a time, so that no answer comes after a newer one.
      const look = alone(() => journal.get(id).then(seen))
      return every(clock, watchMs, look)
    },
  }
}
