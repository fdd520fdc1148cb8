import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache, Loaded, Read, ReadOptions } from '../cache/cache.ts'
import type { ChatHub, ListedOperators } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { nextSlice } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { guardShrink } from './guard-shrink.ts'
import type { OperatorIndex } from './operator-index.ts'
import type { Organizations } from './organizations.ts'
import { createRoster, type Roster } from './roster.ts'

export const operatorsKey = (organization: number): string => `operators:${organization}`
const organizationOf = (key: string): number => Number(key.slice('operators:'.length))

/** What ChatHub said of a roster that was loaded here: most lists are the same when they are asked for again. */
const lastAnswer = new WeakMap<Roster, ListedOperators>()

/** Loads the roster of an organization. An organization that ChatHub does not list has none. */
export const rosterLoader =
  (options: {
    chathub: ChatHub
    organizations: Organizations
    systemCaller: Caller
    learn: OperatorIndex['learn']
    report: Reporter
  }) =>
  async (key: string, context: CallContext, previous: Roster | undefined): Promise<Loaded<Roster>> => {
    const { chathub, organizations, systemCaller, report } = options
    const id = organizationOf(key)
    const naming = organizations.get(systemCaller, id, context).then((found) => found.organization)
    naming.catch(() => {}) // awaited below
    const before = previous && lastAnswer.get(previous)
    const ask = () => chathub.operators(id, context, before)
    const listed = await guardShrink(ask, previous?.operators.length, id, report).catch(async (error) => {
      // Whatever ChatHub answers when asked for the operators of an organization that it does not have.
      const unnamed =
        isFailure(error, 'chathub.forbidden', 'chathub.invalid-response') && (await naming.catch((e) => e))
      throw isFailure(unnamed, 'organization.unknown') ? unnamed : error
    })
    const organization = await naming.catch((error) => {
      // The list itself says the name; only ChatHub's own "no such organization" makes it unknown.
      const name = listed.organizationName ?? previous?.organization.name
      if (name === undefined || isFailure(error, 'organization.unknown')) throw error
      return { id, name }
    })
    const isSame = listed.rows === before?.rows && organization.name === previous?.organization.name
    await nextSlice()
    const roster = isSame ? (previous as Roster) : createRoster(organization, listed.rows)
    lastAnswer.set(roster, listed)
    options.learn(roster)
    return { value: roster, bytes: roster.bytes, askedAt: listed.askedAt }
  }

/** @throws Failure `organization.unknown` when the caller may not touch the organization */
export type OperatorLists = {
  /** The roster while it is fresh, from memory, without a promise. */
  peek(caller: Caller, organization: number): Read<Roster> | undefined
  /** The roster. An organization that is known not to exist costs neither ChatHub nor the store anything. */
  read(
    caller: Caller,
    organization: number,
    context: CallContext,
    options?: ReadOptions,
  ): Promise<Read<Roster>>
}

export const createOperatorLists = (cache: Cache<Roster>, organizations: Organizations): OperatorLists => ({
  peek: (caller, organization) => {
    authorize(caller, { organization })
    return cache.peek(operatorsKey(organization))
  },
  read: async (caller, organization, context, options = {}) => {
    authorize(caller, { organization })
    const fresh = options.notBefore === undefined ? cache.peek(operatorsKey(organization)) : undefined
    if (fresh) return fresh
    if (organizations.isAbsent(caller, organization)) throw new Failure('organization.unknown')
    return cache.read(operatorsKey(organization), context, options)
  },
})
