import { endpoints } from '../../contract/endpoints.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/** /v1/organizations, and the diagnosis of one. */
export const mountOrganizations = (router: Router, { organizations, diagnose }: Services): void => {
  router.bind(endpoints.listOrganizations, async ({ caller, context, query, notBefore }) => {
    const { found, freshness } = await organizations.list(caller, query, context, { notBefore })
    return { json: { items: found, total: found.length }, freshness }
  })
  router.bind(endpoints.getOrganization, async ({ caller, context, params, notBefore }) => {
    const { organization, freshness } = await organizations.get(caller, params.org, context, { notBefore })
    return { json: organization, freshness }
  })
  router.bind(endpoints.diagnose, async ({ caller, context, params }) => ({
    json: await diagnose(caller, params.org, context),
  }))
}
