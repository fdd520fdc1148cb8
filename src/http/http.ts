import type { Server } from 'node:http'
import type { Authenticate } from '../access/authenticate.ts'
import type { ClientLimit } from '../access/client-limit.ts'
import type { GatewayTokens } from '../access/gateway-tokens.ts'
import type { Sessions } from '../access/sessions.ts'
import type { Clock } from '../clock.ts'
import { createOpenApi } from '../contract/openapi.ts'
import type { Health, Upstream } from '../contract/system.ts'
import type { Idempotency } from '../writes/idempotency.ts'
import type { Answer } from './answer.ts'
import { createCors } from './cors.ts'
import { createFastPath } from './fast-path.ts'
import { createResponseBatcher, type Observe } from './response-batcher.ts'
import { createRouter } from './router.ts'
import { mountAssignments } from './routes/assignments.ts'
import { mountDocs } from './routes/docs.ts'
import { mountDropIn } from './routes/drop-in.ts'
import { mountGateway } from './routes/gateway.ts'
import { mountHealth } from './routes/health.ts'
import { mountOperations } from './routes/operations.ts'
import { mountOperators } from './routes/operators.ts'
import { mountOrganizations } from './routes/organizations.ts'
import { mountSessions } from './routes/sessions.ts'
import { mountTokens } from './routes/tokens.ts'
import { createServer } from './server.ts'
import { createWithIdempotency } from './with-idempotency.ts'

/** What the handlers call. */
type Services = Parameters<typeof mountOperators>[1] &
  Parameters<typeof mountOperations>[1] &
  Parameters<typeof mountOrganizations>[1] &
  Parameters<typeof mountTokens>[1] &
  Parameters<typeof mountAssignments>[1] &
  Parameters<typeof mountDropIn>[1] &
  Parameters<typeof mountGateway>[1]

type Options = Omit<Services, 'clock' | 'gatewayTokens' | 'upstream'> & {
  access: {
    authenticate: Authenticate
    limit: ClientLimit
    gatewayTokens: GatewayTokens
    sessions: Sessions | undefined
  }
  idempotency: Idempotency<Answer>
  clock: Clock
  version: string
  readDeadlineMs: number
  writeDeadlineMs: number
  trustProxy: string[]
  corsOrigins: string[]
  sessionSameSite: 'strict' | 'lax' | 'none'
  health(): Omit<Health, 'status'>
  upstream(): Upstream
  metrics(): Promise<string>
  observe: Observe
  onInternal(error: unknown, requestId: string): void
}

export type Http = {
  /** Not listening yet. */
  server: Server
  /** Metrics and health without a key. Not listening yet. */
  opsServer: Server
  /** From now on every answer closes its connection, `/readyz` answers 503, and event streams end. */
  drain(): void
}

/** The HTTP side: both servers with their routes. */
export const createHttp = (options: Options): Http => {
  const { access, clock, observe, health, metrics, readDeadlineMs, writeDeadlineMs } = options
  let isDraining = false
  const closing = (): boolean => isDraining
  const responseBatcher = createResponseBatcher({ ...options, closing })
  const withIdempotency = createWithIdempotency(options.idempotency)
  const newRouter = () =>
    createRouter({
      ...access,
      observe,
      closing,
      responseBatcher,
      withIdempotency,
      fastPath: createFastPath({ ...access, responseBatcher }),
      clock,
      readDeadlineMs,
      writeDeadlineMs,
    })

  const router = newRouter()
  const services = { ...options, gatewayTokens: access.gatewayTokens }
  mountOperators(router, services)
  mountOperations(router, services)
  mountOrganizations(router, services)
  mountTokens(router, services)
  mountAssignments(router, services)
  mountDropIn(router, services)
  mountGateway(router, services)
  if (access.sessions)
    mountSessions(router, { sessions: access.sessions, sameSite: options.sessionSameSite, clock })
  mountDocs(router)
  const state = {
    health: (): Health => ({ status: isDraining ? 'draining' : 'ok', ...health() }),
    metrics,
    openapi: () => openapi,
  }
  mountHealth(router, state)
  const opsRouter = newRouter()
  mountHealth(opsRouter, { ...state, withoutKey: true })
  const openapi = Buffer.from(JSON.stringify(createOpenApi(router.endpoints, options.version)))

  const serving = {
    ...options,
    cors: createCors(options.corsOrigins),
    responseBatcher,
    deadlineMs: Math.max(readDeadlineMs, writeDeadlineMs),
  }
  return {
    server: createServer({ ...serving, router }),
    opsServer: createServer({ ...serving, router: opsRouter }),
    drain: () => {
      isDraining = true
      router.endStreams()
    },
  }
}
