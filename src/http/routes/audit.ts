import type { AuditRecord } from '../../contract/audit.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { writeCsv } from '../../writes/csv.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

const columns = [
  ...['at', 'organization', 'kind', 'operator', 'name', 'from', 'to', 'outcome', 'reason'],
  ...['client', 'subject', 'operation', 'requestId', 'id'],
]
const cellsOf = (record: AuditRecord) => [
  ...[record.at, record.organization, record.kind, record.operator?.id, record.operator?.name],
  ...[record.from, record.to, record.outcome, record.reason],
  ...[record.client, record.subject, record.operation, record.requestId, record.id],
]

/** /v1/audit: who changed what, and erasing a name. */
export const mountAudit = (router: Router, { audit, eraseName, clock }: Services): void => {
  router.bind(endpoints.listAudit, async ({ caller, query, contentType, req }) => {
    const page = await audit.list(caller, query)
    const headers: Record<string, string> = {}
    if (page.nextCursor !== null) {
      const next = new URLSearchParams(req.originalUrl.split('?')[1])
      next.set('cursor', page.nextCursor)
      headers['Link'] = `</v1/audit?${next}>; rel="next"`
    }
    if (contentType.startsWith('application/json')) return { json: page, headers }
    const isCsv = contentType.startsWith('text/csv')
    // The time at which it was read, as in ISO 8601 without the colons that file names cannot have.
    const readAt = new Date(clock.wall()).toISOString().replaceAll(':', '')
    const fileName = `audit-${readAt}.${isCsv ? 'csv' : 'ndjson'}`
    headers['Content-Disposition'] = `attachment; filename="${fileName}"`
    const text = isCsv
      ? writeCsv(columns, page.items.map(cellsOf))
      : page.items.map((record) => `${JSON.stringify(record)}\n`).join('')
    return { bytes: Buffer.from(text), headers }
  })
  router.bind(endpoints.eraseName, async ({ caller, context, body }) => ({
    json: await eraseName(caller, body.organization, body.operator, context),
    organizationIds: [body.organization],
  }))
}
