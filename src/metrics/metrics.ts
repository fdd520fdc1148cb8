import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import { createReadAges } from './read-ages.ts'
import type { Report } from '../report.ts'
import { createRequestMetrics } from './request-metrics.ts'

const redisStates = ['none', 'ready', 'away', 'refused', 'unsupported'] as const

/** Values that are read when Prometheus scrapes. */
type Gauges = {
  clock: Clock
  version: string
  queueDepth(): Record<string, number>
  /** Requests a second that the budget allows now. */
  budgetRate(): number
  redisState(): (typeof redisStates)[number]
  storage(): { state: string; usedBytes: number | null; maxBytes: number | null }
}

/** The buckets that OpenTelemetry advises for HTTP durations, in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

type Counting = { [N in Report['name']]?: (report: Extract<Report, { name: N }>) => void }

/**
 * Every metric once. HTTP metrics have the names and labels of OpenTelemetry's semantic conventions. A label is a route, a
 * code or a lane: never a name of a person, a client's text or a token.
 */
export const createMetrics = (gauges: Gauges) => {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counter = <R>(
    name: string,
    help: string,
    labelNames: string[],
    labelsOf: (report: R) => string[],
    countOf: (report: R) => number = () => 1,
  ) => {
    const own = new Counter({ name, help, labelNames, registers })
    return (report: R): void => own.labels(...labelsOf(report)).inc(countOf(report))
  }
  const histogram = (name: string, help: string, label: string) =>
    new Histogram({ name, help, labelNames: [label], buckets, registers })
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers })

  const upstreamSeconds = histogram(
    'http_client_request_duration_seconds',
    'Time of one request to ChatHub.',
    'http_route',
  )
  const waitSeconds = histogram(
    'gw_upstream_wait_seconds',
    'Time that calls waited for a slot of the budget.',
    'lane',
  )
  // biome-ignore format: a table reads best one row a line
  const upstream = counter<Extract<Report, { name: 'upstream' }>>('gw_upstream_requests_total', 'Requests to ChatHub by outcome.', ['route', 'outcome'], ({ operation, outcome }) => [operation, outcome])
  // biome-ignore format: a table reads best one row a line
  const events = counter<string>('gw_events_total', 'Rare events: shrunken lists, invalidated loads, failed refreshes, late slots, events given up for webhooks.', ['event'], (name) => [name])
  const readAges = createReadAges(gauges.clock)
  type ListRead = Extract<Report, { name: 'cache' }>
  // biome-ignore format: a table reads best one row a line
  const listReads = counter<ListRead>('gw_list_reads_total', 'Reads of lists by what the reader got: fresh; revalidated; waited; stale.', ['served'], ({ served }) => [served as string], ({ reads }) => reads)
  // biome-ignore format: a table reads best one row a line
  const listAges = counter<ListRead>('gw_list_read_age_seconds_total', 'The ages of the lists that readers got, added up.', [], () => [], ({ reads, ageMs }) => (reads * ageMs) / 1000)
  // biome-ignore format: a table reads best one row a line
  const cacheEvents = counter<ListRead>('gw_cache_events_total', 'How reads of lists were answered.', ['resource', 'event'], ({ list, event }) => [list, event], ({ reads }) => reads)
  // biome-ignore format: a table reads best one row a line
  const counting: Counting = {
    cache: (report) => {
      cacheEvents(report)
      if (!report.served) return
      listReads(report)
      listAges(report)
      readAges.add(report.served, report.ageMs, report.reads)
    },
    upstream: (report) => {
      upstreamSeconds.labels(report.operation).observe(report.ms / 1000)
      upstream(report)
    },
    'upstream-wait': ({ lane, ms }) => waitSeconds.labels(lane).observe(ms / 1000),
    'upstream-paused': counter('gw_upstream_pauses_total', 'Pauses that ChatHub asked for.', [], () => []),
    login: counter('gw_logins_total', 'Logins at ChatHub.', ['result'], ({ result }) => [result]),
    'contract-drift': counter('gw_contract_drift_total', 'Rows and answers of ChatHub that broke its contract.', ['operation', 'what'], ({ operation, what, rows }) => [operation, rows > 0 ? what : 'answer'], ({ rows }) => Math.max(1, rows)),
    retry: counter('gw_upstream_retries_total', 'Reads that were repeated.', ['route'], ({ operation }) => [operation]),
    breaker: counter('gw_breaker_changes_total', 'State changes of the circuit breaker before ChatHub.', ['state'], ({ state }) => [state]),
    'secret-file': counter('gw_secret_reloads_total', 'Changed credential files, applied or refused.', ['setting', 'result'], ({ setting, result }) => [setting, result]),
    redis: ({ event }) => events(`redis-${event}`),
    'redis-error': counter('gw_redis_errors_total', 'Commands and connections to Redis that failed.', ['reason'], ({ reason }) => [reason]),
    'quota-exceeded': counter('gw_quota_refusals_total', 'Requests that were refused because too much is kept.', ['scope', 'kind'], ({ scope, kind }) => [scope, kind]),
    storage: ({ state }) => events(`storage-${state}`),
    'late-write': counter('gw_late_writes_total', 'Operators that ChatHub added long after the request was given up.', [], () => [], ({ operators }) => operators),
    'webhook-delivery': counter('gw_webhook_deliveries_total', 'Attempts to deliver events to webhooks by outcome.', ['outcome'], ({ outcome }) => [outcome]),
    write: counter('gw_write_rows_total', 'Rows of writes by outcome.', ['operation', 'outcome'], ({ operation, outcome }) => [operation, outcome], ({ rows }) => rows),
  }
  gauge('gw_build_info', 'The version of the gateway.', 'version').set({ version: gauges.version }, 1)
  const queueDepth = gauge('gw_upstream_queue_depth', 'Calls that wait for a slot.', 'lane')
  const budgetRate = gauge('gw_upstream_budget_rate', 'Requests a second that may go to ChatHub now.')
  const storageBytes = gauge(
    'gw_storage_bytes',
    'Memory of the storage of writes: in use, and the limit if there is one.',
    'what',
  )
  const storageFull = gauge('gw_storage_full', '1 while large writes are refused.')
  const p95Age = gauge('gw_list_read_age_p95_seconds', 'The age that 95 of 100 reads did not exceed lately.')
  const redisState = gauge('gw_redis_state', '1 for the current state of Redis, 0 for the others.', 'state')

  return {
    /** What readers of lists got lately. */
    reads: readAges.status,
    requestAnswered: createRequestMetrics(registry, buckets).answered,
    reported: (report: Report): void => {
      const count = counting[report.name] as ((report: Report) => void) | undefined
      if (count) count(report)
      else events(report.name)
    },
    /** The Prometheus text. */
    render: () => {
      for (const [lane, depth] of Object.entries(gauges.queueDepth())) queueDepth.set({ lane }, depth)
      budgetRate.set(gauges.budgetRate())
      p95Age.set(readAges.status().p95AgeSeconds ?? 0)
      const { state: storage, usedBytes, maxBytes } = gauges.storage()
      storageFull.set(storage === 'full' ? 1 : 0)
      storageBytes.set({ what: 'used' }, usedBytes ?? 0)
      storageBytes.set({ what: 'limit' }, maxBytes ?? 0)
      for (const state of redisStates) redisState.set({ state }, state === gauges.redisState() ? 1 : 0)
      return registry.metrics()
    },
  }
}
