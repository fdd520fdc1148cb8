import type { Server } from 'node:http'
import { createAuthenticate } from './access/authenticate.ts'
import { createSystemCaller } from './access/caller.ts'
import { createClientLimit } from './access/client-limit.ts'
import { createGatewayTokens } from './access/gateway-tokens.ts'
import { createJwtFinder } from './access/jwt.ts'
import { createKeys } from './access/keys.ts'
import { createSessions } from './access/sessions.ts'
import { createAssignments } from './assignments/assignments.ts'
import { createMemoryAssignments } from './assignments/memory-assignments.ts'
import { createRedisAssignments } from './assignments/redis-assignments.ts'
import { createCache } from './cache/cache.ts'
import { createCoherence, memberMs, registry, singleInstance } from './cache/coherence.ts'
import { createMemoryStore } from './cache/memory-store.ts'
import { createRedisStore } from './cache/redis-store.ts'
import { createChatHub } from './chathub/client.ts'
import { createCompanyToken } from './chathub/company-token.ts'
import { createExchange } from './chathub/exchange.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { createOpenApi } from './contract/openapi.ts'
import type { Health } from './contract/system.ts'
import { createCors } from './http/cors.ts'
import { createFastPath } from './http/fast-path.ts'
import { createResponseBatcher, type Observe } from './http/response-batcher.ts'
import { createRouter } from './http/router.ts'
import { mountAssignments } from './http/routes/assignments.ts'
import { mountDocs } from './http/routes/docs.ts'
import { mountDropIn } from './http/routes/drop-in.ts'
import { mountGateway } from './http/routes/gateway.ts'
import { mountHealth } from './http/routes/health.ts'
import { mountOperations } from './http/routes/operations.ts'
import { mountOperators } from './http/routes/operators.ts'
import { mountOrganizations } from './http/routes/organizations.ts'
import { mountSessions } from './http/routes/sessions.ts'
import { mountTokens } from './http/routes/tokens.ts'
import { createServer } from './http/server.ts'
import { createWithIdempotency, isStorable } from './http/with-idempotency.ts'
import { createDiagnose } from './lists/diagnosis.ts'
import { createDirectory } from './lists/directory.ts'
import { createOperatorIndex } from './lists/operator-index.ts'
import { createOperatorLists, rosterLoader } from './lists/operator-lists.ts'
import { createOperatorTokens } from './lists/operator-tokens.ts'
import { createOrganizations, decodeOrganizations, organizationsLoader } from './lists/organizations.ts'
import { createPurge } from './lists/purge.ts'
import { decodeRoster } from './lists/roster.ts'
import type { Log } from './log.ts'
import { createMetrics } from './metrics.ts'
import { createMemoryRecords, createRedisRecords } from './redis/records.ts'
import { createRedis } from './redis/redis.ts'
import type { Report } from './report.ts'
import { createBreaker } from './throttle/breaker.ts'
import { createLocalBudget, firstAskMs } from './throttle/budget.ts'
import { createPriorityQueue } from './throttle/priority-queue.ts'
import { withRateLimit } from './throttle/rate-limit.ts'
import { withRetry } from './throttle/retry.ts'
import { createSharedBudget } from './throttle/shared-budget.ts'
import { version } from './version.ts'
import { watchCredentials } from './watch-credentials.ts'
import { createAdd } from './writes/add.ts'
import { createChangeStatus } from './writes/change-status.ts'
import { createIdempotency } from './writes/idempotency.ts'
import { createImports } from './writes/imports.ts'
import { createMemoryJournal } from './writes/journal.ts'
import { createOperations } from './writes/operations.ts'
import { createLocalOrganizationLock } from './writes/organization-lock.ts'
import { createRedisJournal } from './writes/redis-journal.ts'
import { createRedisOrganizationLock } from './writes/redis-organization-lock.ts'
import { createRunner } from './writes/runner.ts'

export type Gateway = {
  /** Not listening yet; what comes before `opened` is answered as if Redis were away. */
  server: Server
  /** Metrics and health without a key, for `OPS_PORT`. */
  opsServer: Server
  /** Resolves when Redis, where there is one, is there or must be done without for now: at most half a second. */
  opened: Promise<void>
  /** From here on every answer says `Connection: close` and readiness fails. */
  drain(): void
  /** Ends what would keep the process alive; in-flight requests must have ended. */
  close(): Promise<void>
}

/** `commandMs`: the longest that a reader waits for Redis; tests hand in more for busy machines. */
type Parts = { log: Log; clock?: Clock; onReport?: (report: Report) => void; commandMs?: number | undefined }

/** The whole wiring, innermost first. Nothing is discovered: what a room uses is handed to it here. */
export const createGateway = (
  config: Config,
  { log, clock = systemClock, onReport, commandMs }: Parts,
): Gateway => {
  let draining = false
  const report = (told: Report): void => {
    metrics.reported(told)
    log.reported(told)
    onReport?.(told)
  }

  // What the instances share.
  const redis =
    config.redisUrl &&
    createRedis({ url: config.redisUrl.reveal(), prefix: config.redisPrefix, clock, report, commandMs })
  const redisStatus = () => redis?.status() ?? { state: 'none' as const, detail: null }
  const coherence = redis ? createCoherence({ redis, clock, instances: config.instances }) : singleInstance

  // The way to ChatHub, one function type in layers.
  const { requestsPerSecond, queueMax, timeoutMs, authHeader } = config
  const budget = redis
    ? createSharedBudget({ redis, requestsPerSecond, clock, membership: coherence, registry, memberMs })
    : createLocalBudget({ requestsPerSecond: () => requestsPerSecond, clock, opensAt: firstAskMs })
  const queue = createPriorityQueue({
    budget,
    queueMax,
    answerMs: Math.min(timeoutMs, 500),
    clock,
    report: (lane, ms) => report({ name: 'upstream-wait', lane, ms }),
  })
  const breaker = createBreaker({ clock, report })
  const credentials = { token: config.companyToken, login: config.login, password: config.password }
  const companyToken = createCompanyToken({ credentials, clock, report })
  const upstream = createExchange({ origin: config.chathubUrl, authHeader, timeoutMs, clock, report })
  let exchange = upstream.exchange
  exchange = withRateLimit(exchange, queue, report)
  exchange = breaker.withBreaker(exchange)
  exchange = withRetry(exchange, { clock, report })
  exchange = companyToken.withToken(exchange)
  const chathub = createChatHub(exchange, report)

  // What is remembered.
  const systemCaller = createSystemCaller()
  const store = redis ? createRedisStore(redis, clock) : createMemoryStore({ clock })
  const { freshMs, revalidateMs, waitMs, staleMs } = config
  const remembering = { store, coherence, clock, report }
  const organizationCache = createCache({
    ...remembering,
    list: 'organizations',
    times: { freshMs: config.organizationsFreshMs, revalidateMs, waitMs, staleMs },
    load: organizationsLoader(chathub, report),
    decode: decodeOrganizations,
  })
  const organizations = createOrganizations(organizationCache, clock)
  const index = createOperatorIndex(redis)
  const rosters = createCache({
    ...remembering,
    list: 'operators',
    times: { freshMs, revalidateMs, waitMs, staleMs },
    load: rosterLoader({ chathub, organizations, systemCaller, learn: index.learn, report }),
    decode: decodeRoster,
  })

  // The subject.
  const lists = createOperatorLists(rosters, organizations)
  const directory = createDirectory({ lists, organizations, index, systemCaller, clock })
  const { batchSize, settleMs } = config
  const organizationLock = redis
    ? createRedisOrganizationLock({
        redis: redis.tolerant,
        clock,
        graceMs: timeoutMs,
        redisDataSince: registry.redisDataSince,
      })
    : createLocalOrganizationLock(clock)
  const journal = redis ? createRedisJournal(redis.tolerant, clock) : createMemoryJournal(clock)
  const runner = createRunner({ chathub, cache: rosters, journal, organizationLock, clock, report, settleMs })
  const writing = { chathub, cache: rosters, journal, runner, clock, batchSize }
  const add = createAdd(writing)
  const changeStatus = createChangeStatus(writing)
  const imports = createImports(writing)
  const operations = createOperations({ journal, organizationLock, runner, clock })
  const stopSweeping = operations.sweep()
  const tokens = createOperatorTokens({ chathub, lists, clock })
  const assignments = createAssignments({
    lists,
    store: redis ? createRedisAssignments(redis.tolerant) : createMemoryAssignments({ clock }),
  })
  const diagnose = createDiagnose({
    organizations,
    lists,
    cache: rosters,
    token: companyToken.status,
    reachable: () => breaker.state() !== 'open',
    clock,
  })
  const purge = createPurge({ operators: rosters, organizations: organizationCache })

  // Who is calling.
  const keys = createKeys(config.clients.entries, clock)
  const limit = createClientLimit(clock)
  // Without Redis a room each: whoever fills one pushes nothing out of the others.
  const newRecords = () => (redis ? createRedisRecords(redis.tolerant) : createMemoryRecords(clock))
  const gatewayTokens = createGatewayTokens({ keys, records: newRecords(), clock, limit })
  const { jwksUrl, jwtIssuer: issuer, jwtAudience: audience, sessionSecret } = config
  const sessions =
    sessionSecret && createSessions({ secret: sessionSecret, records: newRecords(), keys, clock })
  const findByJwt =
    jwksUrl && issuer && audience ? [createJwtFinder({ jwksUrl, issuer, audience, clock })] : []
  const authenticate = createAuthenticate([keys.find, gatewayTokens.find, ...findByJwt], sessions)
  const stopWatching = watchCredentials({ config, keys, companyToken, redis, sessions, clock, report })

  // The router.
  const metrics = createMetrics({
    queueDepth: queue.waiting,
    budgetRate: () => budget.status().allowedNow,
    redisState: () => redisStatus().state,
  })
  const observe: Observe = (requestContext, status) => {
    const ms = clock.now() - requestContext.startedAt
    metrics.requestAnswered(requestContext, status, ms)
    log.requestAnswered(requestContext, status, ms)
  }
  const closing = (): boolean => draining
  const chathubHealth = (): Health['chathub'] => {
    if (companyToken.status().state === 'refused') return 'refused'
    return breaker.state() === 'closed' ? 'ok' : 'unavailable'
  }
  const health = (): Health => ({
    status: draining ? 'draining' : 'ok',
    chathub: chathubHealth(),
    redis: redisStatus().state,
  })
  const { readDeadlineMs, writeDeadlineMs, trustProxy } = config
  // A request ends at its deadline; twice that is surely over.
  const abandonedMs = 2 * writeDeadlineMs
  const withIdempotency = createWithIdempotency(
    createIdempotency({ records: newRecords(), clock, storable: isStorable, abandonedMs }),
  )
  const responseBatcher = createResponseBatcher({ observe, closing })
  const entering = { authenticate, limit, responseBatcher }
  const makeDoor = () =>
    createRouter({
      ...entering,
      observe,
      closing,
      withIdempotency,
      fastPath: createFastPath(entering),
      clock,
      readDeadlineMs,
      writeDeadlineMs,
    })
  const router = makeDoor()
  mountOperators(router, { lists, directory, add, changeStatus })
  mountOperations(router, { operations, organizations, imports, add, changeStatus, tokens, clock })
  mountOrganizations(router, { organizations, diagnose })
  mountTokens(router, { tokens, clock })
  mountAssignments(router, { assignments })
  mountDropIn(router, { organizations, lists, directory, add, changeStatus, tokens, gatewayTokens })
  mountGateway(router, {
    purge,
    upstream: () => ({
      token: companyToken.status(),
      queue: { waiting: queue.waiting(), max: queueMax },
      budget: budget.status(),
      breaker: { state: breaker.state() },
      cache: rosters.size(),
      redis: redisStatus(),
      clients: keys.uses().map(({ lastUsedAt, ...use }) => ({
        ...use,
        lastUsedAt: lastUsedAt === undefined ? null : new Date(lastUsedAt).toISOString(),
      })),
    }),
  })
  if (sessions) mountSessions(router, { sessions, sameSite: config.sessionSameSite, clock })
  mountDocs(router)
  const opsDoor = makeDoor()
  const watched = { health, metrics: metrics.render }
  mountHealth(router, { ...watched, openapi: () => openapi })
  mountHealth(opsDoor, { ...watched, openapi: () => openapi, withoutKey: true })
  const openapi = Buffer.from(JSON.stringify(createOpenApi(router.endpoints, version)))
  const serving = {
    cors: createCors(config.corsOrigins),
    clock,
    responseBatcher,
    observe,
    trustProxy,
    deadlineMs: Math.max(readDeadlineMs, writeDeadlineMs),
    onInternal: (err: unknown, requestId: string) => log.logger.error({ err, requestId }, 'internal error'),
  }

  return {
    server: createServer({ router, ...serving }),
    opsServer: createServer({ router: opsDoor, ...serving }),
    opened: redis?.opened ?? Promise.resolve(),
    drain: () => {
      draining = true
      router.endStreams()
    },
    close: async () => {
      stopWatching()
      stopSweeping()
      await coherence.close()
      redis?.close()
      await upstream.close()
    },
  }
}
