import type { Clock } from '../clock.ts'
import { fold } from '../contract/names.ts'
import type { Redis } from '../redis/redis.ts'
import { type Baseline, organizationOf, type Row } from './operation.ts'

/** What was found is shown for this long. */
export const watchKeepMs = 7 * 24 * 3600 * 1000

/** What ChatHub may still do for one operation: a request of it was in doubt, and was not found in the list. */
export type Watch = Readonly<{
  operation: string
  /** Ms on the clock of the store, as `lookedAt`. */
  since: number
  /** The newest list that was compared was asked for then. */
  lookedAt: number
  /** The ids that are known to carry each name. Another one is the request, applied late. */
  names: Baseline
  /** Operators that were found so. */
  late: readonly number[]
}>

/** Where watches are kept, in this process or in Redis. They change under the lock of their organization only. */
export type Watches = {
  /** Ms on a clock that all instances share. */
  now(): Promise<number>
  /** Those of an organization, oldest first. */
  of(organization: number): Promise<Watch[]>
  all(): Promise<Watch[]>
  put(watch: Watch): Promise<void>
  remove(watch: Watch): Promise<void>
}

const oldestFirst = (watches: Watch[]): Watch[] => watches.sort((a, b) => a.since - b.since)

export const createMemoryWatches = (clock: Clock): Watches => {
  const watches = new Map<string, Watch>()
  const all = async () => oldestFirst([...watches.values()])
  return {
    now: async () => clock.now(),
    of: async (organization) =>
      (await all()).filter(({ operation }) => organizationOf(operation) === organization),
    all,
    put: async (watch) => void watches.set(watch.operation, watch),
    remove: async ({ operation }) => void watches.delete(operation),
  }
}

export const watchesKey = (organization: number): string => `journal:{${organization}}:watches:1`

/** A hash per organization, by the id of the operation; and the set of organizations that have one. */
export const createRedisWatches = ({ prefix, run }: Redis): Watches => {
  const key = (organization: number): string => prefix + watchesKey(organization)
  const organizations = `${prefix}journal:watched`
  const of = async (organization: number): Promise<Watch[]> => {
    const kept = await run((client) => client.hvals(key(organization)))
    return oldestFirst(kept.map((text) => JSON.parse(text) as Watch))
  }
  /** Another instance may put a watch meanwhile: then it is listed again. */
  const unlist = async (organization: string): Promise<void> => {
    await run((client) => client.srem(organizations, organization))
    const isWatched = (await of(Number(organization))).length > 0
    if (isWatched) await run((client) => client.sadd(organizations, organization))
  }
  return {
    now: async () => {
      const [seconds = 0, microseconds = 0] = await run((client) => client.time())
      return Number(seconds) * 1000 + Number(microseconds) / 1000
    },
    of,
    all: async () => {
      const found: Watch[] = []
      for (const organization of await run((client) => client.smembers(organizations))) {
        const watches = await of(Number(organization))
        if (watches.length === 0) await unlist(organization)
        found.push(...watches)
      }
      return found
    },
    put: async (watch) => {
      const organization = organizationOf(watch.operation)
      await run((client) => client.hset(key(organization), watch.operation, JSON.stringify(watch)))
      await run((client) => client.pexpire(key(organization), watchKeepMs))
      await run((client) => client.sadd(organizations, organization))
    },
    remove: async ({ operation }) =>
      void (await run((client) => client.hdel(key(organizationOf(operation)), operation))),
  }
}

/** Operators that the gateway created become known, so that they are not taken for a request that was applied late. */
export const learnCreated = async (
  watches: Pick<Watches, 'of' | 'put'>,
  organization: number,
  rows: readonly Row[],
): Promise<void> => {
  const created = new Map<string, number[]>()
  for (const { outcome, id, name } of rows)
    if (outcome === 'created' && id !== undefined && name !== undefined)
      created.set(fold(name), [...(created.get(fold(name)) ?? []), id])
  if (created.size === 0) return
  for (const watch of await watches.of(organization)) {
    if (!watch.names.some(([name]) => created.has(name))) continue
    await watches.put({ ...watch, names: withIds(watch.names, created) })
  }
}

/** The names with further known ids. */
export const withIds = (names: Baseline, more: ReadonlyMap<string, readonly number[]>): Baseline =>
  names.map(([name, ids]) => [name, [...new Set([...ids, ...(more.get(name) ?? [])])]])
