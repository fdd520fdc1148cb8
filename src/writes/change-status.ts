import type { Errand } from '../chathub/exchange.ts'
import { statusCode } from '../chathub/wire.ts'
import type { KnownStatus } from '../contract/operator.ts'
import { Failure, type FailureCode, isFailure } from '../errors.ts'
import type { Operation, Row } from './operation.ts'
import { patched, withStatus } from './operation-writer.ts'
import type { Found } from '../lists/directory.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import { createRoster } from '../lists/roster.ts'
import { isSilent } from './chunk-sender.ts'
import { newOperation, outcomeOf, type Writing, type Written } from './new-operation.ts'

export type ChangeStatus = {
  /**
   * Changes one operator that is proven to be in the organization: ChatHub itself takes a bare operator id. Unchanged
   * asks ChatHub nothing. @throws Failure `operator.unknown`, `chathub.rejected`
   */
  one(
    organization: number,
    operator: number,
    status: KnownStatus,
    errand: Errand,
    mark: string,
  ): Promise<Written<Found>>
  /** Many at once, one outcome each, in input order. */
  many(
    organization: number,
    operators: number[],
    status: KnownStatus,
    errand: Errand,
    mark: string,
  ): Promise<Written<Row[]>>
}

/** Changes of one organization take turns, so opposite ones end in the order they came. */
export const createChangeStatus = (writing: Writing): ChangeStatus => {
  const { chathub, cache, journal, runner, clock } = writing
  return {
    many: async (organization, ids, status, errand, mark) => {
      const rows = ids.map((id, index): Row => ({ index, id, outcome: 'pending' }))
      const change = { kind: 'setStatus', organization, status, mark, rows } as const
      const { operation, chunks } = newOperation(writing, errand, change)
      const known = (await journal.get(operation.id)) ?? (await journal.create(operation, chunks))
      return outcomeOf(operation.id, known ?? operation, errand, writing)
    },
    one: async (organization, id, status, errand, mark) => {
      const key = operatorsKey(organization)
      const written = await runner.inTurn(organization, errand, async (turn): Promise<Written<Found>> => {
        let { copy, freshness } = await cache.read(key, errand)
        // An old list proves neither that there is nobody of this id nor that nothing has to be changed.
        if (freshness.ttlMs <= 0 || !copy.value.byId(id))
          copy = (await cache.read(key, errand, { notBefore: clock.now() })).copy
        const before = copy.value.byId(id)
        if (!before) throw new Failure('operator.unknown')
        if (before.status === status) return { done: { roster: copy.value, operator: before } }
        const rows: Row[] = [{ index: 0, id, outcome: 'pending' }]
        const sending = { since: clock.wall(), chunk: 0, attempt: 1, rows: [0], baseline: {} }
        const change = { kind: 'setStatus', organization, status, mark, rows } as const
        const queued = newOperation(writing, errand, change).operation
        const operation: Operation = { ...queued, state: 'running', sending }
        // Written down until it is known how it ended, so that whoever writes next settles it first.
        const known = await journal.create(operation, [rows])
        if (known) return { operation: known }
        try {
          await chathub.setStatus(id, statusCode(status), { ...errand, mayLeave: turn.live })
          const operators = withStatus(copy.value.operators, id, status)
          const next = patched(copy, createRoster(copy.value.organization, operators))
          await cache.commit(key, next)
          await journal.remove(operation, turn).catch(() => {})
          return { done: { roster: next.value, operator: { id, name: before.name, status } } }
        } catch (error) {
          if (!isFailure(error)) throw error
          if (!error.inDoubt && (await journal.remove(operation, turn).catch(() => false))) throw error
          const silent = isSilent(error)
          const doubtful = { ...operation, sending: { ...sending, silent } }
          await Promise.all([journal.save(doubtful, turn), cache.commit(key)]).catch(() => {})
          return { operation: doubtful }
        }
      })
      if ('done' in written) return written
      const ended = await outcomeOf(written.operation.id, written.operation, errand, writing)
      if ('operation' in ended) return ended
      const [row] = ended.done
      if (row?.outcome === 'rejected') throw new Failure(row.reason as FailureCode)
      const roster = (await cache.read(key, errand)).copy.value
      const operator = roster.byId(id)
      if (!operator) throw new Failure('operator.unknown')
      return { done: { roster, operator } }
    },
  }
}
