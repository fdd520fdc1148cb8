import type { AuditRecord, Change, ChangeSet } from '../contract/audit.ts'

/** What a store keeps of one step: `text` is one JSON object. An entry never moves. */
export type Entry = { ms: number; seq: number; text: string }

/** A persisted format: a change as a list of its values, because its names would take most of the memory. */
type Item = [
  kind: Change['kind'],
  id: number | null,
  name: string | null,
  from: Change['from'],
  to: Change['to'],
  outcome: Change['outcome'],
  reason: string | null,
]
type Body = Pick<ChangeSet, 'client' | 'subject' | 'operation' | 'requestId'> & { v: number; items: Item[] }
const version = 1

const itemOf = ({ kind, operator, from, to, outcome, reason }: Change): Item => {
  return [kind, operator?.id ?? null, operator?.name ?? null, from, to, outcome, reason]
}
const changeOf = ([kind, id, name, from, to, outcome, reason]: Item): Change => {
  const operator = id === null && name === null ? null : { id, name }
  return { kind, operator, from, to, outcome, reason }
}

/** The text of an entry in parts, so that a store can leave out items that it has: head, items between commas, tail. */
export const entryParts = (set: ChangeSet): { head: string; items: string[]; tail: string } => {
  const { client, subject, operation, requestId, changes } = set
  const head = JSON.stringify({ v: version, client, subject, operation, requestId }).slice(0, -1)
  return {
    head: `${head},"items":[`,
    items: changes.map((change) => JSON.stringify(itemOf(change))),
    tail: ']}',
  }
}

/** The records of an entry, the last change first. None where the entry has another version. */
export const recordsOf = (organization: number, { ms, seq, text }: Entry): AuditRecord[] => {
  const { v, items, client, subject = null, operation = null, requestId = null } = JSON.parse(text) as Body
  if (v !== version) return []
  const source = { client, subject, operation, requestId }
  return items
    .map((item, index) => ({
      id: `${ms}-${seq}-${organization}-${index}`,
      at: new Date(ms).toISOString(),
      organization: organization === everywhere ? null : organization,
      ...changeOf(item),
      ...source,
    }))
    .toReversed()
}

/** The number under which changes of all organizations are kept. */
export const everywhere = 0

/** The text of an entry with other names, and how many are others. */
export const replaceNames = (
  text: string,
  replacement: (id: number | null, name: string) => string,
): { text: string; replaced: number } => {
  const body = JSON.parse(text) as Body
  if (body.v !== version) return { text, replaced: 0 }
  let replaced = 0
  const items = body.items.map((item): Item => {
    const [kind, id, name, ...rest] = item
    if (name === null) return item
    const next = replacement(id, name)
    if (next !== name) replaced++
    return [kind, id, next, ...rest]
  })
  return replaced === 0 ? { text, replaced } : { text: JSON.stringify({ ...body, items }), replaced }
}
