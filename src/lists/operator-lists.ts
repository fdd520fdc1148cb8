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
    learn: OperatorIndex['learn']
    report: Reporter
  }) =>
  async (key: string, context: CallContext, previous: Roster | undefined): Promise<Loaded<Roster>> => {
    const { chathub, organizations, report } = options
    const id = organizationOf(key)
    const naming = organizations.find(id, context)
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

export type OperatorLists = {
  peek(organization: number): Read<Roster> | undefined
  read(organization: number, context: CallContext, options?: ReadOptions): Promise<Read<Roster>>
}

/**
 * The roster of an organization, fresh from memory without a promise where possible. One that is known not to exist costs
 * neither ChatHub nor the store anything.
 */
export const createOperatorLists = (cache: Cache<Roster>, organizations: Organizations): OperatorLists => ({
  peek: (organization) => cache.peek(operatorsKey(organization)),
  read: async (organization, context, options = {}) => {
    const fresh = options.notBefore === undefined ? cache.peek(operatorsKey(organization)) : undefined
    if (fresh) return fresh
    if (organizations.isAbsent(organization)) throw new Failure('organization.unknown')
    return cache.read(operatorsKey(organization), context, options)
  },
})
