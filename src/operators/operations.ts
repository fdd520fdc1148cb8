import type { Caller } from '../access/caller.ts'
import type { Clock } from '../clock.ts'
import type { RowOutcome } from '../contract/operation.ts'
import { Failure } from '../errors.ts'
import type { Journal } from '../ledger/journal.ts'
import { isFinal, type Operation, type Row, recount } from '../ledger/operation.ts'
import type { Turns } from '../ledger/turns.ts'
import type { Runner } from './run.ts'
import { rowsOf } from './written.ts'

/** Writes that take long or are in doubt, as the client that made them sees them. @throws Failure `operation.unknown` */
export type Operations = {
  get(caller: Caller, id: string): Promise<Operation>
  rows(caller: Caller, id: string, outcomes?: readonly RowOutcome[]): Promise<Row[]>
  /** What is not sent yet stays pending. @throws Failure `operation.settled` */
  cancel(caller: Caller, id: string): Promise<Operation>
  /** Rows that ended in doubt, or that ChatHub's absence kept back, are tried again against a new list. */
  retry(caller: Caller, id: string): Promise<Operation>
  /** Calls back with each state from now on, and with undefined once it is gone; returns how to stop. */
  watch: Journal['watch']
  /** Takes up what a stopped instance left behind, now and again; returns how to stop. */
  sweep(): () => void
}

const sweepMs = 5000
// Younger ones have a live owner, or their turn has not run out yet.
const orphanMs = 20_000

export const createOperations = (options: {
  journal: Journal
  turns: Turns
  runner: Runner
  clock: Clock
}): Operations => {
  const { journal, turns, runner, clock } = options
  const get = async (caller: Caller, id: string): Promise<Operation> => {
    const operation = /^\d{1,10}-[\w-]{8,40}$/.test(id) ? await journal.get(id) : undefined
    if (!operation || operation.client !== caller.id) throw new Failure('operation.unknown')
    return operation
  }
  /** A doubled name is there already: with duplicates allowed it would be sent a third time. */
  const isOpenAgain = ({ outcome, reason }: Row, { onDuplicate, state }: Operation): boolean =>
    (outcome === 'unknown' && (onDuplicate !== 'allow' || reason !== 'doubled')) ||
    (outcome === 'rejected' && reason === 'chathub.unavailable') ||
    (outcome === 'pending' && state === 'cancelled')
  /** Who is to be added is looked for again by name. */
  const reopen = ({ reason: _, id, ...row }: Row, { kind }: Operation): Row => ({
    ...row,
    outcome: 'pending',
    ...(kind === 'setStatus' && { id }),
  })

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
    retry: async (caller, id) => {
      const { organization } = await get(caller, id)
      const again = await turns.take(organization, { deadline: clock.now() + 5000 }, async (turn) => {
        const operation = await get(caller, id)
        let next = operation
        if (!isFinal(operation)) throw new Failure('operation.settled')
        for (let number = operation.chunks - 1; number >= 0; number--) {
          const rows = await journal.chunk(id, number)
          const reopened = rows.map(
            (row): Row => (isOpenAgain(row, operation) ? reopen(row, operation) : row),
          )
          if (reopened.every((row, place) => row === rows[place])) continue
          if (next === operation) await journal.reopen(operation)
          next = {
            ...next,
            state: 'running',
            next: number,
            counts: recount(next.counts, rows, reopened),
            finishedAt: undefined,
            detail: undefined,
          }
          if (!(await journal.save(next, turn, { number, rows: reopened })))
            throw new Failure('chathub.busy', { retryAfterMs: 1000 })
        }
        if (next === operation) throw new Failure('operation.settled')
        return next
      })
      void runner.run(id)
      return again
    },
    watch: journal.watch,
    sweep: () => {
      let cancel = (): void => {}
      let closed = false
      const once = async (): Promise<void> => {
        const ids = await journal.open().catch(() => [])
        for (const id of ids) {
          const operation = await journal.get(id).catch(() => undefined)
          if (operation && (operation.state === 'queued' || clock.wall() - operation.startedAt > orphanMs))
            void runner.run(id)
        }
      }
      const again = (): void => {
        void once().finally(() => {
          if (!closed) cancel = clock.after(sweepMs * (0.8 + Math.random() * 0.4), again)
        })
      }
      again()
      return () => {
        closed = true
        cancel()
      }
    },
  }
}
