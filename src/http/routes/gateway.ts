import { endpoints } from '../../contract/endpoints.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/** The gateway's view of its caller, of ChatHub and of its cache. */
export const mountGateway = (router: Router, { upstream, purge }: Services): void => {
  router.bind(endpoints.me, ({ caller }) => ({
    json: {
      id: caller.id,
      kind: caller.kind,
      scopes: [...caller.scopes],
      organizations: caller.organizations === '*' ? '*' : [...caller.organizations],
      requestsPerMinute: caller.requestsPerMinute,
      expiresAt: caller.expiresAt === undefined ? null : new Date(caller.expiresAt).toISOString(),
    },
  }))
  router.bind(endpoints.upstream, () => ({ json: upstream() }))
  router.bind(endpoints.purge, async ({ caller, body }) => {
    await purge(caller, body.organization)
    return { empty: 204, ...(body.organization !== undefined && { organizationIds: [body.organization] }) }
  })
}
