import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RequestContext } from './http/request-context.ts'
import type { Report } from './report.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { version } from './version.ts'

const redisStates = ['none', 'ready', 'away', 'unsupported'] as const

/** Values that are read when Prometheus scrapes. */
type Gauges = {
  queueDepth(): Record<string, number>
  /** Requests a second that the budget allows now. */
  budgetRate(): number
  redisState(): (typeof redisStates)[number]
}

export type Metrics = {
  requestAnswered(requestContext: RequestContext, status: number, ms: number): void
  reported(report: Report): void
  /** The Prometheus text. */
  render(): Promise<string>
}

/** The buckets that OpenTelemetry advises for HTTP durations, in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/**
 * Every metric once. HTTP metrics have the names and labels of OpenTelemetry's semantic conventions. A label is a route, a
 * code or a lane: never a name of a person, a client's text or a token.
 */
export const createMetrics = (gauges: Gauges): Metrics => {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, ...labelNames: string[]) =>
    new Histogram({ name, help, labelNames, buckets, registers })
  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge) => void) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        read(this)
      },
    })

  // biome-ignore format: a table reads best one row a line
  const counters = {
    cache: counter('gw_cache_events_total', 'How reads of lists were answered.', 'resource', 'event'),
    upstream: counter('gw_upstream_requests_total', 'Requests to ChatHub by outcome.', 'route', 'outcome'),
    logins: counter('gw_logins_total', 'Logins at ChatHub.', 'result'),
    drift: counter('gw_contract_drift_total', 'Rows and answers of ChatHub that broke its contract.', 'operation', 'what'),
    retries: counter('gw_upstream_retries_total', 'Reads that were repeated.', 'route'),
    pauses: counter('gw_upstream_pauses_total', 'Pauses that ChatHub asked for.'),
    breaker: counter('gw_breaker_changes_total', 'State changes of the circuit breaker before ChatHub.', 'state'),
    secrets: counter('gw_secret_reloads_total', 'Changed credential files, applied or refused.', 'setting', 'result'),
    rows: counter('gw_write_rows_total', 'Rows of writes by outcome.', 'operation', 'outcome'),
    redisErrors: counter('gw_redis_errors_total', 'Commands and connections to Redis that failed.', 'reason'),
    events: counter('gw_events_total', 'Rare events: shrunken lists, invalidated loads, failed refreshes, late slots.', 'event'),
  }
  // biome-ignore format: a table reads best one row a line
  const histograms = {
    client: histogram('http_client_request_duration_seconds', 'Time of one request to ChatHub.', 'http_route'),
    wait: histogram('gw_upstream_wait_seconds', 'Time that calls waited for a slot of the budget.', 'lane'),
  }
  gauge('gw_build_info', 'The version of the gateway.', ['version'], (own) => own.set({ version }, 1))
  gauge('gw_upstream_queue_depth', 'Calls that wait for a slot.', ['lane'], (own) => {
    for (const [lane, depth] of Object.entries(gauges.queueDepth())) own.set({ lane }, depth)
  })
  gauge('gw_upstream_budget_rate', 'Requests a second that may go to ChatHub now.', [], (own) =>
    own.set(gauges.budgetRate()),
  )
  gauge('gw_redis_state', '1 for the current state of Redis, 0 for the others.', ['state'], (own) => {
    for (const state of redisStates) own.set({ state }, state === gauges.redisState() ? 1 : 0)
  })

  return {
    requestAnswered: createRequestMetrics(registry, buckets).answered,
    reported: (report) => {
      switch (report.name) {
        case 'cache':
          return counters.cache.labels(report.list, report.event).inc()
        case 'upstream':
          histograms.client.labels(report.operation).observe(report.ms / 1000)
          return counters.upstream.labels(report.operation, report.outcome).inc()
        case 'upstream-wait':
          return histograms.wait.labels(report.lane).observe(report.ms / 1000)
        case 'upstream-paused':
          return counters.pauses.inc()
        case 'login':
          return counters.logins.labels(report.result).inc()
        case 'contract-drift':
          return counters.drift
            .labels(report.operation, report.rows > 0 ? report.what : 'answer')
            .inc(Math.max(1, report.rows))
        case 'retry':
          return counters.retries.labels(report.operation).inc()
        case 'breaker':
          return counters.breaker.labels(report.state).inc()
        case 'secret-file':
          return counters.secrets.labels(report.setting, report.result).inc()
        case 'redis':
          return counters.events.labels(`redis-${report.event}`).inc()
        case 'redis-error':
          return counters.redisErrors.labels(report.reason).inc()
        case 'write':
          return counters.rows.labels(report.operation, report.outcome).inc(report.rows)
        default:
          return counters.events.labels(report.name).inc()
      }
    },
    render: () => registry.metrics(),
  }
}
