import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import { Failure } from '../errors.ts'
import { operatorsKey } from './operator-lists.ts'
import { organizationsKey } from './organizations.ts'

/**
 * Drops one operator list, or every list: the next read asks ChatHub, on every instance.
 * @throws Failure `organization.unknown`; `request.invalid-body` when a caller without organizations `'*'` names none
 */
export type Purge = (caller: Caller, organization?: number) => Promise<void>

export const createPurge =
  (caches: {
    operators: Pick<Cache<unknown>, 'purge'>
    organizations: Pick<Cache<unknown>, 'purge'>
  }): Purge =>
  async (caller, organization) => {
    if (organization !== undefined) {
      authorize(caller, { organization })
      return caches.operators.purge(operatorsKey(organization))
    }
    if (caller.organizations !== '*')
      throw new Failure('request.invalid-body', { errors: [organizationFault] })
    await caches.operators.purge()
    await caches.organizations.purge(organizationsKey)
  }

const organizationFault = {
  pointer: '/organization',
  code: 'required',
  detail: 'Only a credential with organizations "*" may purge everything.',
}
