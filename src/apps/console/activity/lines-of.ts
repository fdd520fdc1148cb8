import type { AuditRecord, Operation } from '../../../client/client.ts'

/** One line of the activity: an operation with all its changes, or a record of its own. */
export type Line = {
  key: string
  at: string
  organization: number | null
  who: string
} & (
  | { operation: Operation; record?: undefined }
  | { operation?: undefined; record: AuditRecord; count: number }
)

/** A person where one is named, else the client. */
export const whoOf = ({ client, subject }: { client: string; subject: string | null }): string =>
  subject ?? client.split('/')[0] ?? client

const isChange = ({ kind }: AuditRecord): boolean => kind === 'added' || kind === 'statusChanged'

/** What belongs together: changes of one operation, and what one request did in several organizations. */
const keyOf = (record: AuditRecord): string =>
  (isChange(record) ? record.operation : record.requestId && `${record.kind} ${record.requestId}`) ??
  record.id

/** Records that become one line. */
const groups = (records: readonly AuditRecord[]): AuditRecord[][] => {
  const byOperation = new Map<string, AuditRecord[]>()
  for (const record of records) {
    const key = keyOf(record)
    byOperation.set(key, [...(byOperation.get(key) ?? []), record])
  }
  return [...byOperation.values()]
}

/**
 * Records and operations as one list, the newest first. An import is one line. `until`: what is older is left out, because
 * one of the two was not read so far back.
 */
export const linesOf = (
  records: readonly AuditRecord[],
  operations: readonly Operation[],
  until = '',
): Line[] => {
  const known = new Set(operations.map(({ id }) => id))
  const alone = records.filter((record) => !(isChange(record) && known.has(record.operation ?? '')))
  return [
    ...operations.map(
      (operation): Line => ({
        key: operation.id,
        at: operation.startedAt,
        organization: operation.organization,
        who: whoOf(operation),
        operation,
      }),
    ),
    ...groups(alone).map((group): Line => {
      const record = group[0] as AuditRecord
      return {
        key: record.id,
        at: record.at,
        organization: record.organization,
        who: whoOf(record),
        record,
        count: group.length,
      }
    }),
  ]
    .filter(({ at }) => at >= until)
    .toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
}
