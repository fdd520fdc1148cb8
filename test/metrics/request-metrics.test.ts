import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Histogram, Registry } from 'prom-client'
import type { RequestContext } from '../../src/http/request-context.ts'
import { createRequestMetrics } from '../../src/metrics/request-metrics.ts'

const buckets = [0.005, 0.1, 2.5]
const answers = fc.array(
  fc.record({
    method: fc.constantFrom('GET', 'PATCH', 'BREW'),
    route: fc.constantFrom('/healthz', '/v1/organizations/{org}/operators'),
    status: fc.constantFrom(200, 404),
    ms: fc.oneof(fc.constantFrom(0, 5, 100, 2500), fc.integer({ min: 0, max: 10_000 })),
  }),
)
const sorted = (text: string) => text.trim().split('\n').toSorted()

it('The request histogram renders the same lines as the histogram of prom-client.', async () => {
  await fc.assert(
    fc.asyncProperty(answers, async (given) => {
      const own = new Registry()
      const { answered } = createRequestMetrics(own, buckets)
      const theirs = new Registry()
      const histogram = new Histogram({
        name: 'http_server_request_duration_seconds',
        help: 'Time from a request to its answer.',
        labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
        buckets,
        registers: [theirs],
      })
      for (const { method, route, status, ms } of given) {
        answered({ method, route } as RequestContext, status, ms)
        histogram.labels(method === 'BREW' ? '_OTHER' : method, route, String(status)).observe(ms / 1000)
      }
      expect(sorted(await own.metrics())).toEqual(sorted(await theirs.metrics()))
    }),
  )
})
