import { authorize } from '../../access/authorize.ts'
import { codeOf } from '../../chathub/wire.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { knownStatuses } from '../../contract/operator.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { Roster } from '../../lists/roster.ts'
import type { Call } from '../pipeline.ts'
import type { Router } from '../router.ts'
import { fromList } from './operators.ts'
import type { Services } from './services.ts'

/** ChatHub's own shape of a list: status integers as ChatHub gave them, the organization in each row. */
const dropInList = ({ organization, operators }: Roster) =>
  operators.map((operator) => {
    const { id, name } = operator
    return { id, name, status: codeOf(operator), organization }
  })

/** The drop-in paths: a program written for ChatHub changes only its base URL and token. */
export const mountDropIn = (router: Router, services: Services): void => {
  const { organizations, lists, directory, changeStatus, tokens, access, rowsInTime } = services

  router.bind(endpoints.dropInOperators, (call) =>
    fromList(lists, call.query.organizationId, call, (roster) =>
      roster.view('chathub', () => dropInList(roster)),
    ),
  )
  router.bind(endpoints.dropInOrganizations, async ({ caller, context, notBefore }) => {
    const { found, freshness } = await organizations.list(caller, {}, context, { notBefore })
    return { json: found, freshness }
  })
  router.bind(endpoints.dropInSynchronize, async ({ body, ...call }) => {
    const rowsOf = new Map<number, { name: string; place: number }[]>()
    for (const [place, { organizationId, name }] of body.entries()) {
      // Nothing is sent if one of the organizations is not the caller's.
      authorize(call.caller, { organization: organizationId })
      const rows = rowsOf.get(organizationId)
      if (rows) rows.push({ name, place })
      else rowsOf.set(organizationId, [{ name, place }])
    }
    rowsInTime.require(
      [...rowsOf.values()].map(({ length }) => length),
      call.context,
    )
    const organizationIds = [...rowsOf.keys()]
    for (const id of organizationIds) await organizations.get(call.caller, id, call.context)
    const json: AddedOperator[] = []
    for (const [id, rows] of rowsOf) {
      const added = await addOperators(services, call, id, rows).catch((error) => {
        // Operators were added in another organization, so the request has not simply failed.
        throw json.length > 0 ? new Failure('write.in-doubt', { cause: error }) : error
      })
      for (const [i, operator] of added.entries()) json[rows[i]?.place as number] = operator
    }
    return { json, organizationIds }
  })
  router.bind(endpoints.dropInStatus, async ({ caller, context, body, requestKey }) => {
    const { roster } = await directory.find(caller, body.id, context)
    const { id } = roster.organization
    const status = knownStatuses[body.status] as (typeof knownStatuses)[number]
    const request = { operator: body.id, status }
    const written = await changeStatus.one(caller, id, request, context, requestKey).catch(asOperator)
    if ('operation' in written) throw inDoubt(written.operation.id)
    return { empty: 200, organizationIds: [id] }
  })
  router.bind(endpoints.dropInToken, async ({ caller, context, body }) => {
    const { roster } = await directory.find(caller, body.id, context)
    const request = { operator: body.id, expiresAt: new Date(body.expiresAt) }
    const { token } = await tokens.mint(caller, roster.organization.id, request, context).catch(asOperator)
    return { json: token, noStore: true }
  })
  router.bind(endpoints.dropInValidate, async ({ caller, context, body }) => ({
    json: await tokens.validate(caller, body.token, context),
  }))
  router.bind(endpoints.dropInLogin, async ({ body }) => {
    const token = await access.gatewayTokens.issue(body.login, body.password)
    if (token === undefined) throw new Failure('credential.invalid')
    return { json: token }
  })
}

/** The request named no organization. One that the caller has lost meanwhile is told as an unknown operator. */
const asOperator = (error: unknown): never => {
  throw isFailure(error, 'organization.unknown') ? new Failure('operator.unknown') : error
}

/** ChatHub's paths have no operations, so the error names the one that says more. */
const inDoubt = (operation: string | undefined): Failure => {
  const more = `What is known of this write: GET /v1/operations/${operation}`
  return new Failure('write.in-doubt', operation === undefined ? {} : { detail: more })
}

type AddedOperator = { id: number; name: string; status: number }

/** Adds operators to one organization, with one result for each, in the same order. */
const addOperators = async (
  { add, lists }: Services,
  { caller, context, requestKey }: Call,
  organization: number,
  rows: readonly { name: string }[],
): Promise<AddedOperator[]> => {
  const operators = rows.map(({ name }) => ({ name }))
  const request = { operators, onDuplicate: 'allow', onDeleted: 'report', dryRun: false } as const
  const written = await add(caller, organization, request, context, requestKey)
  // An operator that ChatHub created twice needs review. Its row has the first one all the same.
  const { done } = written
  if (!done) throw inDoubt('operation' in written ? written.operation.id : undefined)
  const { results, operation } = done
  if (results.every(({ outcome }) => outcome === 'rejected')) throw new Failure('chathub.rejected')
  // The list after the add has the status that ChatHub gave to each operator.
  const after = await lists.read(caller, organization, context).catch(() => undefined)
  return results.map(({ id, name }) => {
    if (id === undefined) throw inDoubt(operation)
    const operator = after?.copy.value.byId(id)
    return { id, name, status: operator ? codeOf(operator) : 0 }
  })
}
