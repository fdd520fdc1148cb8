import { createAccess } from './access/access.ts'
import { createSystemCaller } from './access/caller.ts'
import { createAssignments } from './assignments/assignments.ts'
import { createMemoryAssignments } from './assignments/memory-assignments.ts'
import { createRedisAssignments } from './assignments/redis-assignments.ts'
import { createAudit } from './audit/audit.ts'
import { createEraseName } from './audit/erase-name.ts'
import { createCoherence, memberMs, registry, singleInstance } from './cache/coherence.ts'
import { createMemoryStore } from './cache/memory-store.ts'
import { createRedisStore } from './cache/redis-store.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { createEvents } from './events/events.ts'
import { createGatewayState } from './gateway-state.ts'
import { createHttp } from './http/http.ts'
import { withServerTiming } from './http/server-timing.ts'
import { isStorable as storable } from './http/with-idempotency.ts'
import { createLists } from './lists/lists.ts'
import type { Log } from './log.ts'
import { createMetrics } from './metrics/metrics.ts'
import { createStateTimes } from './metrics/state-times.ts'
import { unlimited } from './redis/quotas.ts'
import { createMemoryRecords, createRedisRecords } from './redis/records.ts'
import { createRedis } from './redis/redis.ts'
import { createQuotas } from './redis/redis-quotas.ts'
import type { Report, Reporter } from './report.ts'
import { createLocalBudget, firstAskMs } from './throttle/budget.ts'
import { createSharedBudget } from './throttle/shared-budget.ts'
import { createSwitches } from './throttle/switches.ts'
import { createUpstream } from './throttle/upstream.ts'
import { noTracing, type Tracing } from './tracing/tracing.ts'
import { version } from './version.ts'
import { watchCredentials } from './watch-credentials.ts'
import { createWebhooks } from './webhooks/webhooks.ts'
import { createIdempotency } from './writes/idempotency.ts'
import { createWrites } from './writes/writes.ts'

type Given = { clock: Clock; tracing: Tracing; onReport: Reporter; consoleFolder: URL }

/**
 * The composition root, from the inside out. Each layer gets what it uses by name. Requests before `opened` are answered as
 * if Redis were away.
 */
export const createGateway = (config: Config, parts: { log: Log } & Partial<Given>) => {
  const { log, clock = systemClock, tracing: spans = noTracing, onReport, consoleFolder } = parts
  const tracing = config.serverTiming ? withServerTiming(spans, clock) : spans
  const metrics = createMetrics({
    ...config,
    clock,
    version,
    upstream: () => state.upstream(),
    switchesOn: () => switches.on(),
    redis: () => redis?.tolerant,
    lists: () => reading.listsInMemory(),
    isBelowFloor: (...counted) => observing.isBelowFloor(...counted),
  })
  const times = createStateTimes(clock)
  const report = (event: Report): void => {
    metrics.reported(event)
    log.reported(event)
    times.reported(event)
    onReport?.(event)
  }

  // What instances share.
  const { redisUrl, redisPrefix: prefix, redisTimeoutMs: commandMs, redisTimeoutMaxMs: timeoutMaxMs } = config
  const redisOptions = { prefix, commandMs, timeoutMaxMs, clock, report, tracing }
  const redis = redisUrl && createRedis({ url: redisUrl.reveal(), ...redisOptions })
  const redisStatus = () => redis?.status() ?? { state: 'none' as const, detail: null }
  const coherence = redis ? createCoherence({ redis, clock, instances: config.instances }) : singleInstance
  const newRecords = () => (redis ? createRedisRecords(redis.tolerant) : createMemoryRecords(clock))
  const audit = createAudit({ ...config, redis, clock })
  const quotas = createQuotas({ ...config, redis, clock, report })
  const onChange: typeof audit.onChange = (set) => audit.onChange(set).then(() => observing.written(set))
  const systemCaller = createSystemCaller()
  const common = { ...config, redis, quotas, clock, report, tracing, onChange, systemCaller }

  // The way to ChatHub.
  const switches = createSwitches({ ...common, logger: log.logger })
  const budget = redis
    ? createSharedBudget({ ...config, redis, clock, membership: coherence, registry, memberMs })
    : createLocalBudget({ requestsPerSecond: () => config.requestsPerSecond, clock, opensAt: firstAskMs })
  const upstream = createUpstream({ ...common, ...switches, proxies: config, budget })

  // Reading.
  const reading = createLists({
    ...common,
    chathub: upstream.chathub,
    store: redis ? createRedisStore(redis, clock, tracing) : createMemoryStore({ clock }),
    coherence,
    checkChatHub: upstream.check,
    observers: () => observing,
    late: { lateOperators: (caller, organization) => writing.lateOperators(caller, organization) },
  })

  // Writing.
  const { stop: stopWrites, ...writing } = createWrites({ ...common, ...reading, ...upstream, upstream })
  const observing = createEvents({ ...common, ...reading, ...writing, interests: () => hooks.interests() })
  const assignmentStore = redis ? createRedisAssignments(redis.tolerant) : createMemoryAssignments(clock)
  const assignments = createAssignments(reading.lists, assignmentStore, redis ? quotas : unlimited, clock)

  // Callers.
  const access = createAccess({ ...common, ...metrics, proxies: config, newRecords })
  const hooks = createWebhooks({ ...common, ...observing, keyNow: access.keys.peek, version })
  const stopWatching = watchCredentials({ ...upstream, ...access, ...hooks, config, redis, clock, report })
  const idempotency = createIdempotency({ ...common, ...writing, records: newRecords(), storable })
  const eraseName = createEraseName({ ...reading, ...writing, ...observing, audit, idempotency, clock })

  const stateParts = { times, upstream, reading, redisStatus, metrics, clock }
  const { stopSampling, ...state } = createGatewayState({ ...access, ...writing, ...stateParts })
  const services = { assignments, audit, access, idempotency, eraseName, switches, version, consoleFolder }
  const http = createHttp({
    ...common,
    ...reading,
    ...writing,
    ...state,
    ...metrics.services,
    ...services,
    webhooks: hooks.webhooks,
    events: observing.events,
    observe: (requestContext, status) => {
      const ms = clock.now() - requestContext.startedAt
      metrics.requestAnswered(requestContext, status, ms)
      log.requestAnswered(requestContext, status, ms)
      tracing.requestAnswered(requestContext, status)
    },
    onInternal: (err, requestId) => log.logger.error({ err, requestId }, 'internal error'),
  })

  const opened = redis?.opened ?? Promise.resolve()
  void opened.then(switches.start).then(upstream.startProbes)
  return {
    ...http,
    /** Resolves when Redis is connected or has refused, after half a second at most. */
    opened,
    /** Stops running writes by `stopBy` (monotonic ms), then closes all connections. No request may be in flight. */
    close: async (stopBy = clock.now() + 24_000): Promise<void> => {
      await hooks.stop()
      const timers = [stopWatching, switches.stop, observing.stop, reading.stopRefreshing, stopSampling]
      for (const stop of timers) stop()
      await stopWrites(stopBy)
      await metrics.stop()
      await coherence.close()
      redis?.close()
      await upstream.close()
    },
  }
}

export type Gateway = ReturnType<typeof createGateway>
