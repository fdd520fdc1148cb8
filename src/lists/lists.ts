import type { Caller } from '../access/caller.ts'
import { createCache } from '../cache/cache.ts'
import type { Coherence } from '../cache/coherence.ts'
import type { Store } from '../cache/store.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { TokenStatus } from '../chathub/company-token.ts'
import type { Clock } from '../clock.ts'
import type { Redis } from '../redis/redis.ts'
import type { Reporter } from '../report.ts'
import { createDiagnose } from './diagnosis.ts'
import { createDirectory } from './directory.ts'
import { createOperatorIndex } from './operator-index.ts'
import { createOperatorLists, rosterLoader } from './operator-lists.ts'
import { createOperatorTokens } from './operator-tokens.ts'
import { createOrganizations, decodeOrganizations, organizationsLoader } from './organizations.ts'
import { createPurge } from './purge.ts'
import { decodeRoster } from './roster.ts'

/** The reading side: two caches, and everything that is read from them. */
export const createLists = (options: {
  chathub: ChatHub
  redis: Redis | undefined
  store: Store
  coherence: Coherence
  systemCaller: Caller
  /** How long lists are fresh, revalidated and kept, in ms; `organizationsFreshMs` is for the list of organizations. */
  freshMs: number
  organizationsFreshMs: number
  revalidateMs: number
  waitMs: number
  staleMs: number
  upstream: { tokenStatus(): TokenStatus; isReachable(): boolean }
  clock: Clock
  report: Reporter
}) => {
  const { chathub, systemCaller, upstream, clock, report } = options
  const organizationCache = createCache({
    ...options,
    list: 'organizations',
    times: { ...options, freshMs: options.organizationsFreshMs },
    load: organizationsLoader(chathub, report),
    decode: decodeOrganizations,
  })
  const organizations = createOrganizations(organizationCache, clock)
  const index = createOperatorIndex(options.redis)
  const rosters = createCache({
    ...options,
    list: 'operators',
    times: options,
    load: rosterLoader({ chathub, organizations, systemCaller, learn: index.learn, report }),
    decode: decodeRoster,
  })
  const lists = createOperatorLists(rosters, organizations)
  return {
    rosters,
    organizations,
    lists,
    directory: createDirectory({ ...options, lists, organizations, index }),
    tokens: createOperatorTokens({ chathub, lists, clock }),
    diagnose: createDiagnose({ ...upstream, organizations, lists, clock }),
    purge: createPurge({ operators: rosters, organizations: organizationCache }),
  }
}
