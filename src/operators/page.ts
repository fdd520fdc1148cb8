import type { Field, Operator, OperatorQuery, SortKey } from '../contract/operator.ts'
import { Failure } from '../errors.ts'
import { comparing, type Roster, select } from './roster.ts'

/** Where a page ended: survives refreshes, since it names the last operator, its place, and what it was sorted by. */
type Cursor = { after: Operator; index: number }

const encodeCursor = ({ after, index }: Cursor): string =>
  Buffer.from(JSON.stringify([after.id, index, after.name, after.status])).toString('base64url')

const decodeCursor = (text: string): Cursor => {
  try {
    const [id, index, name, status] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    if (
      Number.isInteger(id) &&
      Number.isInteger(index) &&
      typeof name === 'string' &&
      typeof status === 'string'
    )
      return {
        after: { id: id as number, name, status: status as Operator['status'] },
        index: index as number,
      }
  } catch {
    // Falls through to the failure.
  }
  throw new Failure('request.invalid', {
    errors: [{ pointer: '/query/cursor', code: 'cursor', detail: 'Wanted: nextCursor of the page before.' }],
  })
}

/**
 * Index of the first operator after the cursor. In ChatHub's order: after that operator, or at its old place when it is
 * gone; sorted: the first that sorts after it.
 */
const startAfter = (
  all: readonly Operator[],
  found: readonly Operator[],
  { after, index }: Cursor,
  sort: SortKey[] | undefined,
): number => {
  if (sort) {
    const compare = comparing(sort)
    const at = found.findIndex((operator) => compare(operator, after) > 0)
    return at === -1 ? found.length : at
  }
  // It may not match the filter any more: what stands after it in the whole list comes next.
  const place = all.findIndex((operator) => operator.id === after.id)
  if (place === -1) return Math.min(index, found.length)
  const later = new Set(all.slice(place + 1))
  const at = found.findIndex((operator) => later.has(operator))
  return at === -1 ? found.length : at
}

/** The body of a list request: `OperatorList`. @throws Failure `request.invalid` for a cursor that is none. */
export const page = (roster: Roster, query: OperatorQuery) => {
  const found = select(roster, query)
  const start =
    query.cursor === undefined
      ? 0
      : startAfter(roster.operators, found, decodeCursor(query.cursor), query.sort)
  const end = query.limit === undefined ? found.length : Math.min(found.length, start + query.limit)
  const last = found[end - 1]
  return {
    organization: roster.organization,
    items: found.slice(start, end).map((operator) => pick(operator, query.fields)),
    total: found.length,
    nextCursor: end < found.length && last ? encodeCursor({ after: last, index: end - 1 }) : null,
  }
}

const pick = (operator: Operator, fields: Field[] | undefined): Partial<Operator> => {
  if (!fields) return operator
  const { id, name, status, statusCode } = operator
  return {
    id,
    ...(fields.includes('name') && { name }),
    ...(fields.includes('status') && { status, ...(statusCode !== undefined && { statusCode }) }),
  }
}

/** True for the query that asks for the whole list as it is. */
export const isWhole = (query: OperatorQuery): boolean =>
  Object.values(query).every((value) => value === undefined)
