import { endpoints } from '../../contract/endpoints.ts'
import type { Assignments } from '../../assignments/assignments.ts'
import type { Door } from '../router.ts'

/** /v1/organizations/{org}/assignments: who takes a chat. */
export const mountAssignments = (door: Door, { assignments }: { assignments: Assignments }): void => {
  door.on(endpoints.assignChat, async ({ caller, errand, params, body }) => ({
    json: await assignments.assign({ caller, errand, organization: params.org }, body),
  }))
  door.on(endpoints.getAssignment, async ({ caller, errand, params }) => ({
    json: await assignments.find({ caller, errand, organization: params.org }, params.chatId),
  }))
  door.on(endpoints.releaseChat, async ({ caller, errand, params }) => {
    await assignments.release({ caller, errand, organization: params.org }, params.chatId)
    return { empty: 204 }
  })
}
