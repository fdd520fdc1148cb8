import type { Change, ChangeSet } from '../contract/audit.ts'
import type { Event } from '../contract/event.ts'
import { withStep } from './coverage-steps.ts'
import { decodeRow, digestOf, encodeRow, type Listed, type Row } from './differences.ts'
import type { KnownList, ListChange } from './event-store.ts'
import { writtenEvent } from './event-text.ts'

type Written = {
  kind: 'added' | 'statusChanged'
  operator: Listed
  from: Event['from']
  /** ChatHub applied it long after it was given up. */
  isLate: boolean
}

const writtenOf = ({ kind, outcome, operator, from, to, reason }: Change): Written[] => {
  if (outcome !== 'applied' || (kind !== 'added' && kind !== 'statusChanged')) return []
  if (operator?.id == null) return []
  const { id, name } = operator
  const isLate = reason === 'late' || reason === 'doubled'
  return [{ kind, operator: { id, name: name ?? '', status: to ?? 'active' }, from, isLate }]
}

/** What a write changed of operators whose id is known. */
export const writtenIn = ({ changes }: ChangeSet): Written[] => changes.flatMap(writtenOf)

/** The known status before. A base line may have the new one already. */
const before = (status: string, was?: Row) => (was?.status === status ? undefined : was?.status)

/** The rows and events of a write that were not told before, and the number of active accounts since. */
export const changeOfWrite = (
  set: ChangeSet & { organization: number },
  written: readonly Written[],
  known: KnownList,
): ListChange => {
  const rows = new Map<number, string>()
  const events: { organization: number; text: string }[] = []
  for (const { kind, operator, from, isLate } of written) {
    const { id, status } = operator
    const text = known.rows.get(id)
    const was = text === undefined ? undefined : decodeRow(text)
    // The answer was lost, or another instance took the operation over.
    if (was && was.toldAt > 0 && was.status === status) continue
    // The name that readers are told, so that any other one in a later list is told as a change.
    const by = { client: set.client, subject: set.subject ?? null }
    const name = digestOf(operator.name)
    rows.set(id, encodeRow({ status, name, toldAt: known.now, since: known.now, by }))
    const lateSince = isLate ? (known.seen?.askedAt ?? set.at) : undefined
    const told = writtenEvent(set, kind, operator, before(status, was) ?? from, { at: known.now, lateSince })
    events.push({ organization: set.organization, text: JSON.stringify(told) })
  }
  const { seen, now } = known
  const from = written.some(({ isLate }) => isLate) ? (seen?.askedAt ?? now) : now
  return withStep({ rows, events, seen }, known.rows, seen?.active ?? 0, [from, now])
}
