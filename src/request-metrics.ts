import { Counter, type Metric, type Registry } from 'prom-client'

/** What one request costs to count must not be felt, so here it is plain numbers; the registry reads them at a scrape. */
type RequestMetrics = { add(method: string, route: string, status: number, ms: number): void }

type Counted = { statuses: Map<number, number>; buckets: number[]; seconds: number }
type Names = { requests: string; durations: string }

/** Answers by method, route and status, and their durations by method and route. `buckets` in seconds, rising. */
export const createRequestMetrics = (
  registry: Registry,
  names: Names,
  buckets: readonly number[],
): RequestMetrics => {
  const routes = new Map<string, Map<string, Counted>>()
  const bounds = buckets.map((seconds) => seconds * 1000)

  const open = (method: string, route: string): Counted => {
    const methods = routes.get(route) ?? new Map<string, Counted>()
    const counted = { statuses: new Map(), buckets: Array(bounds.length + 1).fill(0), seconds: 0 }
    routes.set(route, methods.set(method, counted))
    return counted
  }
  const each = <T>(show: (labels: { method: string; route: string }, counted: Counted) => T[]): T[] =>
    [...routes].flatMap(([route, methods]) =>
      [...methods].flatMap(([method, counted]) => show({ method, route }, counted)),
    )

  new Counter({
    name: names.requests,
    help: 'Answers by route and status.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
    collect() {
      this.reset()
      each((labels, { statuses }) =>
        [...statuses].map(([status, count]) => this.inc({ ...labels, status }, count)),
      )
    },
  })
  const histogram = {
    name: names.durations,
    help: 'Time from the request to its answer.',
    type: 'histogram',
    aggregator: 'sum',
  }
  const values = () =>
    each((labels, counted) => {
      let count = 0
      const cumulative = [...buckets, '+Inf'].map((le, index) => {
        count += counted.buckets[index] as number
        return { metricName: `${names.durations}_bucket`, labels: { ...labels, le }, value: count }
      })
      return [
        ...cumulative,
        { metricName: `${names.durations}_sum`, labels, value: counted.seconds },
        { metricName: `${names.durations}_count`, labels, value: count },
      ]
    })
  registry.registerMetric({
    ...histogram,
    get: async () => ({ ...histogram, values: values() }),
  } as unknown as Metric)

  return {
    add: (method, route, status, ms) => {
      const counted = routes.get(route)?.get(method) ?? open(method, route)
      counted.statuses.set(status, (counted.statuses.get(status) ?? 0) + 1)
      let bucket = 0
      while (ms > (bounds[bucket] as number)) bucket++
      ;(counted.buckets[bucket] as number)++
      counted.seconds += ms / 1000
    },
  }
}
