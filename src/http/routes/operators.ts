import { endpoints } from '../../contract/endpoints.ts'
import {
  type Field,
  type KnownStatus,
  needsOrigin,
  type Operator,
  type Origin,
} from '../../contract/operator.ts'
import type { Organization } from '../../contract/organization.ts'
import { Failure } from '../../errors.ts'
import type { FoundOperator } from '../../lists/directory.ts'
import type { OperatorLists } from '../../lists/operator-lists.ts'
import { isWhole, page } from '../../lists/page.ts'
import type { Roster } from '../../lists/roster.ts'
import type { Answer } from '../answer.ts'
import { jsonInSlices } from '../bytes-in-slices.ts'
import type { Call, Handler } from '../pipeline.ts'
import { preparedBodyOf } from '../prepared-body.ts'
import { matchesStrongly } from '../respond.ts'
import type { Router } from '../router.ts'
import { accepted } from './operations.ts'
import type { Services } from './services.ts'
import { nextPage, propertyColumns, tableFile } from './table-file.ts'

const shown = ({ roster, operator }: FoundOperator) => ({ ...operator, organization: roster.organization })
const bodyOfOne = (found: FoundOperator): Buffer =>
  found.roster.view(`operator ${found.operator.id}`, () => shown(found))

type Column<T> = (item: T) => string | number | undefined
const columns = propertyColumns('id', 'name', 'status', 'statusCode')
const originColumns: Record<'statusSince' | 'changedBy', Column<Origin>> = {
  statusSince: (item) => item.statusSince ?? undefined,
  changedBy: ({ changedBy }) => changedBy?.subject ?? changedBy?.client,
}
const directoryColumns: Record<string, Column<Operator & { organization: Organization }>> = {
  organization: ({ organization }) => organization.id,
  organizationName: ({ organization }) => organization.name,
  ...columns,
}
/** Without `fields` all columns, so that a table always has the same ones. */
const columnsOf = (
  fields: readonly Field[] | undefined,
): Record<string, Column<Partial<Operator> & Origin>> => {
  const all = { ...columns, ...originColumns }
  return fields === undefined
    ? columns
    : Object.fromEntries([...new Set(['id', ...fields] as const)].map((name) => [name, all[name]]))
}

/** /v1/organizations/{org}/operators with their tokens, and reads over all organizations of the caller. */
export const mountOperators = (router: Router, services: Services): void => {
  const { lists, directory, add, changeStatus, tokens, clock } = services
  router.bind(endpoints.listOperators, (call) => {
    const { params, query, contentType } = call
    if (!contentType.startsWith('application/json') || needsOrigin(query.fields))
      return listMade(services, call)
    if (isWhole(query)) return fromList(lists, params.org, call, ({ bytes }) => bytes)
    const key = `list ${JSON.stringify(query)}`
    return fromList(lists, params.org, call, (roster) => roster.view(key, () => page(roster, query)))
  })
  router.bind(endpoints.getOperator, async (call) => {
    const { org, operator: id } = call.params
    const { fields } = call.query
    if (needsOrigin(fields)) {
      const { copy, freshness } = await lists.read(call.caller, org, call.context, call)
      const operator = copy.value.byId(id)
      if (!operator) throw new Failure('operator.unknown')
      const [found] = await services.events.history.withOrigins(call.caller, copy.value, [operator], fields)
      return { json: { ...found, organization: copy.value.organization }, freshness }
    }
    return fromList(lists, org, call, (roster) => {
      const operator = roster.byId(id)
      if (!operator) throw new Failure('operator.unknown')
      return bodyOfOne({ roster, operator })
    })
  })
  router.bind(endpoints.getStatistics, (call) =>
    fromList(lists, call.params.org, call, (roster) => roster.view('statistics', () => roster.statistics())),
  )
  router.bind(endpoints.findOperator, async ({ caller, context, params, notBefore }) => {
    const found = await directory.find(caller, params.operator, context, { notBefore })
    return { json: shown(found), freshness: found.freshness }
  })
  router.bind(endpoints.searchOperators, async ({ caller, context, query, notBefore, contentType }) => {
    const { content, freshness } = await directory.search(caller, query, context, { notBefore })
    if (contentType.startsWith('application/json')) return { bytes: await jsonInSlices(content), freshness }
    const { items, unavailable } = content
    return tableFile(contentType, {
      name: unavailable.length > 0 ? 'operators-partial' : 'operators',
      asOf: clock.wall() - freshness.ageMs,
      items,
      columns: directoryColumns,
      headers: unavailable.length > 0 ? { 'Unavailable-Organizations': unavailable.join(', ') } : {},
      freshness,
    })
  })
  router.bind(endpoints.getAllStatistics, async ({ caller, context, notBefore }) => {
    const { content, freshness } = await directory.statistics(caller, context, { notBefore })
    return { json: content, freshness }
  })
  router.bind(endpoints.addOperators, async ({ caller, context, params, body, requestKey }) => {
    const written = await add(caller, params.org, body, context, requestKey)
    if ('operation' in written) return accepted(written.operation)
    if (body.dryRun) return { json: written.done, noStore: true }
    return { json: written.done, status: written.done.created > 0 ? 201 : 200 }
  })
  const change = async (
    { caller, context, requestKey }: Call,
    { org, operator }: { org: number; operator: number },
    status: KnownStatus,
    ifMatch: string | undefined,
  ): Promise<Answer> => {
    const isExpected = (found: FoundOperator): boolean =>
      matchesStrongly(ifMatch as string, preparedBodyOf(bodyOfOne(found)).tag)
    const request = { operator, status, isExpected: ifMatch === undefined ? undefined : isExpected }
    const written = await changeStatus.one(caller, org, request, context, requestKey)
    return 'operation' in written ? accepted(written.operation) : { json: shown(written.done) }
  }
  router.bind(endpoints.changeStatus, ({ params, body, req, ...call }) =>
    change(call, params, body.status, req.headers['if-match']),
  )
  router.bind(endpoints.deleteOperator, ({ params, req, ...call }) =>
    change(call, params, 'deleted', req.headers['if-match']),
  )
  // Answers with a token are `no-store`, and no token is stored.
  router.bind(endpoints.mintOperatorToken, async ({ caller, context, params, body }) => {
    const expiresAt = new Date(clock.wall() + body.expiresIn * 1000)
    const request = { operator: params.operator, expiresAt }
    const json = await tokens.mint(caller, params.org, request, context)
    return { json, status: 201, noStore: true }
  })
  router.bind(endpoints.validateOperatorToken, async ({ caller, context, body }) => {
    const { isValid, operatorId, expiresAt, error } = await tokens.validate(caller, body.token, context)
    const ends = expiresAt ? new Date(expiresAt) : undefined
    return {
      json: {
        valid: isValid,
        operatorId: operatorId ?? null,
        expiresAt: ends && !Number.isNaN(ends.getTime()) ? ends.toISOString() : null,
        error: isValid ? null : error ? 'ChatHub says that the token is not valid.' : null,
      },
    }
  })
}

/** A list that is made for each request: as CSV or NDJSON, or with what the log of events knows. Nothing keeps it. */
const listMade = async (
  { lists, events, clock }: Services,
  call: Parameters<Handler<typeof endpoints.listOperators>>[0],
): Promise<Answer> => {
  const { caller, context, params, query, notBefore, contentType, req } = call
  const { copy, freshness } = await lists.read(caller, params.org, context, { notBefore })
  const found = page(copy.value, query)
  const items = needsOrigin(query.fields)
    ? await events.history.withOrigins(caller, copy.value, found.items, query.fields)
    : found.items
  if (contentType.startsWith('application/json'))
    return { bytes: await jsonInSlices({ ...found, items }), freshness }
  return tableFile(contentType, {
    name: `operators-${params.org}`,
    asOf: clock.wall() - freshness.ageMs,
    items,
    columns: columnsOf(query.fields),
    headers: nextPage(req, found.nextCursor),
    freshness,
  })
}

/**
 * A body that is made once per roster, with the lookup that finds it again while the list is fresh. `bodyOf` is kept with
 * the lookup, so it must not hold the request.
 */
export const fromList = async (
  lists: OperatorLists,
  organization: number,
  { caller, context, notBefore }: Call,
  bodyOf: (roster: Roster) => Buffer,
): Promise<Answer> => {
  const { copy, freshness } = await lists.read(caller, organization, context, { notBefore })
  return {
    keptBody: bodyOf(copy.value),
    freshness,
    cachedLookup: (reader) => {
      const now = lists.peek(reader, organization)
      return now && { keptBody: bodyOf(now.copy.value), freshness: now.freshness }
    },
  }
}
