import { createHash } from 'node:crypto'
import { type Cursor, cursorFault, encodeCursor, rememberedMax } from '../contract/cursor.ts'
import type { Field, Operator, OperatorQuery, SortKey } from '../contract/operator.ts'
import { Failure } from '../errors.ts'
import { comparing, type Roster, select } from './roster.ts'

/** Too short to be turned back, long enough to tell two apart. */
const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 6)

/** What an operator's place depends on: in ChatHub's order on nothing that is known. */
const printOf = (operator: Operator, sort: SortKey[]): string => digest(sort.map(({ by }) => operator[by]))

/**
 * Index of the first operator of the next page: after the last remembered one that is still where it was. When all of
 * them are gone or have moved, it is where the first of them stood. So whoever stays as it was is given exactly once.
 */
const startAfter = (roster: Roster, found: readonly Operator[], cursor: Cursor, sort: SortKey[]): number => {
  const anchor = cursor.last
    .map(([id, print]) => ({ operator: roster.byId(id), print }))
    .findLast(({ operator, print }) => operator && printOf(operator, sort) === print)?.operator
  if (!anchor) return Math.min(cursor.before, found.length)
  // It may not match the filter any more: whoever comes after it comes next.
  const isAfter = sort.length > 0 ? comparesAfter(anchor, sort) : standsAfter(anchor, roster)
  const at = found.findIndex(isAfter)
  return at === -1 ? found.length : at
}

const comparesAfter = (anchor: Operator, sort: SortKey[]) => {
  const compare = comparing(sort)
  return (operator: Operator): boolean => compare(operator, anchor) > 0
}

const standsAfter = (anchor: Operator, { operators }: Roster) => {
  const later = new Set(operators.slice(operators.indexOf(anchor) + 1))
  return (operator: Operator): boolean => later.has(operator)
}

/** The body of a list request: `OperatorList`. @throws Failure `request.invalid` for a cursor of another list */
export const page = (roster: Roster, query: OperatorQuery) => {
  const { organization } = roster
  const { cursor, sort = [] } = query
  const of = digest([organization.id, sort])
  if (cursor && cursor.of !== of)
    throw new Failure('request.invalid', {
      errors: [{ pointer: '/query/cursor', ...cursorFault }],
    })
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

/** True for the query that asks for the whole list as it is. */
export const isWhole = (query: OperatorQuery): boolean =>
  Object.values(query).every((value) => value === undefined)
