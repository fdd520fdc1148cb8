import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import type { Clock } from '../clock.ts'
import type { KnownStatus } from '../contract/operator.ts'
import { Failure, type FailureCode } from '../errors.ts'
import type { FoundOperator } from '../lists/directory.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Write } from './add.ts'
import type { NewWrite, Row } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'

/** Changes of one organization are made one after the other, so that opposite ones end in the order they came. */
export type ChangeStatus = {
  /**
   * Changes one operator that is proven to be in the organization, since ChatHub takes a bare operator id. An operator that
   * has the status already costs no call to ChatHub. @throws Failure `operator.unknown`, `chathub.rejected`
   */
  one: Write<{ operator: number; status: KnownStatus }, FoundOperator>
  /** Changes many, one outcome each, in input order. */
  many: Write<{ ids: number[]; status: KnownStatus }, readonly Row[]>
}

export const createChangeStatus = (options: {
  writer: OperationWriter
  cache: Cache<Roster>
  clock: Clock
}): ChangeStatus => {
  const { writer, cache, clock } = options
  const writeOf = (
    caller: Caller,
    ids: number[],
    rest: Omit<NewWrite, 'kind' | 'client' | 'rows'>,
  ): NewWrite => ({
    ...rest,
    kind: 'setStatus',
    client: caller.id,
    rows: ids.map((id, index) => ({ index, id, outcome: 'pending' })),
  })
  return {
    many: async (caller, organization, { ids, status }, context, requestKey) => {
      authorize(caller, { organization })
      const result = await writer.write(writeOf(caller, ids, { organization, status, requestKey }), context)
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
      const write = writeOf(caller, [id], { organization, status, requestKey })
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
