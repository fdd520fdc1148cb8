import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import {
  type Cache,
  type Copy,
  createCache,
  type Loaded,
  type Read,
  type ReadOptions,
} from '../cache/cache.ts'
import type { ListedOperators } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { nextSlice } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import { guardShrink } from './guard-shrink.ts'
import type { ListOptions, Organizations } from './organizations.ts'
import { createRoster, decodeRoster, type Roster } from './roster.ts'

const operatorsKeyPrefix = 'operators:'
export const operatorsKey = (organization: number): string => operatorsKeyPrefix + organization

/** The answer of ChatHub that a roster was made from. Most answers equal the one before, and their roster is kept. */
const lastAnswer = new WeakMap<Roster, ListedOperators>()

/** Its loads fail with `organization.unknown` when ChatHub does not list the organization. */
export const createRosterCache = (
  options: ListOptions & {
    organizations: Organizations
    systemCaller: Caller
    /** Is told each list that was loaded, and when it was asked for (monotonic ms), before a reader has it. */
    learn(roster: Roster, askedAt: number): Promise<void>
  },
): Cache<Roster> => {
  const { chathub, organizations, systemCaller, learn, report } = options
  const load = async (key: string, context: CallContext, previous?: Roster): Promise<Loaded<Roster>> => {
    const id = Number(key.slice(operatorsKeyPrefix.length))
    const naming = organizations.get(systemCaller, id, context).then((found) => found.organization)
    naming.catch(() => {}) // awaited below
    const before = previous && lastAnswer.get(previous)
    const ask = () => chathub.operators(id, context, before)
    const listed = await guardShrink(ask, previous?.operators.length, id, report).catch(async (error) => {
      // ChatHub may refuse or answer anything for an organization that it does not have.
      const unnamed =
        isFailure(error, 'chathub.forbidden', 'chathub.invalid-response') && (await naming.catch((e) => e))
      throw isFailure(unnamed, 'organization.unknown') ? unnamed : error
    })
    const organization = await naming.catch((error) => {
      // Without the list of organizations, the operator list or the last roster gives the name.
      const name = listed.organizationName ?? previous?.organization.name
      if (name === undefined || isFailure(error, 'organization.unknown')) throw error
      return { id, name }
    })
    const isSame = listed.rows === before?.rows && organization.name === previous?.organization.name
    await nextSlice()
    const roster = isSame ? (previous as Roster) : createRoster(organization, listed.rows)
    lastAnswer.set(roster, listed)
    await learn(roster, listed.askedAt)
    return { value: roster, bytes: roster.bytes, askedAt: listed.askedAt }
  }
  return createCache<Roster>({ ...options, list: 'operators', load, decode: decodeRoster })
}

/** @throws Failure `organization.unknown` when the caller may not touch the organization */
export type OperatorLists = {
  /** The roster while it is fresh, from memory and at once. */
  peek(caller: Caller, organization: number): Read<Roster> | undefined
  /** Any roster in memory, however old: for looking things up, never for serving. */
  remembered(caller: Caller, organization: number): Copy<Roster> | undefined
  /** The roster. An organization that is known not to exist costs neither a call to ChatHub nor one to the store. */
  read(
    caller: Caller,
    organization: number,
    context: CallContext,
    options?: ReadOptions,
  ): Promise<Read<Roster>>
}

export const createOperatorLists = (cache: Cache<Roster>, organizations: Organizations): OperatorLists => {
  const keyOf = (caller: Caller, organization: number): string => {
    authorize(caller, { organization })
    return operatorsKey(organization)
  }
  return {
    peek: (caller, organization) => cache.peek(keyOf(caller, organization)),
    remembered: (caller, organization) => cache.remembered(keyOf(caller, organization)),
    read: async (caller, organization, context, options = {}) => {
      const key = keyOf(caller, organization)
      const fresh = options.notBefore === undefined ? cache.peek(key) : undefined
      if (fresh) return fresh
      if (organizations.isAbsent(caller, organization)) throw new Failure('organization.unknown')
      return cache.read(key, context, options)
    },
  }
}
