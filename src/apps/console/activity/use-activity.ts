import { gateway } from '../data/gateway.ts'
import type { Read } from '../data/read.ts'
import { useRead } from '../data/use-read.ts'
import { useCan } from '../session/rights.ts'
import { linesOf } from './lines-of.ts'

export const usualFilters = { show: 'all', organization: '', who: '' }
export type ActivityFilters = typeof usualFilters

/** The time of the oldest entry, where older ones follow. */
const reach = (page: { items: object[]; nextCursor: string | null } | undefined, key: string): string =>
  page?.nextCursor ? String((page.items.at(-1) as Record<string, unknown> | undefined)?.[key] ?? '') : ''

/** What happened, the newest first. `limit`: how many records and operations are looked through. */
export const useActivity = ({ organization, who, show }: ActivityFilters, limit: number) => {
  const canAudit = useCan()('audit:read')
  const id = Number(organization)
  const audit = useRead(
    ['activity', 'audit', organization, who, limit],
    (signal) =>
      gateway.audit.list(
        { limit, ...(id > 0 && { organizations: [id] }), ...(who && { subject: who }) },
        { signal },
      ),
    { enabled: canAudit },
  )
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
      (who === '' || line.who === who) &&
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
  return { query: main as typeof audit & { data?: Read<unknown> }, lines, undone, isComplete }
}
