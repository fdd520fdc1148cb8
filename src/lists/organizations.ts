import { authorize, mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import { type Cache, createCache, type Freshness, type ReadOptions } from '../cache/cache.ts'
import type { Coherence } from '../cache/coherence.ts'
import type { Times } from '../cache/entry.ts'
import type { Refresher } from '../cache/refresher.ts'
import type { Store } from '../cache/store.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { foldForSearch } from '../contract/names.ts'
import type { Organization } from '../contract/organization.ts'
import { Failure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { guardShrink } from './guard-shrink.ts'

/** All organizations that the company token can see, in ChatHub's order. */
export type OrganizationList = ReadonlyMap<number, Organization>

export const organizationsKey = 'organizations'

// A list without an id proves nothing for longer: the organization may be new.
const absentMs = 10_000

export type Organizations = {
  /** Those that the caller may touch, filtered, in ChatHub's order. */
  list(
    caller: Caller,
    query: { q?: string | undefined; ids?: number[] | undefined },
    context: CallContext,
    options?: ReadOptions,
  ): Promise<{ found: Organization[]; freshness: Freshness }>
  /** @throws Failure `organization.unknown`, alike for one that the caller may not touch and one that does not exist */
  get(
    caller: Caller,
    id: number,
    context: CallContext,
    options?: ReadOptions,
  ): Promise<{ organization: Organization; freshness: Freshness }>
  /** True when a list of the last ten seconds does not have it; ChatHub need not be asked. */
  isAbsent(caller: Caller, id: number): boolean
}

/** What both caches of lists are made of. */
export type ListOptions = {
  chathub: ChatHub
  store: Store
  coherence: Coherence
  refresher: Refresher
  times: Times
  clock: Clock
  report: Reporter
}

const byId = (all: readonly Organization[]): OrganizationList =>
  new Map(all.map((organization) => [organization.id, organization]))

export const createOrganizationCache = (
  options: ListOptions & { learn(all: OrganizationList, askedAt: number): Promise<void> },
): Cache<OrganizationList> =>
  createCache<OrganizationList>({
    ...options,
    list: 'organizations',
    load: async (_key, context, previous) => {
      const ask = () => options.chathub.organizations(context)
      const { rows, askedAt } = await guardShrink(ask, previous?.size, undefined, options.report)
      const value = byId(rows)
      await options.learn(value, askedAt)
      return { value, bytes: Buffer.from(JSON.stringify(rows)), askedAt }
    },
    decode: (bytes) => {
      const rows = JSON.parse(bytes.toString()) as Organization[]
      if (rows.some(({ id }) => typeof id !== 'number')) throw new Error('not organizations')
      return byId(rows)
    },
  })

export const createOrganizations = (cache: Cache<OrganizationList>, clock: Clock): Organizations => {
  const read = (context: CallContext, options?: ReadOptions) => cache.read(organizationsKey, context, options)
  return {
    list: async (caller, { q, ids }, context, options) => {
      const { copy, freshness } = await read(context, options)
      const wanted = ids && new Set(ids)
      const sought = q === undefined ? undefined : foldForSearch(q)
      const found = [...copy.value.values()].filter(
        ({ id, name }) =>
          mayTouch(caller, id) &&
          (!wanted || wanted.has(id)) &&
          (sought === undefined || foldForSearch(name).includes(sought)),
      )
      return { found, freshness }
    },
    get: async (caller, id, context, options) => {
      authorize(caller, { organization: id })
      let answer = await read(context, options)
      if (!answer.copy.value.has(id) && answer.freshness.ageMs > absentMs)
        answer = await read(context, { notBefore: clock.now() - absentMs })
      const organization = answer.copy.value.get(id)
      if (!organization) throw new Failure('organization.unknown')
      return { organization, freshness: answer.freshness }
    },
    isAbsent: (caller, id) => {
      authorize(caller, { organization: id })
      const known = cache.peek(organizationsKey)
      return known !== undefined && known.freshness.ageMs <= absentMs && !known.copy.value.has(id)
    },
  }
}
