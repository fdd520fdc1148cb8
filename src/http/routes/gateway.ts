import { requireOrganization } from '../../access/caller.ts'
import { endpoints } from '../../contract/endpoints.ts'
import type { Upstream } from '../../contract/system.ts'
import { Failure } from '../../errors.ts'
import type { Door } from '../router.ts'

type Rooms = { upstream(): Upstream; purge(organization?: number): Promise<void> }

/** What the gateway says of itself and its caller. */
export const mountGateway = (door: Door, { upstream, purge }: Rooms): void => {
  door.on(endpoints.me, ({ caller }) => ({
    json: {
      id: caller.id,
      kind: caller.kind,
      scopes: [...caller.scopes],
      organizations: caller.organizations === '*' ? '*' : [...caller.organizations],
      requestsPerMinute: caller.requestsPerMinute,
      expiresAt: caller.expiresAt === undefined ? null : new Date(caller.expiresAt).toISOString(),
    },
  }))
  door.on(endpoints.upstream, () => ({ json: upstream() }))
  door.on(endpoints.purge, async ({ caller, body }) => {
    if (body.organization !== undefined) requireOrganization(caller, body.organization)
    else if (caller.organizations !== '*')
      throw new Failure('request.invalid-body', {
        errors: [
          {
            pointer: '/organization',
            code: 'required',
            detail: 'Only a credential with organizations "*" may purge everything.',
          },
        ],
      })
    await purge(body.organization)
    return { empty: 204, ...(body.organization !== undefined && { touched: [body.organization] }) }
  })
}
