import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import type { Redis } from '../redis/redis.ts'
import type { Report } from '../report.ts'
import { createReadAges } from './read-ages.ts'
import { createReportCounters, secondsBuckets } from './report-counters.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { createStateGauges, type States } from './state-gauges.ts'
import { type Answered, createUsage } from './usage.ts'

/**
 * Every metric once; docs/metrics.md is made from them. HTTP metrics have the names and labels of OpenTelemetry's semantic
 * conventions. The usage of clients is no metric, because their number has no bound.
 */
export const createMetrics = (options: States & { clock: Clock; redis(): Redis | undefined }) => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const readAges = createReadAges(options.clock)
  const count = createReportCounters(registry)
  const gauges = createStateGauges(registry, options)
  const requests = createRequestMetrics(registry, secondsBuckets)
  const usage = createUsage(options)
  return {
    registry,
    reads: readAges.status,
    requestAnswered: (
      request: Answered & { method: string; route: string },
      status: number,
      ms: number,
    ): void => {
      requests.answered(request, status, ms)
      usage.answered(request, status)
    },
    wouldRefuse: usage.wouldRefuse,
    reported: (report: Report): void => {
      count(report)
      usage.reported(report)
      if (report.name === 'cache' && report.served) readAges.add(report.served, report.ageMs, report.reads)
    },
    services: {
      metrics: (): Promise<string> => {
        gauges.set()
        return registry.metrics()
      },
      belowFloor: gauges.belowFloor,
    },
    usage: usage.read,
    stop: usage.stop,
  }
}
