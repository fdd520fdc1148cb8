import { endpoints } from '../../contract/endpoints.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/** /v1/organizations/{org}/assignments: the operator of a chat. */
export const mountAssignments = (router: Router, { assignments }: Services): void => {
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
