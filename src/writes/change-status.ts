import { authorize, hasScope } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { KnownStatus } from '../contract/operator.ts'
import { Failure, type FailureCode } from '../errors.ts'
import type { FoundOperator } from '../lists/directory.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Write } from './add.ts'
import { askedBy, isPending, type NewWrite, type Row, scopeOfWrite } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'
import { planRows } from './row-planner.ts'

/**
 * Changes of one organization are made one after the other, so that opposite ones end in the order they came. A caller with
 * `operators:status` alone switches operators between active and inactive. Their present status is read under the lock.
 * @throws Failure `scope.missing`, before anything is looked at, when the caller may not set the status
 */
export type ChangeStatus = {
  /**
   * Changes one operator that is proven to be in the organization, since ChatHub takes a bare operator id. An operator that
   * has the status already costs no call to ChatHub.
   * @throws Failure `operator.unknown`, `chathub.rejected`; `scope.missing` for an operator that the caller may not change;
   * `precondition.failed`
   */
  one: Write<OneChange, FoundOperator>
  /** Changes many, one outcome each, in input order. An operator that the caller may not change is `rejected`. */
  many: Write<
    { ids: number[]; status: KnownStatus },
    { rows: readonly Row[]; operation?: string | undefined }
  >
}

/** `isExpected`: whether the operator is as the caller knows it; compared with a list that is fetched now. */
type OneChange = {
  operator: number
  status: KnownStatus
  isExpected?: ((found: FoundOperator) => boolean) | undefined
}

const kind = 'setStatus' as const

export const createChangeStatus = (writer: OperationWriter, cache: Cache<Roster>): ChangeStatus => {
  /** The write that a caller may make. @throws Failure `scope.missing`, `organization.unknown` */
  const writeOf = (
    caller: Caller,
    organization: number,
    { ids, status }: { ids: number[]; status: KnownStatus },
    context: CallContext,
    requestKey: string,
  ): NewWrite => {
    authorize(caller, { scope: scopeOfWrite({ kind, status }), organization })
    const rows = ids.map((id, index): Row => ({ index, id, outcome: 'pending' }))
    const switchOnly = !hasScope(caller, 'operators:write')
    return { kind, ...askedBy(caller, context), organization, status, switchOnly, requestKey, rows }
  }
  return {
    many: async (caller, organization, request, context, requestKey) => {
      const write = writeOf(caller, organization, request, context, requestKey)
      const result = await writer.write(write, context)
      return 'operation' in result ? result : { done: { rows: result.rows, operation: result.id } }
    },
    one: async (caller, organization, { operator: id, status, isExpected }, context, requestKey) => {
      const write = writeOf(caller, organization, { ids: [id], status }, context, requestKey)
      const result = await writer.write(write, context, {
        // An old list proves neither that an operator does not exist, nor that it may be switched.
        mayUse: (cached) =>
          !isExpected &&
          cached.byId(id) !== undefined &&
          !(write.switchOnly && planRows(cached, write.rows, write).some(isPending)),
        check: (listed) => {
          const found = listed.byId(id)
          // A change that is made already succeeds (RFC 9110 §13.1.1), so that it can be repeated after a lost answer.
          if (found && found.status !== status && isExpected?.({ roster: listed, operator: found }) === false)
            throw new Failure('precondition.failed')
        },
        forget: true,
      })
      if ('operation' in result) return result
      const [row] = result.rows
      if (row?.reason === 'scope.missing') authorize(caller, { scope: 'operators:write' })
      if (row?.outcome === 'rejected') throw new Failure(row.reason as FailureCode)
      const roster = result.roster ?? (await cache.read(operatorsKey(organization), context)).copy.value
      const operator = roster.byId(id)
      if (!operator) throw new Failure('operator.unknown')
      return { done: { roster, operator } }
    },
  }
}
