import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import type { Times } from '../cache/entry.ts'
import { createRedisRates } from '../cache/redis-rates.ts'
import { createRefresher } from '../cache/refresher.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type OnChange, oneChange } from '../contract/audit.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import type { ChatHubState } from '../throttle/health.ts'
import { createDiagnose } from './diagnosis.ts'
import { createDirectory } from './directory.ts'
import { createOperatorIndex } from './operator-index.ts'
import { createOperatorLists, createRosterCache, operatorsKey } from './operator-lists.ts'
import { createOperatorTokens } from './operator-tokens.ts'
import {
  createOrganizationCache,
  createOrganizations,
  type ListOptions,
  type OrganizationList,
  organizationsKey,
} from './organizations.ts'
import type { Roster } from './roster.ts'

type Options = Omit<ListOptions, 'times' | 'refresher'> &
  Times & {
    /** `freshMs` of the list of organizations. */
    organizationsFreshMs: number
    redis: Redis | undefined
    requestsPerSecond: number
    /** The share of the budget that refreshes of all instances may use. */
    refreshPercent: number
    systemCaller: Caller
    onChange: OnChange
    /** The state of ChatHub, proven within the last seconds. */
    checkChatHub(context: CallContext): Promise<ChatHubState>
    /** Are told each list that was loaded, and when it was asked for (monotonic ms), before a reader has it. */
    observers(): {
      /** The organizations that somebody listens to. */
      listened(): ReadonlySet<number> | 'all'
      rosterLoaded(roster: Roster, askedAt: number): Promise<void>
      organizationsLoaded(all: OrganizationList, askedAt: number): Promise<void>
    }
    /** Requests that ChatHub applied late; writing knows them. */
    late: { lateOperators(caller: Caller, organization: number): readonly number[] }
  }

/**
 * Drops one operator list, or every list: the next read asks ChatHub, on every instance.
 * @throws Failure `organization.unknown`; `request.invalid-body` when a caller without organizations `'*'` names none
 */
export type Purge = (caller: Caller, organization?: number, requestId?: string) => Promise<void>

/** The reading side: two caches, and everything that is read from them. */
export const createLists = (options: Options) => {
  const { redis, coherence } = options
  /** Those of the wanted organizations that there are. */
  const existing = (wanted: ReadonlySet<number> | 'all'): number[] => {
    const all = [...(organizationCache.remembered(organizationsKey)?.value.keys() ?? [])]
    return wanted === 'all' ? all : all.filter((id) => wanted.has(id))
  }
  const listened = function* (): Generator<string> {
    const wanted = options.observers().listened()
    if (wanted !== 'all' && wanted.size === 0) return
    yield organizationsKey
    yield* existing(wanted).map(operatorsKey)
  }
  const refresher = createRefresher({
    clock: options.clock,
    perSecond: () => (options.requestsPerSecond * options.refreshPercent) / 100 / coherence.expected(),
    exchange: redis && createRedisRates(redis),
    listened,
    caches: () => [organizationCache, rosters],
    cacheOf: (key) => (key === organizationsKey ? organizationCache : rosters),
  })
  const organizationCache: Cache<OrganizationList> = createOrganizationCache({
    ...options,
    refresher,
    learn: (...loaded) => options.observers().organizationsLoaded(...loaded),
    times: { ...options, freshMs: options.organizationsFreshMs },
  })
  const organizations = createOrganizations(organizationCache, options.clock)
  const index = createOperatorIndex(redis)
  const learn = (roster: Roster, askedAt: number): Promise<void> => {
    index.learn(roster)
    return options.observers().rosterLoaded(roster, askedAt)
  }
  const rosters: Cache<Roster> = createRosterCache({
    ...options,
    refresher,
    times: options,
    organizations,
    learn,
  })
  const lists = createOperatorLists(rosters, organizations)
  const directory = createDirectory({ ...options, lists, organizations, index })
  const purge: Purge = async (caller, organization, requestId) => {
    if (organization !== undefined) {
      authorize(caller, { organization })
      await rosters.purge(operatorsKey(organization))
    } else {
      if (caller.organizations !== '*')
        throw new Failure('request.invalid-body', { errors: [organizationFault] })
      await rosters.purge()
      await organizationCache.purge(organizationsKey)
    }
    const { id: client, subject } = caller
    const at = options.clock.wall()
    await options.onChange({
      organization: organization ?? null,
      at,
      client,
      subject,
      requestId,
      // Once a minute for each client, so that repeated purges do not push out other records.
      step: { name: `purge:${client}:${Math.floor(at / 60_000)}`, keepMs: 120_000 },
      changes: [{ ...oneChange, kind: 'cachePurged', key: 0 }],
    })
  }
  return {
    rosters,
    organizations,
    /** The lists of operators in memory, however old: for counting, never for serving. */
    listsInMemory: function* () {
      for (const organization of organizationCache.remembered(organizationsKey)?.value.keys() ?? []) {
        const copy = rosters.remembered(operatorsKey(organization))
        if (copy) yield { roster: copy.value, ageMs: options.clock.now() - copy.askedAt }
      }
    },
    lists,
    directory,
    tokens: createOperatorTokens({ ...options, lists, directory }),
    diagnose: createDiagnose({ ...options, ...options.late, organizations, lists }),
    purge,
    /** The organizations that somebody listens to and that there are. */
    listenedTo: (): number[] => existing(options.observers().listened()),
    /** Loads a list of operators soon, whatever its age; 0: the list of organizations. */
    loadAgain: (list: number): void =>
      refresher.loadAgain(list === 0 ? organizationsKey : operatorsKey(list)),
    stopRefreshing: refresher.stop,
  }
}

const organizationFault = {
  pointer: '/organization',
  code: 'required',
  detail: 'Only a credential with organizations "*" may purge everything.',
}
