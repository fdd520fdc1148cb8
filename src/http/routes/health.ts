import { type Endpoint, endpoints } from '../../contract/endpoints.ts'
import type { Health } from '../../contract/system.ts'
import type { Router } from '../router.ts'

type Dependencies = {
  health(): Health
  metrics(): Promise<string>
  openapi(): Buffer
  /** True on the listener of `OPS_PORT`. */
  withoutKey?: boolean
}

/** Liveness depends on neither ChatHub nor Redis. Readiness means able to answer, so it fails only while draining. */
export const mountHealth = (router: Router, { health, metrics, openapi, withoutKey }: Dependencies): void => {
  router.bind(endpoints.livez, () => ({ json: { status: 'ok' } }))
  router.bind(endpoints.readyz, () => {
    const state = health()
    return state.status === 'ok'
      ? { json: state }
      : { json: state, status: 503, headers: { 'Retry-After': '5' } }
  })
  const metricsEndpoint: Endpoint = withoutKey ? { ...endpoints.metrics, scope: 'open' } : endpoints.metrics
  router.bind(metricsEndpoint, async () => ({
    bytes: Buffer.from(await metrics()),
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  }))
  if (!withoutKey)
    router.bind(endpoints.openapi, () => ({
      bytes: openapi(),
      contentType: 'application/json; charset=utf-8',
    }))
}
