import { createHash } from 'node:crypto'
import { inSlices } from '../clock.ts'
import type { Operator, Status } from '../contract/operator.ts'

/**
 * A row of a known list: what events need of an operator. It holds no name but a digest, so there is none to erase.
 * `name`: the digest of the name that readers were told.
 * `toldAt`: when an event of a write last told of it, on the store's clock; 0: no event did; 1: one of a list did.
 * `since`: when the status was known first, on that clock; 0: it had it in the base line. `by`: whose write set it.
 */
export type Row = {
  status: Status
  statusCode?: number | undefined
  name: string | undefined
  toldAt: number
  since: number
  by: Author | undefined
}
type Author = { client: string; subject: string | null }

export const encodeRow = ({ status, statusCode, name = '', toldAt, since, by }: Row): string => {
  const author = by && [by.client, ...(by.subject === null ? [] : [by.subject])].map(encodeURIComponent)
  return `${status} ${statusCode ?? ''} ${name} ${toldAt} ${since} ${author ?? ''}`
}
export const decodeRow = (text: string): Row => {
  const [status, code, name, toldAt, since = '0', author = ''] = text.split(' ') as [Status, ...string[]]
  const [client = '', subject] = author.split(',').map(decodeURIComponent)
  return {
    status,
    ...(code && { statusCode: Number(code) }),
    name: name || undefined,
    toldAt: Number(toldAt),
    since: Number(since),
    by: author === '' ? undefined : { client, subject: subject ?? null },
  }
}

export const digestOf = (name: string): string =>
  createHash('sha256').update(name).digest('base64url').slice(0, 12)

/** An operator, or an organization as one that is active. */
export type Listed = Pick<Operator, 'id' | 'name' | 'status' | 'statusCode'>

export type Difference =
  | { kind: 'added'; now: Listed }
  | { kind: 'statusChanged'; now: Listed; from: Row }
  | { kind: 'renamed'; now: Listed }
  | { kind: 'removed'; id: number; was: Row }

type Times = { askedAt: number; now: number; isBaseLine: boolean }
/** `isWhole`: with these rows the known list is the one that was compared. */
type Found = { differences: Difference[]; rows: Map<number, string | null>; isWhole: boolean }

/**
 * What changed between a known list and one that was asked for at `askedAt` and is compared `now`, and the rows that are
 * new. What the gateway wrote since then is left as it is known; then `isWhole` is false. A long list is compared in slices
 * of the event loop.
 */
export const differencesOf = async (
  known: ReadonlyMap<number, string>,
  listed: Iterable<Listed>,
  times: Times,
): Promise<Found> => {
  const found: Found = { differences: [], rows: new Map(), isWhole: true }
  const seen = new Set<number>()
  await inSlices(listed, (now) => {
    seen.add(now.id)
    compareRow(found, now, known.get(now.id), times)
  })
  await inSlices(known, ([id, text]) => {
    if (seen.has(id)) return
    const was = decodeRow(text)
    if (was.toldAt >= times.askedAt) {
      found.isWhole = false
      return
    }
    found.rows.set(id, null)
    found.differences.push({ kind: 'removed', id, was })
  })
  return found
}

const compareRow = (
  found: Found,
  now: Listed,
  text: string | undefined,
  { askedAt, now: at, isBaseLine }: Times,
): void => {
  const was = text === undefined ? undefined : decodeRow(text)
  if (was && was.toldAt >= askedAt) {
    found.isWhole = false
    return
  }
  const { differences, rows } = found
  const name = digestOf(now.name)
  const isSame = was?.status === now.status && was.statusCode === now.statusCode
  const toldAt = was?.toldAt || (isSame || isBaseLine ? 0 : 1)
  const since = isBaseLine ? 0 : at
  const next = encodeRow({ ...(isSame ? was : { since, by: undefined }), ...now, name, toldAt })
  if (next === text) return
  rows.set(now.id, next)
  if (!was) return void differences.push({ kind: 'added', now })
  if (!isSame) differences.push({ kind: 'statusChanged', now, from: was })
  if (was.name !== undefined && was.name !== name) differences.push({ kind: 'renamed', now })
}
