import type { AuditRecord } from '../../contract/audit.ts'
import { endpoints } from '../../contract/endpoints.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'
import { nextPage, propertyColumns, tableFile } from './table-file.ts'

const columns: Record<string, (record: AuditRecord) => string | number | null | undefined> = {
  ...propertyColumns('at', 'organization', 'kind'),
  operator: ({ operator }) => operator?.id,
  name: ({ operator }) => operator?.name,
  ...propertyColumns('from', 'to', 'outcome', 'reason', 'client', 'subject', 'operation', 'requestId', 'id'),
}

/** /v1/audit: who changed what, and erasing a name. */
export const mountAudit = (router: Router, { audit, eraseName, clock }: Services): void => {
  router.bind(endpoints.listAudit, async ({ caller, query, contentType, req }) => {
    const found = await audit.list(caller, query)
    const headers = nextPage(req, found.nextCursor)
    if (contentType.startsWith('application/json')) return { json: found, headers }
    const { items } = found
    return tableFile(contentType, { name: 'audit', asOf: clock.wall(), items, columns, headers })
  })
  router.bind(endpoints.eraseName, async ({ caller, context, body }) => ({
    json: await eraseName(caller, body.organization, body.operator, context),
    organizationIds: [body.organization],
  }))
}
