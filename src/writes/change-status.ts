import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { statusCode } from '../chathub/wire.ts'
import type { KnownStatus } from '../contract/operator.ts'
import { Failure, type FailureCode, isFailure } from '../errors.ts'
import type { FoundOperator } from '../lists/directory.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import { createRoster } from '../lists/roster.ts'
import { isWithoutReply } from './chunk-sender.ts'
import { awaitOutcome, newOperation, type WriteDependencies, type WriteResult } from './new-operation.ts'
import type { Operation, Row } from './operation.ts'
import { patched, withStatus } from './operation-writer.ts'

export type ChangeStatus = {
  /**
   * Changes one operator that is proven to be in the organization: ChatHub itself takes a bare operator id. Unchanged
   * asks ChatHub nothing. @throws Failure `operator.unknown`, `chathub.rejected`
   */
  one(
    caller: Caller,
    organization: number,
    request: { operator: number; status: KnownStatus },
    context: CallContext,
    requestKey: string,
  ): Promise<WriteResult<FoundOperator>>
  /** Many at once, one outcome each, in input order. */
  many(
    caller: Caller,
    organization: number,
    request: { ids: number[]; status: KnownStatus },
    context: CallContext,
    requestKey: string,
  ): Promise<WriteResult<Row[]>>
}

/** Changes of one organization take turns, so opposite ones end in the order they came. */
export const createChangeStatus = (writing: WriteDependencies): ChangeStatus => {
  const { chathub, cache, journal, runner, clock } = writing
  return {
    many: async (caller, organization, { ids, status }, context, requestKey) => {
      authorize(caller, { organization })
      const rows = ids.map((id, index): Row => ({ index, id, outcome: 'pending' }))
      const change = { kind: 'setStatus', organization, status, requestKey, rows } as const
      const { operation, chunks } = newOperation(writing, context, change)
      const known = (await journal.get(operation.id)) ?? (await journal.create(operation, chunks))
      return awaitOutcome(operation.id, known ?? operation, context, writing)
    },
    one: async (caller, organization, { operator: id, status }, context, requestKey) => {
      authorize(caller, { organization })
      const key = operatorsKey(organization)
      const written = await runner.withSettledLock(
        organization,
        context,
        async (lock): Promise<WriteResult<FoundOperator>> => {
          let { copy, freshness } = await cache.read(key, context)
          // An old list proves neither that there is nobody of this id nor that nothing has to be changed.
          if (freshness.ttlMs <= 0 || !copy.value.byId(id))
            copy = (await cache.read(key, context, { notBefore: clock.now() })).copy
          const before = copy.value.byId(id)
          if (!before) throw new Failure('operator.unknown')
          if (before.status === status) return { done: { roster: copy.value, operator: before } }
          const rows: Row[] = [{ index: 0, id, outcome: 'pending' }]
          const sending = { since: clock.wall(), chunk: 0, attempt: 1, rows: [0], baseline: {} }
          const change = { kind: 'setStatus', organization, status, requestKey, rows } as const
          const queued = newOperation(writing, context, change).operation
          const operation: Operation = { ...queued, state: 'running', sending }
          // Written down until it is known how it ended, so that whoever writes next settles it first.
          const known = await journal.create(operation, [rows])
          if (known) return { operation: known }
          try {
            await chathub.setStatus(id, statusCode(status), { ...context, maySend: lock.isHeld })
            const operators = withStatus(copy.value.operators, id, status)
            const next = patched(copy, createRoster(copy.value.organization, operators))
            await cache.commit(key, next)
            await journal.remove(operation, lock).catch(() => {})
            return { done: { roster: next.value, operator: { id, name: before.name, status } } }
          } catch (error) {
            if (!isFailure(error)) throw error
            if (!error.inDoubt && (await journal.remove(operation, lock).catch(() => false))) throw error
            const noReply = isWithoutReply(error)
            const doubtful = { ...operation, sending: { ...sending, noReply } }
            await Promise.all([journal.save(doubtful, lock), cache.commit(key)]).catch(() => {})
            return { operation: doubtful }
          }
        },
      )
      if ('done' in written) return written
      const ended = await awaitOutcome(written.operation.id, written.operation, context, writing)
      if ('operation' in ended) return ended
      const [row] = ended.done
      if (row?.outcome === 'rejected') throw new Failure(row.reason as FailureCode)
      const roster = (await cache.read(key, context)).copy.value
      const operator = roster.byId(id)
      if (!operator) throw new Failure('operator.unknown')
      return { done: { roster, operator } }
    },
  }
}
