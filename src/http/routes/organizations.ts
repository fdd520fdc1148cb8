import { endpoints } from '../../contract/endpoints.ts'
import type { createDiagnose } from '../../lists/diagnosis.ts'
import type { Organizations } from '../../lists/organizations.ts'
import type { Door } from '../router.ts'

/** /v1/organizations and what is asked about one of them. */
export const mountOrganizations = (
  door: Door,
  { organizations, diagnose }: { organizations: Organizations; diagnose: ReturnType<typeof createDiagnose> },
): void => {
  door.on(endpoints.listOrganizations, async ({ caller, errand, query, notBefore }) => {
    const { found, freshness } = await organizations.list(caller, errand, query, notBefore.notBefore)
    return { json: { items: found, total: found.length }, freshness }
  })
  door.on(endpoints.getOrganization, async ({ caller, errand, params, notBefore }) => {
    const { organization, freshness } = await organizations.get(
      caller,
      params.org,
      errand,
      notBefore.notBefore,
    )
    return { json: organization, freshness }
  })
  door.on(endpoints.diagnose, async ({ caller, errand, params }) => ({
    json: await diagnose(caller, params.org, errand),
  }))
}
