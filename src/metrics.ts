import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RequestContext } from './http/request-context.ts'
import type { Report } from './report.ts'
import { createRequestMetrics } from './request-metrics.ts'

/** What is read at scrape time rather than counted. */
type Gauges = {
  queueDepth(): Record<string, number>
  budgetRate(): number
  redisDegraded(): boolean
}

export type Metrics = {
  requestAnswered(requestContext: RequestContext, status: number, ms: number): void
  reported(report: Report): void
  /** The Prometheus text. */
  render(): Promise<string>
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Every metric once. Labels are routes, codes and lanes: never a name, a client's text or a token. */
export const createMetrics = (gauges: Gauges): Metrics => {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, label: string) =>
    new Histogram({ name, help, labelNames: [label], buckets, registers })

  const names = { requests: 'gw_requests_total', durations: 'http_server_request_duration_seconds' }
  const tally = createRequestMetrics(registry, names, buckets)
  const cacheEvents = counter(
    'gw_cache_events_total',
    'How reads of lists were answered.',
    'resource',
    'event',
  )
  const upstream = counter(
    'gw_upstream_requests_total',
    'Requests to ChatHub by outcome.',
    'route',
    'outcome',
  )
  const upstreamSeconds = histogram('http_client_request_duration_seconds', 'Time ChatHub took.', 'route')
  const waits = histogram('gw_upstream_wait_seconds', 'Time calls waited for their slot.', 'lane')
  const logins = counter('gw_logins_total', 'Logins at ChatHub.', 'result')
  const drift = counter(
    'gw_contract_drift_total',
    'Rows and answers of ChatHub that broke its contract.',
    'operation',
    'what',
  )
  const retries = counter('gw_upstream_retries_total', 'Reads tried a second time.', 'route')
  const pauses = counter('gw_upstream_pauses_total', 'Pauses that ChatHub asked for.')
  const breaker = counter('gw_breaker_changes_total', 'Changes of a breaker.', 'breaker', 'state')
  const secrets = counter(
    'gw_secret_reloads_total',
    'Files that changed, taken or kept out.',
    'setting',
    'result',
  )
  const writes = counter('gw_write_rows_total', 'Rows of writes by outcome.', 'operation', 'outcome')
  const events = counter(
    'gw_events_total',
    'Rare events: shrunken lists, overtaken loads, failed refreshes, late slots.',
    'event',
  )

  const gauge = (name: string, help: string, labelNames: string[], set: (gauge: Gauge) => void) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        set(this)
      },
    })
  gauge('gw_upstream_queue_depth', 'Calls waiting for a slot.', ['lane'], (own) => {
    for (const [lane, depth] of Object.entries(gauges.queueDepth())) own.set({ lane }, depth)
  })
  gauge('gw_upstream_budget_rate', 'Requests a second that may go to ChatHub now.', [], (own) =>
    own.set(gauges.budgetRate()),
  )
  gauge('gw_redis_degraded', '1 while a configured Redis is away.', [], (own) =>
    own.set(gauges.redisDegraded() ? 1 : 0),
  )

  // One of each request's reports: its children are looked up once, for finding them costs more than counting.
  const cacheChildren = new Map<string, Map<string, { inc(): void }>>()
  const cacheChild = (list: string, event: string) => {
    const child = cacheEvents.labels(list, event)
    cacheChildren.set(list, (cacheChildren.get(list) ?? new Map()).set(event, child))
    return child
  }

  return {
    requestAnswered: ({ method, route }, status, ms) =>
      tally.add(methods.has(method) ? method : 'OTHER', route, status, ms),
    reported: (report) => {
      switch (report.name) {
        case 'cache':
          return (
            cacheChildren.get(report.list)?.get(report.event) ?? cacheChild(report.list, report.event)
          ).inc()
        case 'upstream':
          upstreamSeconds.labels(report.operation).observe(report.ms / 1000)
          return upstream.labels(report.operation, report.outcome).inc()
        case 'upstream-wait':
          return waits.labels(report.lane).observe(report.ms / 1000)
        case 'upstream-paused':
          return pauses.inc()
        case 'login':
          return logins.labels(report.result).inc()
        case 'contract-drift':
          return drift
            .labels(report.operation, report.rows > 0 ? report.what : 'answer')
            .inc(Math.max(1, report.rows))
        case 'retry':
          return retries.labels(report.operation).inc()
        case 'breaker':
          return breaker.labels(report.breaker, report.state).inc()
        case 'secret-file':
          return secrets.labels(report.setting, report.result).inc()
        case 'write':
          return writes.labels(report.operation, report.outcome).inc(report.rows)
        default:
          return events.labels(report.name).inc()
      }
    },
    render: () => registry.metrics(),
  }
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS'])
