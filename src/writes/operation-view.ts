import { mayTouch } from '../access/authorize.ts'
import { type Caller, minterOf } from '../access/caller.ts'
import { type OperationsQuery, type OperationView, operationCursor } from '../contract/operation.ts'
import type { Journal, Listed } from './journal.ts'
import { type Operation, organizationOf } from './operation.ts'

// How many operations one request looks through, and how many at once.
const lookedMax = 1000
const atOnce = 100

const isAdmin = ({ scopes }: Caller): boolean => scopes.has('admin')

/** Whether the operation is the caller's to see: its own, its person's, or anybody's for `admin`. */
export const isOf = (caller: Caller, { client, subject }: Pick<Operation, 'client' | 'subject'>): boolean =>
  client === caller.id ||
  (subject !== undefined && subject === caller.subject && minterOf(client) === minterOf(caller.id)) ||
  isAdmin(caller)

/** Operations that the caller sees, newest first. */
export const listOperations = async (
  journal: Pick<Journal, 'listed' | 'get'>,
  caller: Caller,
  { kind, state, organization, limit, cursor }: OperationsQuery,
): Promise<{ items: Operation[]; nextCursor: string | null }> => {
  const mayBeSeen = ({ id, client }: Listed): boolean =>
    mayTouch(caller, organizationOf(id)) &&
    (organization ?? organizationOf(id)) === organizationOf(id) &&
    (client === undefined || isAdmin(caller) || minterOf(client) === minterOf(caller.id))
  const isAsked = (found: Operation): boolean =>
    isOf(caller, found) && (kind?.includes(found.kind) ?? true) && (state?.includes(found.state) ?? true)

  const items: Operation[] = []
  let before: Pick<Listed, 'id' | 'startedAt'> | undefined = cursor
  for (let looked = 0; looked < lookedMax; looked += atOnce) {
    const listed: Listed[] = await journal.listed(before, atOnce)
    const found = await Promise.all(listed.filter(mayBeSeen).map(({ id }) => journal.get(id)))
    for (const operation of found) {
      if (!operation || !isAsked(operation)) continue
      if (items.length === limit) return { items, nextCursor: operationCursor(items.at(-1) as Operation) }
      items.push(operation)
    }
    before = listed.at(-1)
    if (listed.length < atOnce || !before) return { items, nextCursor: null }
  }
  return { items, nextCursor: before ? operationCursor(before) : null }
}

/** The operation as its client sees it. */
export const viewOf = (operation: Operation): OperationView => {
  const { id, kind, organization, state, client, subject = null, undoes } = operation
  const { total, counts, startedAt, finishedAt, detail = null } = operation
  return {
    id,
    kind,
    organization,
    state,
    client,
    subject,
    undoes: undoes?.id ?? null,
    total,
    ...counts,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: finishedAt === undefined ? null : new Date(finishedAt).toISOString(),
    detail,
  }
}
