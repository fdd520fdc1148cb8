import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import { Failure } from '../errors.ts'
import type { Tracing } from '../tracing/tracing.ts'
import type { ConnectionBurst } from './connection-burst.ts'
import type { Cors } from './cors.ts'
import { expressPrototypes } from './express-prototypes.ts'
import type { FastPath } from './fast-path.ts'
import { createFraming } from './framing.ts'
import { keepAliveSeconds } from './header-writer.ts'
import { createPipelining } from './pipelining.ts'
import { asFailure } from './problem.ts'
import { beginRequest } from './request-context.ts'
import { requestFault } from './request-head.ts'
import type { Router } from './router.ts'
import { createWaitingRoom } from './waiting-room.ts'
import type { EnterWrite } from './write-gate.ts'

// Socket timeout. Must exceed the keep-alive of load balancers (usually 60 s) and the advertised Keep-Alive; heartbeats of
// event streams are more frequent.
const silenceMs = (keepAliveSeconds + 2) * 1000

/** Whether a request may change operators, by what can be seen at once. */
const isWrite = ({ method, url = '' }: IncomingMessage): boolean =>
  method !== 'GET' &&
  method !== 'HEAD' &&
  /^\/(v1\/organizations\/[^/]*\/(?!assignments)|v1\/operations\/|api\/operator\/)/.test(url)

type Options = Parameters<typeof createFraming>[0] & {
  connectionsMax: number
  headersMax: number
  /** The time that a client has to send the head of a request, and the whole request, ms. */
  headersTimeoutMs: number
  requestTimeoutMs: number
  /** How long a request waits to be begun before it is refused, ms. */
  overloadWaitMs: number
  /** The longest that a caller waits for an answer, ms. */
  readDeadlineMs: number
  writeDeadlineMs: number
  trustProxy: string[]
  router: Router
  fastPath: FastPath
  cors: Cors
  connectionBurst: ConnectionBurst
  tracing: Tracing
  enterWrite: EnterWrite
  /** The cause of an internal error, for the log. */
  onInternal(error: unknown, requestId: string): void
}

/** The endpoints of a router behind one HTTP server. Every error answer, framing errors included, is a problem document. */
export const createServer = (options: Options): http.Server => {
  const { router, fastPath, clock, cors, connectionBurst, responseBatcher, tracing } = options
  const framing = createFraming(options)
  const pipelining = createPipelining()
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.set('trust proxy', options.trustProxy)
  router.mount(app)
  app.use((_req: Request, _res: Response, next: NextFunction) => next(new Failure('route.unknown')))
  app.use((error: unknown, req: Request, res: Response, _next: NextFunction) => {
    const failure = asFailure(error)
    if (failure.code === 'gateway.internal') options.onInternal(error, req.requestContext.requestId)
    if (res.headersSent) return void res.destroy()
    framing.refuse(req, res, failure)
  })

  const begin = tracing.inRequest((res) => app(res.req as Request, res as Response))
  const waitingRoom = createWaitingRoom<ServerResponse>({
    clock,
    connectionBurst,
    waitMs: options.overloadWaitMs,
    begin,
    refuse: (res) => framing.refuse(res.req, res, new Failure('server.overloaded')),
    isGone: (res) => res.destroyed,
  })
  const enterWrite = (req: IncomingMessage, res: ServerResponse): Promise<void> =>
    options.enterWrite(req, res).then(
      () => waitingRoom.enter(res, clock.now()),
      (failure: Failure) => {
        if (!res.destroyed) framing.refuse(req, res, failure)
      },
    )
  const alwaysServed = router.endpoints().filter(({ neverShed }) => neverShed)
  const alwaysServedPaths = new Set(alwaysServed.map(({ path }) => path))

  const listener = (req: IncomingMessage, res: ServerResponse, awaitsContinue = false): void => {
    if (!framing.accept(req, res)) return
    const requestContext = beginRequest(req, clock.now())
    requestContext.awaitsContinue = awaitsContinue
    if (pipelining.isLast(req)) framing.endAfter(req)
    tracing.requestBegun(req)
    waitingRoom.passed(requestContext.startedAt)
    cors.allow(req, requestContext)
    const fault = requestFault(req, options.headersMax)
    const preflight = cors.preflight(req)
    if (fault) framing.refuse(req, res, fault)
    else if (preflight) responseBatcher.send(req, res, { status: 204, lines: preflight, body: undefined })
    else if (fastPath.answer(req, res)) return
    else if (alwaysServedPaths.has(req.url as string)) begin(res)
    else if (isWrite(req)) void enterWrite(req, res)
    else waitingRoom.enter(res, requestContext.startedAt)
  }
  const server = http.createServer(
    {
      ...expressPrototypes(app),
      maxHeaderSize: options.headerBytesMax,
      requireHostHeader: false, // `requestFault` refuses it with a problem document
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 0, // `timeout` ends idle connections too, and is not set anew for each answer
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
    },
    listener,
  )
  // Half-open sockets: clients may send FIN and still read the response.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.maxHeadersCount = 0
  server.maxConnections = options.connectionsMax
  server.timeout = Math.max(silenceMs, options.readDeadlineMs + 10_000, options.writeDeadlineMs + 10_000)
  server.on('connection', connectionBurst.accepted)
  server.on('clientError', framing.refuseBroken)
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => listener(req, res, true))
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    if (!framing.accept(req, res)) return
    beginRequest(req, clock.now())
    framing.refuse(req, res, new Failure('request.expectation', { headers: { connection: 'close' } }))
  })
  server.on('connect', (_req, duplex) => {
    const socket = duplex as Socket
    // Node takes its own listeners away. A large answer before this request has to go on, or to end with a client that is silent.
    const { answer, answerBefore } = socket
    socket.on('drain', () => {
      for (const earlier of [answerBefore, answer]) earlier?.emit('drain')
    })
    socket.setTimeout(silenceMs, () => void socket.destroy())
    const headers = { allow: 'GET, HEAD, POST, PATCH, DELETE' }
    framing.refuseRaw(socket, new Failure('route.method', { headers }), 'CONNECT')
  })
  return server
}
