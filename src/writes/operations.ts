import { authorize, mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Clock } from '../clock.ts'
import type { RowOutcome } from '../contract/operation.ts'
import { Failure } from '../errors.ts'
import type { Journal } from './journal.ts'
import { rowsOf } from './new-operation.ts'
import { isFinal, type Operation, type Row, recount } from './operation.ts'
import type { OrganizationLock } from './organization-lock.ts'
import type { Runner } from './runner.ts'

/**
 * Writes that take long or are in doubt, as the client that made them sees them, while it may touch their organization.
 * @throws Failure `operation.unknown`
 */
export type Operations = {
  get(caller: Caller, id: string): Promise<Operation>
  rows(caller: Caller, id: string, outcomes?: readonly RowOutcome[]): Promise<Row[]>
  /** What is not sent yet stays pending. @throws Failure `operation.settled` */
  cancel(caller: Caller, id: string): Promise<Operation>
  /**
   * Rows that ended in doubt, or that ChatHub's absence kept back, are tried again against a new list; once per requestKey.
   * @throws Failure `operation.running`, `operation.settled`, `scope.missing`
   */
  retry(caller: Caller, id: string, requestKey: string): Promise<Operation>
  /** Calls back with each state from now on, and with undefined once it is gone; returns how to stop. */
  watch(caller: Caller, operation: Operation, changed: (operation: Operation | undefined) => void): () => void
  /** Takes up what a stopped instance left behind, now and again; returns how to stop. */
  sweep(): () => void
}

const sweepMs = 5000
// Younger ones have a live owner, or their lock has not run out yet.
const orphanMs = 20_000

export const createOperations = (options: {
  journal: Journal
  organizationLock: OrganizationLock
  runner: Runner
  clock: Clock
}): Operations => {
  const { journal, organizationLock, runner, clock } = options
  const get = async (caller: Caller, id: string): Promise<Operation> => {
    const operation = /^\d{1,10}-[\w-]{8,40}$/.test(id) ? await journal.get(id) : undefined
    if (operation?.client !== caller.id || !mayTouch(caller, operation.organization))
      throw new Failure('operation.unknown')
    return operation
  }
  /**
   * A doubled name is there already: with duplicates allowed it would be sent a third time. So is one that ChatHub spells
   * otherwise, and no list will ever show it.
   */
  const isOpenAgain = ({ outcome, reason }: Row, { onDuplicate, state }: Operation): boolean =>
    (outcome === 'unknown' &&
      reason !== 'spelled-otherwise' &&
      (onDuplicate !== 'allow' || reason !== 'doubled')) ||
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
    retry: async (caller, id, requestKey) => {
      const { organization, kind } = await get(caller, id)
      authorize(caller, { scope: kind === 'import' ? 'operators:import' : 'operators:write' })
      const again = await organizationLock.withLock(
        organization,
        { deadline: clock.now() + 5000 },
        async (lock) => {
          const operation = await get(caller, id)
          let next = operation
          if (operation.retryMark === requestKey) return operation
          if (!isFinal(operation)) throw new Failure('operation.running')
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
              retryMark: requestKey,
              sending: operation.givenUp && { ...operation.givenUp, attempt: 0 },
              givenUp: undefined,
              next: number,
              counts: recount(next.counts, rows, reopened),
              finishedAt: undefined,
              detail: undefined,
            }
            if (!(await journal.save(next, lock, { number, rows: reopened })))
              throw new Failure('queue.full', { retryAfterMs: 1000 })
          }
          if (next === operation) throw new Failure('operation.settled')
          // Listed again: another instance that still saw it ended may have taken it off the list.
          await journal.reopen(next)
          return next
        },
      )
      void runner.run(id)
      return again
    },
    watch: (caller, { id, organization }, changed) => {
      authorize(caller, { organization })
      return journal.watch(id, changed)
    },
    sweep: () => {
      let cancel = (): void => {}
      let closed = false
      // Of those that are open now. The date of whoever began one may be another.
      let seen = new Map<string, number>()
      const once = async (): Promise<void> => {
        const ids = await journal.open().catch(() => [])
        seen = new Map(ids.map((id) => [id, seen.get(id) ?? clock.now()]))
        for (const [id, since] of seen) {
          const operation = await journal.get(id).catch(() => undefined)
          if (!operation) continue
          const age = Math.max(clock.wall() - operation.startedAt, clock.now() - since)
          if (operation.state === 'queued' || age > orphanMs) void runner.run(id)
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
