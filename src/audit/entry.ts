import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { AuditRecord, Change, ChangeSet } from '../contract/audit.ts'

/** What a store keeps of one step. An entry never moves. */
export type Entry = { ms: number; seq: number; bytes: Buffer }

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

const encode = (body: Body): Buffer => deflateRawSync(JSON.stringify(body))
const decode = (bytes: Buffer): Body | undefined => {
  const body = JSON.parse(inflateRawSync(bytes).toString()) as Body
  return body.v === version ? body : undefined
}

/** The bytes of an entry: JSON, compressed by DEFLATE (RFC 1951). */
export const encodeEntry = ({ client, subject, operation, requestId, changes }: ChangeSet): Buffer =>
  encode({ v: version, client, subject, operation, requestId, items: changes.map(itemOf) })

/** The records of an entry, the last change first. None where the entry has another version. */
export const recordsOf = (organization: number, { ms, seq, bytes }: Entry): AuditRecord[] => {
  const body = decode(bytes)
  if (!body) return []
  const { items, client, subject = null, operation = null, requestId = null } = body
  return items
    .map((item, index) => ({
      id: `${ms}-${seq}-${organization}-${index}`,
      at: new Date(ms).toISOString(),
      organization: organization === everywhere ? null : organization,
      ...changeOf(item),
      client,
      subject,
      operation,
      requestId,
    }))
    .toReversed()
}

/** The number under which changes of all organizations are kept. */
export const everywhere = 0

/** The bytes of an entry with other names, and how many are others. */
export const replaceNames = (
  bytes: Buffer,
  replacement: (id: number | null, name: string) => string,
): { bytes: Buffer; replaced: number } => {
  const body = decode(bytes)
  if (!body) return { bytes, replaced: 0 }
  let replaced = 0
  const items = body.items.map((item): Item => {
    const [kind, id, name, ...rest] = item
    if (name === null) return item
    const next = replacement(id, name)
    if (next !== name) replaced++
    return [kind, id, next, ...rest]
  })
  return replaced === 0 ? { bytes, replaced } : { bytes: encode({ ...body, items }), replaced }
}
