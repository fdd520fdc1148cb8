import { requireOrganization } from '../../access/caller.ts'
import type { Read } from '../../cache/cache.ts'
import type { Errand } from '../../chathub/exchange.ts'
import { endpoints } from '../../contract/endpoints.ts'
import type { KnownStatus } from '../../contract/operator.ts'
import { Failure } from '../../errors.ts'
import type { Add } from '../../writes/add.ts'
import type { ChangeStatus } from '../../writes/change-status.ts'
import type { Directory, Found } from '../../lists/directory.ts'
import type { Lists } from '../../lists/operator-lists.ts'
import { isWhole, page } from '../../lists/page.ts'
import type { Prepared } from '../../lists/prepared.ts'
import type { Roster } from '../../lists/roster.ts'
import type { Answer } from '../answer.ts'
import type { Door } from '../router.ts'
import { accepted } from './operations.ts'

type Rooms = { lists: Lists; directory: Directory; add: Add; changeStatus: ChangeStatus }

const shown = ({ roster, operator }: Found) => ({ ...operator, organization: roster.organization })

/** /v1/organizations/{org}/operators and what spans several organizations. */
export const mountOperators = (door: Door, { lists, directory, add, changeStatus }: Rooms): void => {
  door.on(endpoints.listOperators, async ({ caller, errand, params, query, notBefore }) => {
    requireOrganization(caller, params.org)
    const read = await lists.read(params.org, errand, notBefore)
    if (isWhole(query)) return prepared(lists, read, ({ whole }) => whole)
    const key = `list ${JSON.stringify(query)}`
    return prepared(lists, read, (roster) => roster.view(key, () => page(roster, query)))
  })
  door.on(endpoints.getOperator, async ({ caller, errand, params, notBefore }) => {
    requireOrganization(caller, params.org)
    const read = await lists.read(params.org, errand, notBefore)
    return prepared(lists, read, (roster) => {
      const operator = roster.byId(params.operator)
      if (!operator) throw new Failure('operator.unknown')
      return roster.view(`operator ${operator.id}`, () => shown({ roster, operator }))
    })
  })
  door.on(endpoints.getStatistics, async ({ caller, errand, params, notBefore }) => {
    requireOrganization(caller, params.org)
    const read = await lists.read(params.org, errand, notBefore)
    return prepared(lists, read, (roster) => roster.view('statistics', () => roster.statistics()))
  })
  door.on(endpoints.findOperator, async ({ caller, errand, params, notBefore }) => {
    const found = await directory.find(caller, params.operator, errand, notBefore)
    return { json: shown(found), freshness: found.freshness }
  })
  door.on(endpoints.searchOperators, async ({ caller, errand, query, notBefore }) => {
    const { content, freshness } = await directory.search(caller, errand, query, notBefore)
    return { json: content, freshness }
  })
  door.on(endpoints.getAllStatistics, async ({ caller, errand, notBefore }) => {
    const { content, freshness } = await directory.statistics(caller, errand, notBefore)
    return { json: content, freshness }
  })
  door.on(endpoints.addOperators, async ({ caller, errand, params, body, mark }) => {
    requireOrganization(caller, params.org)
    const written = await add(params.org, body, errand, mark)
    if ('operation' in written) return accepted(written.operation)
    if (body.dryRun) return { json: written.done, unkept: true }
    return { json: written.done, status: written.done.created > 0 ? 201 : 200 }
  })
  const change = async (
    organization: number,
    operator: number,
    status: KnownStatus,
    errand: Errand,
    mark: string,
  ): Promise<Answer> => {
    const written = await changeStatus.one(organization, operator, status, errand, mark)
    return 'operation' in written ? accepted(written.operation) : { json: shown(written.done) }
  }
  door.on(endpoints.changeStatus, ({ caller, errand, params, body, mark }) => {
    requireOrganization(caller, params.org)
    return change(params.org, params.operator, body.status, errand, mark)
  })
  door.on(endpoints.deleteOperator, ({ caller, errand, params, mark }) => {
    requireOrganization(caller, params.org)
    return change(params.org, params.operator, 'deleted', errand, mark)
  })
}

/** A body that is made once per roster, and how to find it again while the list is fresh. */
export const prepared = (lists: Lists, read: Read<Roster>, look: (roster: Roster) => Prepared): Answer => {
  const { organization } = read.copy.value
  return {
    prepared: look(read.copy.value),
    freshness: read.freshness,
    again: {
      organization: organization.id,
      look: () => {
        const now = lists.peek(organization.id)
        return now && { prepared: look(now.copy.value), freshness: now.freshness }
      },
    },
  }
}
