import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import type { Report } from '../report.ts'
import { createReadAges } from './read-ages.ts'
import { createReportCounters, secondsBuckets } from './report-counters.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { createStateGauges, type States } from './state-gauges.ts'

/**
 * Every metric once; docs/metrics.md is made from them. HTTP metrics have the names and labels of OpenTelemetry's semantic
 * conventions.
 */
export const createMetrics = (options: States & { clock: Clock }) => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const readAges = createReadAges(options.clock)
  const count = createReportCounters(registry)
  const gauges = createStateGauges(registry, options)
  return {
    registry,
    /** What readers of lists got lately. */
    reads: readAges.status,
    requestAnswered: createRequestMetrics(registry, secondsBuckets).answered,
    reported: (report: Report): void => {
      count(report)
      if (report.name === 'cache' && report.served) readAges.add(report.served, report.ageMs, report.reads)
    },
    belowFloor: gauges.belowFloor,
    /** The Prometheus text. */
    render: (): Promise<string> => {
      gauges.set()
      return registry.metrics()
    },
  }
}
