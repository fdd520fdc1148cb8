import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { type ErasedName, type NameToErase, oneChange } from '../contract/audit.ts'
import { fold } from '../contract/names.ts'
import { isFailure } from '../errors.ts'
import type { Purge } from '../lists/lists.ts'
import type { OperatorLists } from '../lists/operator-lists.ts'
import type { Audit } from './audit.ts'

/**
 * Replaces the name of an operator in what the gateway keeps by itself. ChatHub keeps it, and sends it with each list.
 * @throws Failure `organization.unknown`, `redis.unavailable`, `queue.full`
 */
export type EraseName = (
  caller: Caller,
  organization: number,
  operator: number,
  context: CallContext,
) => Promise<ErasedName>

type EraseIn<Done> = (caller: Caller, organization: number, name: NameToErase) => Promise<Done>

export const createEraseName = (options: {
  audit: Audit
  lists: OperatorLists
  purge: Purge
  /** Each replaces the name where it is kept. They learn further names of the operator. */
  eraseInOperations: EraseIn<{ rows: number; running: string[] }>
  idempotency: { eraseName(name: NameToErase): Promise<number> }
  events: { eraseName: EraseIn<number> }
  clock: Clock
}): EraseName => {
  const { audit, lists, purge, clock } = options
  return async (caller, organization, operator, context) => {
    authorize(caller, { organization })
    const find = async () => (await lists.read(caller, organization, context)).copy.value.byId(operator)
    const found = await find().catch((error) => {
      if (isFailure(error, 'organization.unknown')) throw error
      return undefined
    })
    const name: NameToErase = { operator, names: new Set(found && [fold(found.name)]) }
    const done = { audit: 0, rows: 0, answers: 0, events: 0, running: [] as string[] }
    for (let known = -1; known < name.names.size; ) {
      // Under a name that was learned late, more may be found.
      known = name.names.size
      done.audit += await audit.eraseName(caller, organization, name)
      const { rows, running } = await options.eraseInOperations(caller, organization, name)
      done.rows += rows
      done.running = running
      done.answers += await options.idempotency.eraseName(name)
      done.events += await options.events.eraseName(caller, organization, name)
    }
    // A list in the cache may hold a name that ChatHub has changed since.
    await purge(caller, organization, context.requestId)
    const chathub = await find().then(
      (now) => (now ? ('kept' as const) : ('absent' as const)),
      () => 'unknown' as const,
    )
    await audit.onChange({
      organization,
      at: clock.wall(),
      client: caller.id,
      subject: caller.subject,
      requestId: context.requestId,
      changes: [{ ...oneChange, kind: 'nameErased', operator: { id: operator, name: null } }],
    })
    return { organization, operator, ...done, chathub }
  }
}
