import { type Endpoint, endpoints } from '../../contract/endpoints.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/**
 * Liveness depends on neither ChatHub nor Redis. Readiness means able to answer, so it fails only while draining.
 * `metricsEndpoint` is open on the listener of `OPS_PORT`.
 */
export const mountHealth = (
  router: Router,
  { health, metrics }: Services,
  metricsEndpoint: Endpoint = endpoints.metrics,
): void => {
  router.bind(endpoints.livez, () => ({ json: { status: 'ok' } }))
  router.bind(endpoints.readyz, () => {
    const json = health()
    return json.status === 'ok' ? { json } : { json, status: 503, headers: { 'Retry-After': '5' } }
  })
  router.bind(metricsEndpoint, async () => ({
    bytes: Buffer.from(await metrics()),
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  }))
}
