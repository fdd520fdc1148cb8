import { mayTouch } from './access/authorize.ts'
import { type Caller, minterOf } from './access/caller.ts'
import type { Keys } from './access/keys.ts'
import type { Clock } from './clock.ts'
import type { Health, Status, Upstream } from './contract/system.ts'
import type { Usage } from './contract/usage.ts'
import type { createLists } from './lists/lists.ts'
import { createRecentLoad } from './metrics/recent-load.ts'
import type { StateTimes } from './metrics/state-times.ts'
import type { createUpstream } from './throttle/upstream.ts'

/** What the gateway tells of itself: to probes, to the console, and to its operators. */
export const createGatewayState = (parts: {
  times: StateTimes
  upstream: Pick<ReturnType<typeof createUpstream>, 'health' | 'status'>
  reading: Pick<ReturnType<typeof createLists>, 'rosters' | 'listsInMemory'>
  redisStatus(): Omit<Upstream['redis'], 'since'>
  storage(): Upstream['storage']
  metrics: { reads(): Upstream['reads']; usage(day?: string): Promise<Usage> }
  keys: Keys
  clock: Clock
}) => {
  const { times, upstream, reading, redisStatus, metrics, keys, clock } = parts
  const waitingIn = (lanes: Upstream['queue']['waiting']): number =>
    Object.values(lanes).reduce((sum, count) => sum + count, 0)
  const load = createRecentLoad(clock, () => {
    const { budget, queue } = upstream.status()
    const { usedInLastSecond: used, allowedNow: allowed } = budget
    return { used, allowed, waiting: waitingIn(queue.waiting) }
  })
  const redis = () => ({ ...redisStatus(), since: times.since('redis') })
  const listsOf = (caller: Caller): Upstream['cache']['organizations'] =>
    [...reading.listsInMemory()].flatMap(({ roster, ageMs }) => {
      const { organization, operators } = roster
      if (!mayTouch(caller, organization.id)) return []
      return {
        ...organization,
        operators: operators.length,
        ageSeconds: Math.max(0, Math.floor(ageMs / 1000)),
      }
    })
  return {
    health: (): Omit<Health, 'status'> => {
      const { state, checkedAt } = upstream.health()
      return { chathub: state, checkedAt, redis: redisStatus().state }
    },
    status: (): Status => {
      const { chathub, budget, queue } = upstream.status()
      const { state, since } = redis()
      return {
        chathub: { state: chathub.state, since: chathub.since },
        redis: { state, since },
        budget: times.budget(budget, waitingIn(queue.waiting)),
        checkedAt: chathub.checkedAt,
      }
    },
    /** Organizations and clients are shown to a caller alone, who sees those that it may know of. */
    upstream: (caller?: Caller): Upstream => {
      const { breaker, ...rest } = upstream.status()
      return {
        ...rest,
        recent: [...load.samples()],
        breaker: { ...breaker, since: times.since('breaker') },
        cache: { ...reading.rosters.size(), organizations: caller ? listsOf(caller) : [] },
        reads: metrics.reads(),
        redis: redis(),
        storage: parts.storage(),
        clients: caller ? keys.uses(caller) : [],
      }
    },
    /**
     * Of the clients that the caller may know of. One whose rights are not in the file of keys, as of a JWT, is shown to callers
     * of all organizations, and to itself.
     * @throws Failure `redis.unavailable`
     */
    usage: async (caller: Caller, day?: string): Promise<Usage> => {
      const usage = await metrics.usage(day)
      if (caller.organizations === '*') return usage
      const shown = new Set([minterOf(caller.id), ...keys.knownTo(caller).map(({ id }) => id)])
      return { ...usage, items: usage.items.filter(({ client }) => shown.has(client)) }
    },
    stopSampling: load.stop,
  }
}
