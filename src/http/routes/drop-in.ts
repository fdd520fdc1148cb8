import { mayTouch } from '../../access/caller.ts'
import type { GatewayTokens } from '../../access/gateway-tokens.ts'
import { codeOf } from '../../chathub/wire.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { knownStatuses } from '../../contract/operator.ts'
import { Failure } from '../../errors.ts'
import type { Add } from '../../writes/add.ts'
import type { ChangeStatus } from '../../writes/change-status.ts'
import type { Directory } from '../../lists/directory.ts'
import type { Lists } from '../../lists/operator-lists.ts'
import type { Organizations } from '../../lists/organizations.ts'
import type { Roster } from '../../lists/roster.ts'
import type { Tokens } from '../../lists/operator-tokens.ts'
import type { Door } from '../router.ts'
import { prepared } from './operators.ts'

type Rooms = {
  organizations: Organizations
  lists: Lists
  directory: Directory
  add: Add
  changeStatus: ChangeStatus
  tokens: Tokens
  gatewayTokens: GatewayTokens
}

/** ChatHub's own shape of a list: status integers as ChatHub gave them, the organization in each row. */
const wireList = ({ organization, operators }: Roster) =>
  operators.map((operator) => ({
    id: operator.id,
    name: operator.name,
    status: codeOf(operator),
    organization,
  }))

/** The drop-in paths: a program written for ChatHub changes its base URL and token, nothing else. */
export const mountChatHub = (door: Door, rooms: Rooms): void => {
  const { organizations, lists, directory, add, changeStatus, tokens, gatewayTokens } = rooms

  door.on(endpoints.wireOperators, async ({ caller, errand, query, notBefore }) => {
    if (!mayTouch(caller, query.organizationId)) throw new Failure('organization.unknown')
    const read = await lists.read(query.organizationId, errand, notBefore)
    return prepared(lists, read, (roster) => roster.view('chathub', () => wireList(roster)))
  })
  door.on(endpoints.wireOrganizations, async ({ caller, errand, notBefore }) => {
    const { found, freshness } = await organizations.list(caller, errand, {}, notBefore.notBefore)
    return { json: found, freshness }
  })
  door.on(endpoints.wireSynchronize, async ({ caller, errand, body, mark }) => {
    const wanted = new Map<number, number[]>()
    for (const [place, { organizationId }] of body.entries()) {
      const places = wanted.get(organizationId)
      if (places) places.push(place)
      else wanted.set(organizationId, [place])
    }
    // All are looked at before anything is sent: one organization that is not the caller's stops the whole request.
    for (const organization of wanted.keys()) await organizations.get(caller, organization, errand)
    const added: { id: number; name: string; status: number }[] = []
    for (const [organization, places] of wanted) {
      const operators = places.map((place) => ({ name: (body[place] as { name: string }).name }))
      const request = { operators, onDuplicate: 'allow', onDeleted: 'report', dryRun: false } as const
      const written = await add(organization, request, errand, mark).catch((error) => {
        // Another organization has got its operators: not as if nothing had been done.
        throw added.length > 0 ? new Failure('write.in-doubt', { cause: error }) : error
      })
      if ('operation' in written) throw new Failure('write.in-doubt')
      // The list that the add left behind knows the status that ChatHub gave each.
      const left = await lists.read(organization, errand).catch(() => undefined)
      for (const { index, name, id, outcome } of written.done.results) {
        if (outcome === 'rejected')
          throw new Failure(
            added.length > 0 || written.done.created > 0 ? 'write.in-doubt' : 'chathub.rejected',
          )
        if (id === undefined) throw new Failure('write.in-doubt')
        const operator = left?.copy.value.byId(id)
        added[places[index] as number] = { id, name, status: operator ? codeOf(operator) : 0 }
      }
    }
    return { json: added, touched: [...wanted.keys()] }
  })
  door.on(endpoints.wireStatus, async ({ caller, errand, body, mark }) => {
    const { roster } = await directory.find(caller, body.id, errand)
    const status = knownStatuses[body.status] as (typeof knownStatuses)[number]
    const written = await changeStatus.one(roster.organization.id, body.id, status, errand, mark)
    if ('operation' in written) throw new Failure('write.in-doubt')
    return { empty: 200, touched: [roster.organization.id] }
  })
  door.on(endpoints.wireToken, async ({ caller, errand, body }) => {
    const found = await directory.find(caller, body.id, errand)
    const { token } = await tokens.mint(found, new Date(body.expiresAt), errand)
    return { json: token, unkept: true }
  })
  door.on(endpoints.wireValidate, async ({ errand, body }) => ({
    json: await tokens.validate(body.token, errand),
  }))
  door.on(endpoints.wireLogin, async ({ body }) => {
    const token = await gatewayTokens.issue(body.login, body.password)
    if (token === undefined)
      throw new Failure('credential.invalid', {
        headers: { 'WWW-Authenticate': 'Bearer realm="chathub-gateway"' },
      })
    return { json: token }
  })
}
