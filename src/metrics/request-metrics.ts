import type { Metric, Registry } from 'prom-client'

type Series = { labels: Record<string, string>; counts: number[]; seconds: number }
type Request = { method: string; route: string }

// A caller chooses its method. An unknown one is counted as OpenTelemetry advises.
const methods = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS'])

/**
 * The histogram `http_server_request_duration_seconds`. An observation adds two numbers; prom-client's own validates and
 * hashes the labels each time, which is 4 % of a cached read (`npm run bench -- hit`). `buckets`: ascending, in seconds.
 */
export const createRequestMetrics = (registry: Registry, buckets: readonly number[]) => {
  const name = 'http_server_request_duration_seconds'
  const all: Series[] = []
  // A key made of the three would be a new string for each request, which costs more than three lookups.
  const byRoute = new Map<string, Map<string, Map<number, Series>>>()
  const open = (method: string, route: string, status: number): Series => {
    const labels = {
      http_request_method: method,
      http_route: route,
      http_response_status_code: String(status),
    }
    const series: Series = { labels, counts: Array(buckets.length + 1).fill(0), seconds: 0 }
    all.push(series)
    const byMethod = byRoute.get(route) ?? new Map<string, Map<number, Series>>()
    const byStatus = byMethod.get(method) ?? new Map<number, Series>()
    byRoute.set(route, byMethod.set(method, byStatus.set(status, series)))
    return series
  }
  const valuesOf = ({ labels, counts, seconds }: Series) => {
    let total = 0
    const cumulative = [...buckets, '+Inf'].map((le, index) => {
      total += counts[index] as number
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total }
    })
    return [
      ...cumulative,
      { metricName: `${name}_sum`, labels, value: seconds },
      { metricName: `${name}_count`, labels, value: total },
    ]
  }
  const about = { name, help: 'Time from a request to its answer.', type: 'histogram', aggregator: 'sum' }
  const metric = { ...about, get: async () => ({ ...about, values: all.flatMap(valuesOf) }) }
  registry.registerMetric(metric as unknown as Metric)

  return {
    answered: ({ method: given, route }: Request, status: number, ms: number): void => {
      const method = methods.has(given) ? given : '_OTHER'
      const series = byRoute.get(route)?.get(method)?.get(status) ?? open(method, route, status)
      const seconds = ms / 1000
      let bucket = 0
      while (seconds > (buckets[bucket] ?? Number.POSITIVE_INFINITY)) bucket++
      series.counts[bucket] = (series.counts[bucket] as number) + 1
      series.seconds += seconds
    },
  }
}
