import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@jest/globals'
import { examples } from '../../src/contract/examples.ts'
import type { Upstream } from '../../src/contract/system.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { createClock } from '../support/clock.ts'

type Series = { labels: Record<string, string>; metricName?: string }
type Metric = { name: string; help: string; type: string; values: Series[] }

const roster = {
  organization: { id: 24 },
  statistics: () => ({ total: 3, active: 1, inactive: 2, deleted: 0, unknown: 0 }),
}
const make = (options: { organizationsMax?: number; ageMs?: number; upstream?: Partial<Upstream> } = {}) =>
  createMetrics({
    clock: createClock(),
    version: '1.2.3',
    redis: () => undefined,
    upstream: () => ({ ...(examples['Upstream'] as Upstream), ...options.upstream }),
    switchesOn: () => ['readOnly'],
    metricsOrganizationsMax: options.organizationsMax ?? 100,
    lists: () =>
      [24, 6].map((id) => ({ roster: { ...roster, organization: { id } }, ageMs: options.ageMs ?? 0 })),
    isBelowFloor: (organization, active) => organization === 24 && active === 1,
  })

const page = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url))
/** Labels with their values, or what kind of value comes. */
const described: Record<string, string> = {
  http_route: 'the route of the contract, or a call of ChatHub',
  http_request_method: 'GET, HEAD, POST, PATCH, DELETE, PUT, OPTIONS, _OTHER',
  http_response_status_code: 'the status',
  organization: 'the id',
  version: 'the version',
}
const rowOf = ({ name, help, type, values }: Metric): string => {
  const names = [...new Set(values.flatMap((one) => Object.keys(one.labels)))].filter(
    (label) => label !== 'le',
  )
  const labels = names.map((label) => {
    const known = [...new Set(values.map((one) => one.labels[label]))].map((value) => `\`${value}\``)
    return `\`${label}\`: ${described[label] ?? known.join(' ')}`
  })
  return `| \`${name}\` | ${type} | ${labels.join('; ')} | ${help} |`
}
const pageOf = (metrics: Metric[]): string => {
  const table = (of: (name: string) => boolean): string => {
    const rows = metrics.filter(({ name }) => of(name)).map(rowOf)
    return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n')
  }
  const own = (name: string): boolean => name.startsWith('gw_') || name.startsWith('http_')
  const others = metrics.filter(({ name }) => !own(name)).map(({ name }) => `\`${name}\``)
  return `# Metrics

Made from the metrics themselves. \`UPDATE=true npm test -- test/metrics\` writes it again.

\`GET /metrics\` needs the scope \`metrics:read\`. The listener of \`OPS_PORT\` has it without a key. Each series with known labels is
there from the start, with 0. HTTP metrics have the names, labels and buckets of OpenTelemetry; their series begin with the
first answer. No label holds a name of a person, a text of a client or a token.

With several instances: add counters; take the greatest of gauges, since each instance tells what it sees. An instance counts
the operators of lists that are at most five minutes old.

## Requests to the gateway and to ChatHub

${table((name) => name.startsWith('http_'))}

## The gateway

${table((name) => name.startsWith('gw_'))}

## The process

As every Node.js service has them: ${others.join(', ')}.
`
}

it('docs/metrics.md names every metric with its labels.', async () => {
  const metrics = make()
  metrics.requestAnswered({ method: 'GET', route: '/v1/me', caller: undefined, freshness: undefined }, 200, 1)
  await metrics.services.metrics()
  const text = pageOf((await metrics.registry.getMetricsAsJSON()) as unknown as Metric[])
  if (process.env['UPDATE'] === 'true') writeFileSync(page, text)
  expect(readFileSync(page, 'utf8')).toBe(text)
})

it('Every series with known labels is there before the first event, and each report finds its own.', async () => {
  const metrics = make()
  const before = await metrics.services.metrics()
  const names = [...before.matchAll(/^(gw_\w+|http_client\w+)(\{.*\})? /gm)].map(([series]) => series.trim())
  for (const name of ['ok', 'chathub.unavailable', 'chathub.timeout', 'chathub.throttled'])
    expect(names).toContain(`gw_upstream_requests_total{route="operators",outcome="${name}"}`)
  expect(names).toContain('gw_write_rows_total{operation="import",outcome="unknown"}')
  expect(names).toContain('gw_events_total{event="redis-away"}')
  metrics.reported({
    name: 'upstream',
    operation: 'operators',
    outcome: 'ok',
    status: 200,
    ms: 3,
    client: 'crm',
  })
  metrics.reported({ name: 'login', result: 'refused' })
  metrics.reported({ name: 'storage', state: 'full' })
  metrics.reported({ name: 'redis', event: 'away' })
  metrics.reported({ name: 'contract-drift', operation: 'operators', what: 'unknown-field', rows: 1 })
  const after = await metrics.services.metrics()
  const seriesOf = (text: string): string[] => [...text.matchAll(/^gw_[^ ]+/gm)].map(([series]) => series)
  expect(seriesOf(after)).toEqual(seriesOf(before))
})

it('States are numbers: one of each kind is 1, and what is not known is NaN.', async () => {
  const text = await make({
    upstream: {
      chathub: { state: 'unknown', since: '2026-11-29T08:00:00.000Z', checkedAt: null },
      budget: { requestsPerSecond: 5, allowedNow: 4, usedInLastSecond: 3, pausedForMs: 0 },
      reads: { meanAgeSeconds: null, p95AgeSeconds: null, fresh: 0, revalidated: 0, waited: 0, stale: 0 },
    },
  }).services.metrics()
  expect(text).toMatch(/^gw_chathub_up NaN$/im)
  expect(text).toMatch(/^gw_list_age_seconds NaN$/im)
  expect(text).toContain('gw_budget_used_ratio 0.75')
  expect(text).toContain('gw_switch_on{switch="readOnly"} 1')
  expect(text).toContain('gw_switch_on{switch="draining"} 0')
  for (const [metric, state] of [
    ['chathub', 'unknown'],
    ['token', 'ready'],
    ['breaker', 'closed'],
    ['redis', 'ready'],
  ])
    expect([...text.matchAll(new RegExp(`^gw_${metric}_state{state="(\\w|-)+"} 1$`, 'gm'))].join()).toContain(
      state,
    )
})

it('Operators are counted for young lists of so many organizations, and floors are told.', async () => {
  const text = await make().services.metrics()
  expect(text).toContain('gw_operators{organization="24",status="active"} 1')
  expect(text).toContain('gw_operators{organization="6",status="inactive"} 2')
  expect(text).toContain('gw_coverage_low{organization="24"} 1')
  expect(text).toContain('gw_coverage_low{organization="6"} 0')
  expect(await make({ organizationsMax: 1 }).services.metrics()).not.toContain('organization="6"')
  expect(await make({ organizationsMax: 0 }).services.metrics()).not.toContain('organization=')
  expect(await make({ ageMs: 300_001 }).services.metrics()).not.toContain('organization=')
})
