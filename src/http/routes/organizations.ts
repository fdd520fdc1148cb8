import { endpoints } from '../../contract/endpoints.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/** /v1/organizations, the diagnosis of one, and the assignments of its operators to chats. */
export const mountOrganizations = (router: Router, services: Services): void => {
  const { organizations, diagnose, assignments } = services
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
  router.bind(endpoints.assignChat, async ({ caller, context, params, body }) => ({
    json: await assignments.assign(caller, params.org, body, context),
  }))
  router.bind(endpoints.getAssignment, async ({ caller, context, params }) => ({
    json: await assignments.find(caller, params.org, params.chatId, context),
  }))
  router.bind(endpoints.releaseChat, async ({ caller, context, params }) => {
    await assignments.release(caller, params.org, params.chatId, context)
    return { empty: 204 }
  })
}
