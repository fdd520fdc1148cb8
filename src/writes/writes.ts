import type { Cache } from '../cache/cache.ts'
import { registry } from '../cache/coherence.ts'
import type { ChatHub } from '../chathub/client.ts'
import { alone, type Clock, every, pause } from '../clock.ts'
import type { OnChange } from '../contract/audit.ts'
import type { Organizations } from '../lists/organizations.ts'
import type { Roster } from '../lists/roster.ts'
import type { Quotas } from '../redis/quotas.ts'
import type { Redis } from '../redis/redis.ts'
import type { Reporter } from '../report.ts'
import type { Tracing } from '../tracing/tracing.ts'
import { createAdd, createImports } from './add.ts'
import { createChangeStatus } from './change-status.ts'
import { createEraseInOperations } from './erase-names.ts'
import { createJournal, type Journal } from './journal.ts'
import { createLateWatch } from './late-watch.ts'
import { createMemoryJournal } from './memory-journal.ts'
import { createOperationWriter } from './operation-writer.ts'
import { createOperations } from './operations.ts'
import { createLocalOrganizationLock } from './organization-lock.ts'
import { firstLookMs } from './reconciler.ts'
import { createRedisJournal } from './redis-journal.ts'
import { createRedisOrganizationLock } from './redis-organization-lock.ts'
import { createRowsInTime } from './rows-in-time.ts'
import { createRunner, type Runner } from './runner.ts'
import { createStorage, redisUsage } from './storage.ts'
import { createMemoryWatches, createRedisWatches } from './watches.ts'

/** The writing side: one engine under the organization's lock, with its journal in memory or in Redis. */
export const createWrites = (options: {
  chathub: ChatHub
  rosters: Cache<Roster>
  organizations: Organizations
  redis: Redis | undefined
  quotas: Quotas
  /** The longest that a request to ChatHub takes, ms. */
  timeoutMs: number
  upstream: Parameters<typeof createRowsInTime>[0]['upstream']
  writeDeadlineMs: number
  batchSize: number
  settleMs: number
  lateWindowMs: number
  rowsKeepMs: number
  storageHighPercent: number
  clock: Clock
  report: Reporter
  onChange: OnChange
  tracing?: Tracing
}) => {
  const { rosters: cache, redis, clock, report } = options
  const grace = { graceMs: options.timeoutMs, redisDataSince: registry.redisDataSince }
  const lock = redis
    ? createRedisOrganizationLock({ redis: redis.tolerant, clock, ...grace })
    : createLocalOrganizationLock(clock)
  const common = { ...options, lock }
  const memory = redis ? undefined : createMemoryJournal(common)
  const store = memory ?? createRedisJournal({ ...common, redis: (redis as Redis).tolerant })
  const watches = redis ? createRedisWatches(redis.tolerant) : createMemoryWatches(clock)
  const journal = createJournal(store, clock, report, options.onChange, watches)
  const looks = { firstMs: firstLookMs(options.settleMs), windowMs: options.lateWindowMs }
  const late = createLateWatch({ watches, cache, journal, clock, report, ...looks })
  const runner = createRunner({ ...options, cache, journal, late })
  const usage = redis ? redisUsage(redis) : async () => memory?.usage()
  const storage = createStorage({ usage, highPercent: options.storageHighPercent, clock, report })
  const writer = createOperationWriter({ ...options, cache, journal, runner, storage })
  const stopSweeping = sweep(journal, runner, clock)
  const stopWatching = late.start()
  return {
    add: createAdd(writer),
    changeStatus: createChangeStatus(writer, cache),
    imports: createImports(writer, options.organizations),
    rowsInTime: createRowsInTime(options),
    eraseInOperations: createEraseInOperations(journal, watches, clock),
    listLoaded: late.loaded,
    betweenWrites: late.betweenWrites,
    lateOperators: late.lateOperators,
    operations: createOperations(journal, runner, writer, clock, options.onChange),
    storage: storage.status,
    /** Resolves when the running chunks are kept and all locks are released, or at `stopBy` (monotonic ms). */
    stop: (stopBy: number): Promise<void> => {
      storage.stop()
      stopSweeping()
      stopWatching()
      return Promise.race([runner.stop(), pause(clock, stopBy - clock.now())])
    },
  }
}

const sweepMs = 5000
// A younger operation has a live owner, or its lock has not run out yet.
const orphanMs = 20_000

/** Carries on operations that a stopped instance left, every five seconds. The returned function ends it. */
export const sweep = (journal: Journal, runner: Pick<Runner, 'run'>, clock: Clock): (() => void) => {
  // When each was first seen open here: the clock of the instance that began it may differ.
  let seenAt = new Map<string, number>()
  // Thousands of open operations may take longer to read than the next turn takes to come.
  const sweepOnce = alone(async () => {
    const open = await journal.open().catch(() => [])
    seenAt = new Map(open.map(({ id }) => [id, seenAt.get(id) ?? clock.now()]))
    for (const { id, state, startedAt } of open) {
      const ageMs = Math.max(clock.wall() - startedAt, clock.now() - (seenAt.get(id) as number))
      if (state === 'queued' || ageMs > orphanMs) void runner.run(id)
    }
  })
  sweepOnce()
  return every(clock, sweepMs, sweepOnce)
}
