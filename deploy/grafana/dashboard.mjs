// Writes chathub-gateway.json: node deploy/grafana/dashboard.mjs
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const datasource = { type: 'prometheus', uid: '${datasource}' }
const of = 'job="$job", instance=~"$instance"'
const requests = `http_server_request_duration_seconds_count{${of}}`
const answered = (labels) => `http_server_request_duration_seconds_count{${of}, ${labels}}`
const rate = (series) => `sum(rate(${series}[$__rate_interval]))`
const by = (label, series) => `sum by (${label}) (rate(${series}[$__rate_interval]))`
const quantile = (share, metric, label) =>
  `histogram_quantile(${share}, sum by (le${label ? `, ${label}` : ''}) (rate(${metric}_bucket{${of}}[$__rate_interval])))`
const named = (name, labels = '') => `${name}{${of}${labels && `, ${labels}`}}`

// A panel: its title, unit, what it means, and its queries by their legend.
const rows = {
  Now: [
    ['stat', 'ChatHub', 'short', 'up: it answers and accepts the credential.', { up: `min(${named('gw_chathub_up')})` }],
    ['stat', 'Company token', 'short', 'The state of the token.', { '{{state}}': `max by (state) (${named('gw_token_state')}) == 1` }],
    ['stat', 'Redis', 'short', 'The state of Redis as the instances see it.', { '{{state}}': `max by (state) (${named('gw_redis_state')}) == 1` }],
    ['stat', 'Breaker', 'short', 'The circuit breaker before ChatHub.', { '{{state}}': `max by (state) (${named('gw_breaker_state')}) == 1` }],
    ['stat', 'Budget used', 'percentunit', 'Requests of the last second by those that are allowed.', { used: `sum(${named('gw_budget_used_ratio')})` }],
    ['stat', 'Age of lists', 's', 'The mean age of the lists that readers got.', { age: `max(${named('gw_list_age_seconds')})` }],
    ['stat', 'Too few active', 'short', 'Organizations below their floor.', { organizations: `count(max by (organization) (${named('gw_coverage_low')}) == 1) or vector(0)` }],
    ['stat', 'Instances', 'short', 'Instances that can be scraped.', { instances: `sum(up{job="$job"})` }],
  ],
  'Requests to the gateway': [
    ['timeseries', 'Requests', 'reqps', 'By route.', { '{{http_route}}': by('http_route', requests) }],
    ['timeseries', 'Errors', 'percentunit', 'The share of answers with a status from 500.', { '5xx': `(${rate(answered('http_response_status_code=~"5.."'))} or vector(0)) / ${rate(requests)}`, refused: `(${rate(answered('http_response_status_code="429"'))} or vector(0)) / ${rate(requests)}` }],
    ['timeseries', 'Duration', 's', 'Half, 95 and 99 of 100 answers were sooner.', { p50: quantile(0.5, 'http_server_request_duration_seconds'), p95: quantile(0.95, 'http_server_request_duration_seconds'), p99: quantile(0.99, 'http_server_request_duration_seconds') }],
  ],
  'Lists': [
    ['timeseries', 'What readers got', 'percentunit', 'fresh; revalidated: old, refreshed after the answer; waited: new, after a wait; stale: old, because no new one came.', { '{{served}}': `sum by (served) (rate(${named('gw_list_reads_total')}[$__rate_interval])) / ignoring(served) group_left ${rate(named('gw_list_reads_total'))}` }],
    ['timeseries', 'Age', 's', 'Of the lists that readers got in about ten minutes.', { mean: `max(${named('gw_list_age_seconds')})`, p95: `max(${named('gw_list_read_age_p95_seconds')})` }],
    ['timeseries', 'Memory of lists', 'bytes', 'Lists of operators in memory.', { '{{instance}}': named('gw_cache_bytes') }],
  ],
  ChatHub: [
    ['timeseries', 'Requests and budget', 'reqps', 'Every request to ChatHub, and what is allowed to all instances.', { '{{outcome}}': `sum by (outcome) (rate(${named('gw_upstream_requests_total')}[$__rate_interval])) > 0`, allowed: `max(${named('gw_upstream_budget_rate')})` }],
    ['timeseries', 'Duration by call', 's', '95 of 100 were sooner.', { '{{http_route}}': quantile(0.95, 'http_client_request_duration_seconds', 'http_route') }],
    ['timeseries', 'Wait for the budget', 's', '95 of 100 waited less.', { '{{lane}}': quantile(0.95, 'gw_upstream_wait_seconds', 'lane') }],
    ['timeseries', 'Calls that wait', 'short', 'By lane.', { '{{lane}}': `sum by (lane) (${named('gw_upstream_queue_depth')})` }],
    ['timeseries', 'Rare events', 'short', 'Events of the last five minutes.', { '{{event}}': `sum by (event) (increase(${named('gw_events_total')}[5m])) > 0` }],
    ['timeseries', 'Not as documented', 'short', 'Rows and answers of ChatHub in the last hour.', { '{{operation}} {{what}}': `sum by (operation, what) (increase(${named('gw_contract_drift_total')}[1h]))` }],
  ],
  'Writes and imports': [
    ['timeseries', 'Rows', 'short', 'Rows of writes by outcome, in the last five minutes.', { '{{operation}} {{outcome}}': `sum by (operation, outcome) (increase(${named('gw_write_rows_total')}[5m])) > 0` }],
    ['timeseries', 'In doubt', 'short', 'Rows without a proof, and operators that ChatHub added late, in the last hour.', { 'in doubt': `sum(increase(${named('gw_write_rows_total', 'outcome="unknown"')}[1h]))`, late: `sum(increase(${named('gw_late_writes_total')}[1h]))` }],
    ['timeseries', 'Webhooks', 'short', 'Deliveries by outcome, in the last five minutes.', { '{{outcome}}': `sum by (outcome) (increase(${named('gw_webhook_deliveries_total')}[5m]))` }],
  ],
  Coverage: [
    ['timeseries', 'Active accounts', 'short', 'By organization.', { '{{organization}}': `max by (organization) (${named('gw_operators', 'status="active"')})` }],
    ['timeseries', 'Below the floor', 'short', '1 while too few accounts are active.', { '{{organization}}': `max by (organization) (${named('gw_coverage_low')})` }],
  ],
  Redis: [
    ['timeseries', 'Errors', 'short', 'Commands and connections that failed, in the last five minutes.', { '{{reason}}': `sum by (reason) (increase(${named('gw_redis_errors_total')}[5m]))` }],
    ['timeseries', 'Memory', 'bytes', 'Of the storage of writes; a limit of 0 is none.', { '{{what}}': `max by (what) (${named('gw_storage_bytes')})` }],
  ],
  'Node.js': [
    ['timeseries', 'CPU', 'percentunit', 'Of one core.', { '{{instance}}': `rate(${named('process_cpu_seconds_total')}[$__rate_interval])` }],
    ['timeseries', 'Memory', 'bytes', 'Resident, and heap in use.', { '{{instance}} resident': named('process_resident_memory_bytes'), '{{instance}} heap': named('nodejs_heap_size_used_bytes') }],
    ['timeseries', 'Event loop', 's', 'The delay that 99 of 100 turns do not exceed.', { '{{instance}}': named('nodejs_eventloop_lag_p99_seconds') }],
  ],
}

const letters = 'ABCDEFGH'
let y = 0
let id = 0
const panels = Object.entries(rows).flatMap(([title, list]) => {
  const row = { id: ++id, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: 24, h: 1 }, panels: [] }
  const [width, height] = list[0][0] === 'stat' ? [3, 4] : [8, 8]
  const drawn = list.map(([type, name, unit, description, queries], index) => ({
    id: ++id,
    type,
    title: name,
    description,
    datasource,
    gridPos: { x: (index * width) % 24, y: y + Math.floor((index * width) / 24) * height, w: width, h: height },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: type === 'stat' ? { textMode: queries['{{state}}'] ? 'name' : 'value', reduceOptions: { calcs: ['lastNotNull'] } } : { tooltip: { mode: 'multi' }, legend: { displayMode: 'list', placement: 'bottom' } },
    targets: Object.entries(queries).map(([legendFormat, expr], place) => ({ refId: letters[place], datasource, expr, legendFormat })),
  }))
  y += Math.ceil((list.length * width) / 24) * height
  return [row, ...drawn]
})

const variable = (name, query, more) => ({ name, type: 'query', datasource, query, refresh: 2, ...more })
export const dashboard = {
  uid: 'chathub-gateway',
  title: 'ChatHub gateway',
  tags: ['chathub'],
  schemaVersion: 39,
  timezone: 'browser',
  refresh: '30s',
  time: { from: 'now-1h', to: 'now' },
  templating: {
    list: [
      { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
      variable('job', 'label_values(gw_build_info, job)', { label: 'Job' }),
      variable('instance', 'label_values(gw_build_info{job="$job"}, instance)', { label: 'Instance', multi: true, includeAll: true, allValue: '.*' }),
    ],
  },
  panels,
}

export const text = `${JSON.stringify(dashboard, null, 1)}\n`
if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL('chathub-gateway.json', import.meta.url), text)
