import { authorize, mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache, Loaded, Read, ReadOptions } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { foldForSearch } from '../contract/names.ts'
import type { Organization } from '../contract/organization.ts'
import { Failure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { guardShrink } from './guard-shrink.ts'

/** All organizations that ChatHub's credential sees, with an index by id. */
type OrganizationIndex = { all: readonly Organization[]; byId: ReadonlyMap<number, Organization> }

export const organizationsKey = 'organizations'

// A list that does not have an id is believed for this long only: an organization may have been made a moment ago.
const absentMs = 10_000

export type Organizations = {
  /** Those that the caller may touch, filtered, in ChatHub's order. */
  list(
    caller: Caller,
    query: { q?: string | undefined; ids?: number[] | undefined },
    context: CallContext,
    options?: ReadOptions,
  ): Promise<Read<OrganizationIndex> & { found: Organization[] }>
  /** @throws Failure `organization.unknown`, for one that the caller may not touch just as for one that does not exist */
  get(
    caller: Caller,
    id: number,
    context: CallContext,
    options?: ReadOptions,
  ): Promise<Read<OrganizationIndex> & { organization: Organization }>
  /** True: ChatHub's list was read a moment ago and does not have it, so that nobody need be asked. */
  isAbsent(caller: Caller, id: number): boolean
}

export const indexOf = (all: readonly Organization[]): OrganizationIndex => ({
  all,
  byId: new Map(all.map((organization) => [organization.id, organization])),
})

/** The organizations cache's two halves: asking ChatHub, and back from bytes. */
export const organizationsLoader =
  (chathub: ChatHub, report: Reporter) =>
  async (
    _key: string,
    context: CallContext,
    previous: OrganizationIndex | undefined,
  ): Promise<Loaded<OrganizationIndex>> => {
    const ask = () => chathub.organizations(context)
    const { rows, askedAt } = await guardShrink(ask, previous?.all.length, undefined, report)
    return { value: indexOf(rows), bytes: Buffer.from(JSON.stringify(rows)), askedAt }
  }

export const decodeOrganizations = (bytes: Buffer): OrganizationIndex => {
  const rows: unknown = JSON.parse(bytes.toString())
  if (!Array.isArray(rows) || rows.some((row) => typeof row?.id !== 'number'))
    throw new Error('not organizations')
  return indexOf(rows as Organization[])
}

export const createOrganizations = (cache: Cache<OrganizationIndex>, clock: Clock): Organizations => {
  const read = async (context: CallContext, options: ReadOptions = {}): Promise<Read<OrganizationIndex>> =>
    (options.notBefore === undefined && cache.peek(organizationsKey)) ||
    cache.read(organizationsKey, context, options)

  return {
    list: async (caller, { q, ids }, context, options) => {
      const answer = await read(context, options)
      const wanted = ids && new Set(ids)
      const sought = q === undefined ? undefined : foldForSearch(q)
      const found = answer.copy.value.all.filter(
        ({ id, name }) =>
          mayTouch(caller, id) &&
          (!wanted || wanted.has(id)) &&
          (sought === undefined || foldForSearch(name).includes(sought)),
      )
      return { ...answer, found }
    },
    get: async (caller, id, context, options) => {
      authorize(caller, { organization: id })
      let answer = await read(context, options)
      if (!answer.copy.value.byId.has(id) && answer.freshness.ageMs > absentMs)
        answer = await read(context, { notBefore: clock.now() - absentMs })
      const organization = answer.copy.value.byId.get(id)
      if (!organization) throw new Failure('organization.unknown')
      return { ...answer, organization }
    },
    isAbsent: (caller, id) => {
      authorize(caller, { organization: id })
      const known = cache.peek(organizationsKey)
      return known !== undefined && known.freshness.ageMs <= absentMs && !known.copy.value.byId.has(id)
    },
  }
}
