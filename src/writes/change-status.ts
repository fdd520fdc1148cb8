import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { KnownStatus } from '../contract/operator.ts'
import { Failure, type FailureCode } from '../errors.ts'
import type { FoundOperator } from '../lists/directory.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { NewWrite, Operation, Row } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'

/** Changes of one organization are made one after the other, so that opposite ones end in the order they came. */
export type ChangeStatus = {
  /**
   * Changes one operator that is proven to be in the organization, since ChatHub takes a bare operator id. An operator that
   * has the status already costs no call to ChatHub.
   * @throws Failure `organization.unknown`, `operator.unknown`, `chathub.rejected`
   */
  one(
    caller: Caller,
    organization: number,
    request: { operator: number; status: KnownStatus },
    context: CallContext,
    requestKey: string,
  ): Promise<{ done: FoundOperator } | { operation: Operation }>
  /** Changes many, one outcome each, in input order. @throws Failure `organization.unknown` */
  many(
    caller: Caller,
    organization: number,
    request: { ids: number[]; status: KnownStatus },
    context: CallContext,
    requestKey: string,
  ): Promise<{ done: readonly Row[] } | { operation: Operation }>
}

export const createChangeStatus = (options: {
  writer: OperationWriter
  cache: Cache<Roster>
  clock: Clock
}): ChangeStatus => {
  const { writer, cache, clock } = options
  const writeOf = (
    caller: Caller,
    organization: number,
    { ids, status }: { ids: number[]; status: KnownStatus },
    requestKey: string,
  ): NewWrite => ({
    kind: 'setStatus',
    client: caller.id,
    organization,
    status,
    requestKey,
    rows: ids.map((id, index): Row => ({ index, id, outcome: 'pending' })),
  })
  return {
    many: async (caller, organization, { ids, status }, context, requestKey) => {
      authorize(caller, { organization })
      const result = await writer.write(writeOf(caller, organization, { ids, status }, requestKey), context)
      return 'operation' in result ? result : { done: result.rows }
    },
    one: async (caller, organization, { operator: id, status }, context, requestKey) => {
      authorize(caller, { organization })
      const key = operatorsKey(organization)
      const readList = async () => {
        const { copy, freshness } = await cache.read(key, context)
        // An old list proves neither that the operator does not exist nor that it has the status already.
        if (freshness.ttlMs > 0 && copy.value.byId(id)) return copy
        return (await cache.read(key, context, { notBefore: clock.now() })).copy
      }
      const write = writeOf(caller, organization, { ids: [id], status }, requestKey)
      const result = await writer.write(write, context, { readList, forget: true })
      if ('operation' in result) return result
      const [row] = result.rows
      if (row?.outcome === 'rejected') throw new Failure(row.reason as FailureCode)
      const roster = result.roster ?? (await cache.read(key, context)).copy.value
      const operator = roster.byId(id)
      if (!operator) throw new Failure('operator.unknown')
      return { done: { roster, operator } }
    },
  }
}
