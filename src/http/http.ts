import type { Server } from 'node:http'
import type { Health } from '../contract/system.ts'
import type { Idempotency } from '../writes/idempotency.ts'
import { createAdmission } from './admission.ts'
import type { Answer } from './answer.ts'
import { createBodyMemory, heapShare } from './body-memory.ts'
import { createConnectionBurst } from './connection-burst.ts'
import { createCors } from './cors.ts'
import { createEventStreams } from './event-stream.ts'
import { createFairWork } from './fair-work.ts'
import { createFastPath } from './fast-path.ts'
import { createPipeline } from './pipeline.ts'
import { createResponseBatcher } from './response-batcher.ts'
import { createRouter, type Router } from './router.ts'
import { mountAudit } from './routes/audit.ts'
import { mountConsole } from './routes/console.ts'
import { mountDocs } from './routes/docs.ts'
import { mountDropIn } from './routes/drop-in.ts'
import { mountEvents } from './routes/events.ts'
import { mountGateway, mountHealth, mountOps } from './routes/gateway.ts'
import { mountMcp } from './routes/mcp.ts'
import { createRunningAnswer, mountOperations } from './routes/operations.ts'
import { mountOperators } from './routes/operators.ts'
import { mountOrganizations } from './routes/organizations.ts'
import type { Services } from './routes/services.ts'
import { mountSessions } from './routes/sessions.ts'
import { mountWebhooks } from './routes/webhooks.ts'
import { createServer } from './server.ts'
import { tellTimes } from './server-timing.ts'
import { createWithIdempotency } from './with-idempotency.ts'
import { createEnterWrite, createWriteGate } from './write-gate.ts'

/** What a server is given that is made here. */
type Made = 'router' | 'fastPath' | 'cors' | 'connectionBurst' | 'responseBatcher' | 'enterWrite'
type Options = Omit<Services, 'health'> &
  Omit<Parameters<typeof createServer>[0], Made> & {
    idempotency: Idempotency<Answer>
    anonymousRequestsPerMinute: number
    quotasPerClient: { streams: number }
    bodiesBytesMax: number
    clientConcurrency: number
    writesInFlightMax: number
    corsHeaders: string[]
    health(): Omit<Health, 'status' | 'switches'>
  }

/** Binds every endpoint of the contract; those of sessions only where sessions exist. */
export const mountMain = (router: Router, services: Services): void => {
  mountOperators(router, services)
  mountOperations(router, services)
  mountOrganizations(router, services)
  mountDropIn(router, services)
  mountGateway(router, services)
  mountAudit(router, services)
  mountEvents(router, services)
  mountWebhooks(router, services)
  mountSessions(router, services)
  mountMcp(router, services)
  mountDocs(router, services)
  mountConsole(router, services)
  mountHealth(router, services)
}

/** The HTTP side: both servers with their routes. */
export const createHttp = (options: Options) => {
  let isDraining = false
  const closing = (): boolean => isDraining
  const connectionBurst = createConnectionBurst(options.clock)
  const batcher = createResponseBatcher({ ...options, closing, connectionBurst })
  const responseBatcher = tellTimes(batcher, options.tracing)
  const streams = createEventStreams({ ...options, closing, streamsMax: options.quotasPerClient.streams })
  const cors = createCors(options.corsOrigins, options.corsHeaders)
  const withIdempotency = createWithIdempotency(options.idempotency, createRunningAnswer(options.operations))
  const { switches } = options
  const health = (): Health => ({
    status: isDraining || switches.isDraining() ? 'draining' : 'ok',
    ...options.health(),
    switches: switches.on(),
  })

  const bodyMemory = createBodyMemory({ ...options, heapShare })

  const serve = (mount: (router: Router, services: Services) => void): Server => {
    const admit = createAdmission({ ...options, ...options.access, bodyMemory })
    const fairWork = createFairWork()
    const inFlightMax = options.writesInFlightMax
    const enterWrite = createEnterWrite(createWriteGate({ clock: options.clock, inFlightMax }))
    const parts = {
      ...options,
      ...options.access,
      connectionBurst,
      responseBatcher,
      streams,
      withIdempotency,
      refuseWrites: switches.refuseWrites,
      admit,
      fairWork,
      enterWrite,
    }
    const fastPath = createFastPath(parts)
    const router = createRouter(createPipeline({ ...parts, fastPath }))
    mount(router, { ...options, health })
    return createServer({ ...parts, router, fastPath, cors })
  }
  return {
    /** Not listening yet. */
    server: serve(mountMain),
    /** The status page, metrics and health without a key. Not listening yet. */
    opsServer: serve(mountOps),
    /** From now on every answer closes its connection, `/readyz` answers 503, and event streams end. */
    drain: (): void => {
      isDraining = true
      streams.endAll()
    },
  }
}
