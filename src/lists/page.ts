import { createHash } from 'node:crypto'
import { type Cursor, cursorFault, encodeCursor, rememberedMax } from '../contract/cursor.ts'
import type { Field, Operator, OperatorQuery, SortKey } from '../contract/operator.ts'
import { Failure } from '../errors.ts'
import { comparing, type Roster, select } from './roster.ts'

/** Long enough to tell two values apart, too short to recover one. */
const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 6)

/** Digest of what the position of an operator depends on; of nothing in ChatHub's order. */
const printOf = (operator: Operator, sort: SortKey[]): string => digest(sort.map(({ by }) => operator[by]))

/**
 * Index of the first operator of the next page: after the last operator of the cursor whose print is unchanged. When all
 * were removed or moved, the index of the first of them. So an operator that does not change is returned exactly once.
 */
const startAfter = (roster: Roster, found: readonly Operator[], cursor: Cursor, sort: SortKey[]): number => {
  const anchor = cursor.last
    .map(([id, print]) => ({ operator: roster.byId(id), print }))
    .findLast(({ operator, print }) => operator && printOf(operator, sort) === print)?.operator
  if (!anchor) return Math.min(cursor.before, found.length)
  // The anchor may no longer match the filter; the next page begins with the first match after it.
  const compare = comparing(sort)
  const later = sort.length === 0 && new Set(roster.operators.slice(roster.operators.indexOf(anchor) + 1))
  const at = found.findIndex((operator) => (later ? later.has(operator) : compare(operator, anchor) > 0))
  return at === -1 ? found.length : at
}

/** The body of a list request, an `OperatorList`. @throws Failure `request.invalid` for the cursor of another list */
export const page = (roster: Roster, query: OperatorQuery) => {
  const { organization } = roster
  const { cursor, sort = [] } = query
  const of = digest([organization.id, sort])
  if (cursor && cursor.of !== of)
    throw new Failure('request.invalid', { errors: [{ pointer: '/query/cursor', ...cursorFault }] })
  const found = select(roster, query)
  const start = cursor ? startAfter(roster, found, cursor, sort) : 0
  const end = Math.min(found.length, start + (query.limit ?? found.length))
  const before = Math.max(0, end - rememberedMax)
  const last = found
    .slice(before, end)
    .map((operator): Cursor['last'][number] => [operator.id, printOf(operator, sort)])
  return {
    organization,
    items: found.slice(start, end).map((operator) => pick(operator, query.fields)),
    total: found.length,
    nextCursor: end < found.length ? encodeCursor({ of, before, last }) : null,
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

/** True for a query without parameters: the whole list as it is. */
export const isWhole = (query: OperatorQuery): boolean =>
  Object.values(query).every((value) => value === undefined)
