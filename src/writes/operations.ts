import { authorize, mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Clock } from '../clock.ts'
import type { RowOutcome } from '../contract/operation.ts'
import { Failure } from '../errors.ts'
import { type Journal, LockLost, rowsOf } from './journal.ts'
import { isFinal, type Operation, type Row } from './operation.ts'
import { reopenRows, retried } from './reopen.ts'
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
   * Tries rows again that ended in doubt, that ChatHub's absence kept back, or that a cancelled operation left; once per
   * `requestKey`. @throws Failure `operation.running`, `operation.settled`, `scope.missing`
   */
  retry(caller: Caller, id: string, requestKey: string): Promise<Operation>
  /** Calls back with each later state, and with undefined once it is gone. The returned function ends it. */
  watch(caller: Caller, operation: Operation, changed: (operation: Operation | undefined) => void): () => void
}

const retryMs = 5000

export const createOperations = (options: { journal: Journal; runner: Runner; clock: Clock }): Operations => {
  const { journal, runner, clock } = options
  const isVisible = (caller: Caller, operation: Operation | undefined): operation is Operation =>
    operation?.client === caller.id && mayTouch(caller, operation.organization)
  const get = async (caller: Caller, id: string): Promise<Operation> => {
    const operation = /^\d{1,10}-[\w-]{8,40}$/.test(id) ? await journal.get(id) : undefined
    if (isVisible(caller, operation)) return operation
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
    retry: async (caller, id, requestKey) => {
      const { organization, kind } = await get(caller, id)
      authorize(caller, { scope: kind === 'import' ? 'operators:import' : 'operators:write' })
      const context = { deadline: clock.now() + retryMs }
      const reopen: Parameters<typeof journal.withLock<Operation>>[2] = async (lock, { operation }) => {
        if (!operation) throw new Failure('operation.unknown')
        if (operation.retryKey === requestKey) return operation
        if (!isFinal(operation)) throw new Failure('operation.running')
        const taken = retried(operation, requestKey)
        const next = await reopenRows(taken, lock, { journal, save: runner.save })
        if (next === taken) throw new Failure('operation.settled')
        return next
      }
      const again = await journal.withLock(organization, context, reopen, id).catch((error) => {
        throw error instanceof LockLost ? new Failure('queue.full', { retryAfterMs: 1000 }) : error
      })
      void runner.run(id)
      return again
    },
    watch: (caller, { id, organization }, changed) => {
      authorize(caller, { organization })
      return journal.watch(id, changed)
    },
  }
}
