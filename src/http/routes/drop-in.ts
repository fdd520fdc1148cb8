import { codeOf } from '../../chathub/wire.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { knownStatuses } from '../../contract/operator.ts'
import { Failure } from '../../errors.ts'
import type { Roster } from '../../lists/roster.ts'
import type { Router } from '../router.ts'
import { keptBody } from './operators.ts'
import type { Services } from './services.ts'

/** ChatHub's own shape of a list: status integers as ChatHub gave them, the organization in each row. */
const dropInList = ({ organization, operators }: Roster) =>
  operators.map((operator) => ({
    id: operator.id,
    name: operator.name,
    status: codeOf(operator),
    organization,
  }))

/** The drop-in paths: a program written for ChatHub changes only its base URL and token. */
export const mountDropIn = (router: Router, services: Services): void => {
  const { organizations, lists, directory, add, changeStatus, tokens, access } = services

  router.bind(endpoints.dropInOperators, async ({ caller, context, query, notBefore }) => {
    const read = await lists.read(caller, query.organizationId, context, { notBefore })
    return keptBody(lists, read, (roster) => roster.view('chathub', () => dropInList(roster)))
  })
  router.bind(endpoints.dropInOrganizations, async ({ caller, context, notBefore }) => {
    const { found, freshness } = await organizations.list(caller, {}, context, { notBefore })
    return { json: found, freshness }
  })
  router.bind(endpoints.dropInSynchronize, async ({ caller, context, body, requestKey }) => {
    const wanted = new Map<number, number[]>()
    for (const [place, { organizationId }] of body.entries()) {
      const places = wanted.get(organizationId)
      if (places) places.push(place)
      else wanted.set(organizationId, [place])
    }
    // Nothing is sent if one of the organizations is not the caller's.
    for (const organization of wanted.keys()) await organizations.get(caller, organization, context)
    const added: { id: number; name: string; status: number }[] = []
    for (const [organization, places] of wanted) {
      const operators = places.map((place) => ({ name: (body[place] as { name: string }).name }))
      const request = { operators, onDuplicate: 'allow', onDeleted: 'report', dryRun: false } as const
      const written = await add(caller, organization, request, context, requestKey).catch((error) => {
        // Operators were added in another organization, so the request has not simply failed.
        throw added.length > 0 ? new Failure('write.in-doubt', { cause: error }) : error
      })
      if ('operation' in written) throw new Failure('write.in-doubt')
      // The list after the add has the status that ChatHub gave to each operator.
      const after = await lists.read(caller, organization, context).catch(() => undefined)
      for (const { index, name, id, outcome } of written.done.results) {
        if (outcome === 'rejected')
          throw new Failure(
            added.length > 0 || written.done.created > 0 ? 'write.in-doubt' : 'chathub.rejected',
          )
        if (id === undefined) throw new Failure('write.in-doubt')
        const operator = after?.copy.value.byId(id)
        added[places[index] as number] = { id, name, status: operator ? codeOf(operator) : 0 }
      }
    }
    return { json: added, organizationIds: [...wanted.keys()] }
  })
  router.bind(endpoints.dropInStatus, async ({ caller, context, body, requestKey }) => {
    const { roster } = await directory.find(caller, body.id, context)
    const { id } = roster.organization
    const status = knownStatuses[body.status] as (typeof knownStatuses)[number]
    const request = { operator: body.id, status }
    const written = await changeStatus.one(caller, id, request, context, requestKey)
    if ('operation' in written) throw new Failure('write.in-doubt')
    return { empty: 200, organizationIds: [id] }
  })
  router.bind(endpoints.dropInToken, async ({ caller, context, body }) => {
    const { roster } = await directory.find(caller, body.id, context)
    const request = { operator: body.id, expiresAt: new Date(body.expiresAt) }
    const { token } = await tokens.mint(caller, roster.organization.id, request, context)
    return { json: token, noStore: true }
  })
  router.bind(endpoints.dropInValidate, async ({ context, body }) => ({
    json: await tokens.validate(body.token, context),
  }))
  router.bind(endpoints.dropInLogin, async ({ body }) => {
    const token = await access.gatewayTokens.issue(body.login, body.password)
    if (token === undefined) throw new Failure('credential.invalid')
    return { json: token }
  })
}
