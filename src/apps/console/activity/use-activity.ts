import { gateway } from '../data/gateway.ts'
import type { Read } from '../data/read.ts'
import { useRead } from '../data/use-read.ts'
import { useCan } from '../session/rights.ts'
import { fold } from '../words/fold.ts'
import { linesOf, whoOf } from './lines-of.ts'

export const usualFilters = { show: 'all', organization: '', who: '' }
export type ActivityFilters = typeof usualFilters

/** The time of the oldest entry, where older ones follow. */
const reach = (page: { items: object[]; nextCursor: string | null } | undefined, key: string): string =>
  page?.nextCursor ? String((page.items.at(-1) as Record<string, unknown> | undefined)?.[key] ?? '') : ''

/** Records of the audit log. `subject`: of this person alone. */
const useAudit = (organization: number, subject: string, limit: number, enabled: boolean) =>
  useRead(
    ['activity', 'audit', organization, subject, limit],
    (signal) =>
      gateway.audit.list(
        { limit, ...(organization > 0 && { organizations: [organization] }), ...(subject && { subject }) },
        { signal },
      ),
    { enabled },
  )

/**
 * What happened, the newest first. `limit`: how many records and operations are looked through. `who`: a part of a name; the
 * whole name of a person is looked for in all of the log.
 */
export const useActivity = ({ organization, who, show }: ActivityFilters, limit: number) => {
  const canAudit = useCan()('audit:read')
  const id = Number(organization)
  const all = useAudit(id, '', limit, canAudit)
  const isPerson = all.data?.data.items.some(({ subject }) => subject === who) ?? false
  const own = useAudit(id, who, limit, canAudit && isPerson)
  const audit = isPerson ? own : all
  const operations = useRead(['activity', 'operations', organization, limit], (signal) =>
    gateway.operations.list({ limit, ...(id > 0 && { organization: id }) }, { signal }),
  )
  const records = audit.data?.data
  const done = operations.data?.data
  // Where the records end within those of a large operation, its own line is still there.
  const last = records?.items.at(-1)?.operation
  const within = records?.nextCursor ? done?.items.find(({ id: one }) => one === last)?.startedAt : undefined
  const until = [within ?? reach(records, 'at'), reach(done, 'startedAt')].toSorted().at(-1)
  const lines = linesOf(records?.items ?? [], done?.items ?? [], until).filter(
    (line) =>
      fold(line.who).includes(fold(who)) &&
      (show === 'all' ||
        (show === 'imports' && line.operation?.kind === 'import') ||
        (show === 'statuses' &&
          (line.operation?.kind === 'setStatus' || line.record?.kind === 'statusChanged')) ||
        (show === 'other' &&
          line.record !== undefined &&
          !['added', 'statusChanged'].includes(line.record.kind))),
  )
  const undone = new Set(done?.items.flatMap(({ undoes }) => undoes ?? []))
  const main = canAudit ? audit : operations
  const isComplete = !records?.nextCursor && !done?.nextCursor
  const people = [...new Set([...(all.data?.data.items ?? []), ...(done?.items ?? [])].map(whoOf))].toSorted()
  return { query: main as typeof audit & { data?: Read<unknown> }, lines, undone, isComplete, people }
}
