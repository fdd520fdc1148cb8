import { authorize } from '../access/authorize.ts'
import type { Cache } from '../cache/cache.ts'
import type { KnownStatus } from '../contract/operator.ts'
import { Failure, type FailureCode } from '../errors.ts'
import type { FoundOperator } from '../lists/directory.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Write } from './add.ts'
import type { Row } from './operation.ts'
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

const kind = 'setStatus' as const

export const createChangeStatus = (writer: OperationWriter, cache: Cache<Roster>): ChangeStatus => {
  const rowsOf = (ids: number[]): Row[] => ids.map((id, index) => ({ index, id, outcome: 'pending' }))
  return {
    many: async (caller, organization, { ids, status }, context, requestKey) => {
      authorize(caller, { organization })
      const write = { kind, client: caller.id, organization, status, requestKey, rows: rowsOf(ids) }
      const result = await writer.write(write, context)
      return 'operation' in result ? result : { done: result.rows }
    },
    one: async (caller, organization, { operator: id, status }, context, requestKey) => {
      authorize(caller, { organization })
      const write = { kind, client: caller.id, organization, status, requestKey, rows: rowsOf([id]) }
      const result = await writer.write(write, context, {
        // An old list does not prove that an operator does not exist.
        mayUse: (cached) => cached.byId(id) !== undefined,
        forget: true,
      })
      if ('operation' in result) return result
      const [row] = result.rows
      if (row?.outcome === 'rejected') throw new Failure(row.reason as FailureCode)
      const roster = result.roster ?? (await cache.read(operatorsKey(organization), context)).copy.value
      const operator = roster.byId(id)
      if (!operator) throw new Failure('operator.unknown')
      return { done: { roster, operator } }
    },
  }
}
