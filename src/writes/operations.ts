import { authorize, hasScope, mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import { type Clock, every } from '../clock.ts'
import type { RowOutcome } from '../contract/operation.ts'
import { Failure } from '../errors.ts'
import { type Journal, rowsOf } from './journal.ts'
import { countRows, isFinal, isPending, type Operation, type Row, scopeOfWrite } from './operation.ts'
import type { Runner } from './runner.ts'

/**
 * Operations as the client that made them sees them, while it may touch their organization.
 * @throws Failure `operation.unknown`
 */
export type Operations = {
  get(caller: Caller, id: string): Promise<Operation>
  rows(caller: Caller, id: string, outcomes?: readonly RowOutcome[]): Promise<Row[]>
  /** Rows that are not sent yet stay pending. @throws Failure `operation.settled` */
  cancel(caller: Caller, id: string): Promise<Operation>
  /**
   * Tries rows again that ended in doubt, that were rejected because ChatHub was unavailable, or that a cancelled operation
   * left; once per `requestKey`. @throws Failure `operation.running`, `operation.settled`, `scope.missing`, `queue.full`
   */
  retry(caller: Caller, id: string, requestKey: string): Promise<Operation>
  /** Calls back with the operation four times a second, and with undefined once it is gone. The returned function ends it. */
  watch(caller: Caller, operation: Operation, seen: (operation: Operation | undefined) => void): () => void
}

const retryMs = 5000
const watchMs = 250

export const createOperations = (journal: Journal, runner: Pick<Runner, 'run'>, clock: Clock): Operations => {
  const get = async (caller: Caller, id: string): Promise<Operation> => {
    const operation = /^\d{1,10}-[\w-]{8,40}$/.test(id) ? await journal.get(id) : undefined
    if (operation?.client === caller.id && mayTouch(caller, operation.organization)) return operation
    throw new Failure('operation.unknown')
  }

  return {
    get,
    rows: async (caller, id, outcomes) => {
      const rows = await rowsOf(journal, await get(caller, id))
      return outcomes ? rows.filter(({ outcome }) => outcomes.includes(outcome)) : rows
    },
    cancel: async (caller, id) => {
      const operation = await get(caller, id)
      if (isFinal(operation)) throw new Failure('operation.settled')
      await journal.cancel(id)
      void runner.run(id)
      return operation
    },
    retry: async (caller, id, retryKey) => {
      authorize(caller, { scope: scopeOfWrite(await get(caller, id)) })
      const again = await journal.withLock(
        id,
        { deadline: clock.now() + retryMs },
        async (lock, operation) => {
          if (!operation) throw new Failure('operation.unknown')
          if (operation.retryKey === retryKey) return operation
          if (!isFinal(operation)) throw new Failure('operation.running')
          const { givenUp, finishedAt: _, detail: __, ...rest } = operation
          const sending = givenUp && { ...givenUp, attempt: 0 }
          // Its rows are reopened as they are read.
          const switchOnly = !hasScope(caller, 'operators:write')
          const next: Operation = { ...rest, state: 'running', retryKey, sending, next: 0, switchOnly }
          const rows = await rowsOf(journal, next)
          if (!rows.some(isPending)) throw new Failure('operation.settled')
          await journal.reopen(next)
          const kept = await journal.save({ ...next, counts: countRows(rows) }, lock)
          // Listed again: another instance that still saw it final may have taken it off the list.
          await journal.reopen(next)
          return kept
        },
      )
      void runner.run(id)
      return again
    },
    watch: (caller, { id, organization }, seen) => {
      authorize(caller, { organization })
      return every(clock, watchMs, () => void journal.get(id).then(seen, () => {}))
    },
  }
}
