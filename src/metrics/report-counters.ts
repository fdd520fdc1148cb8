import { Counter, Histogram, type Registry } from 'prom-client'
import { operationKinds, rowOutcomes } from '../contract/operation.ts'
import { clientQuotas } from '../redis/quotas.ts'
import { type Report, redisErrorReasons, redisEvents, servedKinds, webhookOutcomes } from '../report.ts'

type Named<N extends Report['name']> = Extract<Report, { name: N }>
type Counting = { [N in Report['name']]?: (report: Named<N>) => void }
/** The values of each label that are known beforehand. A label without any has the values that come. */
type Labels = Record<string, readonly string[]>

/** The buckets that OpenTelemetry advises for HTTP durations, in seconds. */
export const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

const routes = ['login', 'organizations', 'operators', 'synchronize', 'status', 'token', 'validate']
const lanes = ['people', 'writes', 'imports', 'refreshes']
const outcomes = ['ok', 'chathub.unavailable', 'chathub.timeout', 'chathub.throttled', 'chathub.rejected']
const drifts = ['bad-row', 'duplicate-id', 'foreign-row', 'unknown-field', 'answer']
const files = ['API_KEYS', 'CHATHUB_COMPANY_TOKEN', 'CHATHUB_PASSWORD', 'REDIS_URL', 'SESSION_SECRET']
const rareEvents = [
  ...['slot-too-old', 'never-sent', 'load-invalidated', 'refresh-failed', 'list-shrank', 'token-refused'],
  ...['late-watch-full', 'webhook-dead-letter', 'webhook-stopped', 'webhook-interrupted'],
  ...['storage-ok', 'storage-full', 'switch-restored'],
  ...redisEvents.map((event) => `redis-${event}`),
]

const combinations = (labels: readonly (readonly string[])[]): string[][] =>
  labels.reduce<string[][]>(
    (all, values) => all.flatMap((start) => values.map((value) => [...start, value])),
    [[]],
  )

/**
 * Counts reports. Each series whose labels are known beforehand is there from the start with 0, so that the first event
 * shows as an increase. A label is a route, a code or a lane: never a name of a person, a client's text or a token.
 */
export const createReportCounters = (registry: Registry): ((report: Report) => void) => {
  const registers = [registry]
  const counter = <R>(
    name: string,
    help: string,
    labels: Labels,
    labelsOf: (report: R) => string[] = () => [],
    countOf: (report: R) => number = () => 1,
  ) => {
    const own = new Counter({ name, help, labelNames: Object.keys(labels), registers })
    for (const values of combinations(Object.values(labels))) own.labels(...values).inc(0)
    return (report: R): void => own.labels(...labelsOf(report)).inc(countOf(report))
  }
  const histogram = (name: string, help: string, label: string, values: readonly string[]) => {
    const own = new Histogram({ name, help, labelNames: [label], buckets: secondsBuckets, registers })
    for (const value of values) own.zero({ [label]: value })
    return (value: string, ms: number): void => own.labels(value).observe(ms / 1000)
  }

  // biome-ignore format: a table reads best one row a line
  const counters = {
    upstreamSeconds: histogram('http_client_request_duration_seconds', 'Time of one request to ChatHub.', 'http_route', routes),
    waitSeconds: histogram('gw_upstream_wait_seconds', 'Time that calls waited for a slot of the budget.', 'lane', lanes),
    upstream: counter<Named<'upstream'>>('gw_upstream_requests_total', 'Requests to ChatHub by outcome.', { route: routes, outcome: outcomes }, ({ operation, outcome }) => [operation, outcome]),
    events: counter<string>('gw_events_total', 'Rare events: shrunken lists, invalidated loads, failed refreshes, late slots, events given up for webhooks.', { event: rareEvents }, (name) => [name]),
    listReads: counter<Named<'cache'>>('gw_list_reads_total', 'Reads of lists by what the reader got.', { served: servedKinds }, ({ served }) => [served as string], ({ reads }) => reads),
    listAges: counter<Named<'cache'>>('gw_list_read_age_seconds_total', 'The ages of the lists that readers got, added up.', {}, () => [], ({ reads, ageMs }) => (reads * ageMs) / 1000),
    cacheEvents: counter<Named<'cache'>>('gw_cache_events_total', 'How reads of lists were answered.', { resource: ['operators', 'organizations'], event: ['hit', 'stale', 'miss', 'collapsed'] }, ({ list, event }) => [list, event], ({ reads }) => reads),
  }
  // biome-ignore format: a table reads best one row a line
  const counting: Counting = {
    cache: (report) => {
      counters.cacheEvents(report)
      if (!report.served) return
      counters.listReads(report)
      counters.listAges(report)
    },
    upstream: (report) => {
      counters.upstreamSeconds(report.operation, report.ms)
      counters.upstream(report)
    },
    'upstream-wait': ({ lane, ms }) => counters.waitSeconds(lane, ms),
    'upstream-paused': counter('gw_upstream_pauses_total', 'Pauses that ChatHub asked for.', {}),
    login: counter('gw_logins_total', 'Logins at ChatHub.', { result: ['ok', 'shared', 'throttled', 'refused', 'failed'] }, ({ result }) => [result]),
    'contract-drift': counter('gw_contract_drift_total', 'Rows and answers of ChatHub that are not as documented.', { operation: ['organizations', 'operators', 'synchronize'], what: drifts }, ({ operation, what, rows }) => [operation, rows > 0 ? what : 'answer'], ({ rows }) => Math.max(1, rows)),
    retry: counter('gw_upstream_retries_total', 'Reads that were repeated.', { route: routes }, ({ operation }) => [operation]),
    breaker: counter('gw_breaker_changes_total', 'State changes of the circuit breaker before ChatHub.', { state: ['open', 'half-open', 'closed'] }, ({ state }) => [state]),
    'secret-file': counter('gw_secret_reloads_total', 'Changed credential files, applied or refused.', { setting: files.map((file) => `${file}_FILE`), result: ['changed', 'kept'] }, ({ setting, result }) => [setting, result]),
    redis: ({ event }) => counters.events(`redis-${event}`),
    'redis-error': counter('gw_redis_errors_total', 'Commands and connections to Redis that failed.', { reason: redisErrorReasons }, ({ reason }) => [reason]),
    'quota-exceeded': counter('gw_quota_refusals_total', 'Requests that were refused because too much is kept.', { scope: ['client', 'organization'], kind: Object.keys(clientQuotas) }, ({ scope, kind }) => [scope, kind]),
    storage: ({ state }) => counters.events(`storage-${state}`),
    'late-write': counter('gw_late_writes_total', 'Operators that ChatHub added long after the request was given up.', {}, () => [], ({ operators }) => operators),
    'webhook-delivery': counter('gw_webhook_deliveries_total', 'Attempts to deliver events to webhooks by outcome.', { outcome: webhookOutcomes }, ({ outcome }) => [outcome]),
    write: counter('gw_write_rows_total', 'Rows of writes by outcome.', { operation: operationKinds, outcome: rowOutcomes }, ({ operation, outcome }) => [operation, outcome], ({ rows }) => rows),
  }
  return (report) => {
    const count = counting[report.name] as ((report: Report) => void) | undefined
    if (count) count(report)
    else counters.events(report.name)
  }
}
