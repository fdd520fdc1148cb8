import { type Endpoint, endpoints } from '../../contract/endpoints.ts'
import { statusPage } from '../pages/status-page.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/** The gateway's view of its caller, of ChatHub and of its cache. */
export const mountGateway = (
  router: Router,
  { access, status, upstream, purge, switches, usage }: Services,
): void => {
  router.bind(endpoints.me, ({ caller }) => ({
    json: {
      id: caller.id,
      kind: caller.kind,
      scopes: [...caller.scopes],
      organizations: caller.organizations === '*' ? '*' : [...caller.organizations],
      requestsPerMinute: caller.requestsPerMinute,
      expiresAt: caller.expiresAt === undefined ? null : new Date(caller.expiresAt).toISOString(),
    },
  }))
  router.bind(endpoints.status, () => ({ json: status() }))
  router.bind(endpoints.listClients, async ({ caller }) => ({
    json: { items: await access.listClients(caller) },
  }))
  router.bind(endpoints.upstream, ({ caller }) => ({ json: upstream(caller) }))
  router.bind(endpoints.usage, async ({ caller, query }) => ({
    json: await usage(caller, query.day),
  }))
  router.bind(endpoints.switches, () => ({ json: switches.status() }))
  router.bind(endpoints.setSwitches, async ({ caller, context, body }) => ({
    json: await switches.change(caller, body, context.requestId as string),
  }))
  router.bind(endpoints.purge, async ({ caller, context, body }) => {
    await purge(caller, body.organization, context.requestId)
    return { empty: 204, ...(body.organization !== undefined && { organizationIds: [body.organization] }) }
  })
}

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
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
  }))
}

/** What the listener of `OPS_PORT` has: no key is needed, and it answers whatever the load is. */
export const mountOps = (router: Router, services: Services): void => {
  mountHealth(router, services, { ...endpoints.metrics, scope: 'open', neverShed: true })
  router.bind({ ...endpoints.root, neverShed: true }, () =>
    statusPage({
      upstream: services.upstream(),
      switches: services.switches.status(),
      belowFloor: services.belowFloor(),
      version: services.version,
      now: new Date(services.clock.wall()),
    }),
  )
}
