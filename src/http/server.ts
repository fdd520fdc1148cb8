import { randomUUID } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import express, { type NextFunction, type Request, type Response } from 'express'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Cors } from './cors.ts'
import { expressPrototypes } from './express-prototypes.ts'
import { keepAliveSeconds, serializeHeaders } from './header-writer.ts'
import { asFailure, problemHeaders, problemOf } from './problem.ts'
import { beginRequest, newRequestContext } from './request-context.ts'
import { brokenRequest, rawErrorResponse, requestFault } from './request-guard.ts'
import type { Observe, ResponseBatcher } from './response-batcher.ts'
import type { Router } from './router.ts'

// A connection that carries no byte for so long ends, idle or not: longer than a balancer keeps one (mostly 60 s), or it
// would send into its end, and than is promised. Whoever is slower than that does not read. Streams beat faster.
const silenceMs = (keepAliveSeconds + 2) * 1000
const connectionsMax = 20_000
// So long a connection that was told its last may go on sending, so that it reads the answer rather than a reset.
const partingMs = 1000

declare module 'node:net' {
  interface Socket {
    /** It ends with an answer given already: nothing that comes behind on it is a request. */
    isToldItsLast?: boolean
    /** What came last on it was no request. */
    isRefused?: boolean
    /** The answer to what came last on it, and the one before it while that is not out. */
    answer?: ServerResponse
    before?: ServerResponse | undefined
  }
}

type Options = {
  router: Router
  clock: Clock
  responseBatcher: ResponseBatcher
  observe: Observe
  trustProxy: string[]
  cors: Cors
  /** The longest that a caller waits for an answer, in ms. */
  deadlineMs: number
  /** The cause of an internal error, for the log. */
  onInternal(error: unknown, requestId: string): void
}

/** The router's routers behind one http server whose every answer, framing errors included, is a document. */
export const createServer = (options: Options): http.Server => {
  const { router, clock, cors, responseBatcher, observe } = options
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
    refuse(req, res, failure)
  })

  const refuse = (req: IncomingMessage, res: ServerResponse, failure: Failure): void => {
    req.requestContext.code = failure.code
    const body = Buffer.from(JSON.stringify(problemOf(failure, req.requestContext.requestId)))
    const lines = serializeHeaders([...problemHeaders(failure), 'Content-Length', String(body.length)])
    const leaves = failure.headers?.connection === 'close' || req.requestContext.awaitsContinue
    if (leaves) req.socket.isToldItsLast = true
    // Behind a fault of framing, which no route sees, no end of a body can be told.
    const open = leaves && !req.complete && req.requestContext.route !== 'unknown' && req.method !== 'HEAD'
    responseBatcher.send(req, res, { status: failure.status, lines, body, open }, leaves)
    if (open) lingerAfterBody(req, res)
  }

  /** A sender in the middle of its body reads the answer when it has sent all; the end waits a moment for it. */
  const lingerAfterBody = (req: IncomingMessage, res: ServerResponse): void => {
    req.on('error', () => {}).on('end', () => res.end())
    res.on(
      'close',
      clock.after(partingMs, () => void res.end()),
    )
    req.resume()
  }

  /** Ends a connection from this side, and soon from both, whatever the other does. */
  const lingerAndClose = (socket: Duplex, words = ''): void => {
    socket.resume()
    socket.end(words)
    socket.once(
      'close',
      clock.after(partingMs, () => void socket.destroy()),
    )
  }
  /** Ends a connection behind its last answer, which may stand behind others. */
  const lingerAfterAnswer = (socket: Duplex, res: ServerResponse | undefined): void => {
    if (!res || res.writableFinished || res.destroyed) return void lingerAndClose(socket)
    ;(socket as Socket).isRefused = true
    res.once('close', () => lingerAndClose(socket))
    res.end() // one that was left open
  }
  /** Refuses what Node has no response object for: the document is written as it stands. */
  const refuseRaw = (socket: Duplex, failure: Failure, method = ''): void => {
    const { answer: res, before } = socket as Socket
    ;(socket as Socket).isRefused = true
    socket.on('error', () => {}) // a reset is the other's right
    const requestContext = newRequestContext(method, randomUUID(), clock.now())
    requestContext.code = failure.code
    const answer = (): void => {
      if (socket.writableEnded) return
      lingerAndClose(socket, rawErrorResponse(failure, requestContext.requestId))
      observe(requestContext, failure.status)
    }
    // What was asked before it is answered before it.
    const last = res?.req.complete ? res : before
    if (last && !last.writableFinished) last.once('close', answer)
    else answer()
  }
  const answerBroken = (error: NodeJS.ErrnoException, socket: Duplex): void => {
    responseBatcher.flush()
    const { isRefused, isToldItsLast, answer: res } = socket as Socket
    if (isRefused || socket.writableEnded) return // told already; what else comes on it is drained
    // A broken body whose request is answered already: a second answer would be taken for that of the next request.
    if (isToldItsLast || (res?.headersSent && !res.req.complete)) lingerAfterAnswer(socket, res)
    else if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else refuseRaw(socket, brokenRequest(error))
  }

  const keepAnswer = (socket: Socket, res: ServerResponse): void => {
    socket.before = socket.answer?.writableFinished ? undefined : socket.answer
    socket.answer = res
  }
  const listener = (req: IncomingMessage, res: ServerResponse, awaitsContinue = false): void => {
    // Node goes on reading what was sent behind a request whose end could not be told.
    if (req.socket.isToldItsLast) return
    const requestContext = beginRequest(req, clock.now())
    requestContext.awaitsContinue = awaitsContinue
    keepAnswer(req.socket, res)
    cors.allow(req, requestContext)
    const fault = requestFault(req)
    const preflight = cors.preflight(req)
    if (fault) refuse(req, res, fault)
    else if (preflight) responseBatcher.send(req, res, { status: 204, lines: preflight, body: undefined })
    else if (!router.fastPath.answer(req, res)) app(req as Request, res as Response)
  }
  const server = http.createServer(
    {
      ...expressPrototypes(app),
      maxHeaderSize: 16 * 1024,
      requireHostHeader: false,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 0, // `timeout` ends idle ones too, and is not set anew for each answer
      headersTimeout: 10_000,
      requestTimeout: 30_000,
    },
    listener,
  )
  // Who has asked for all that it wants may say so, and is answered.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.maxHeadersCount = 0
  server.maxConnections = connectionsMax
  server.timeout = Math.max(silenceMs, options.deadlineMs + 10_000)
  server.on('clientError', answerBroken)
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => listener(req, res, true))
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    beginRequest(req, clock.now())
    keepAnswer(req.socket, res)
    refuse(req, res, new Failure('request.expectation', { headers: { connection: 'close' } }))
  })
  // From here on the connection is ours alone: Node has taken its own error listener off.
  server.on('connect', (_req, socket) =>
    refuseRaw(
      socket,
      new Failure('route.method', { headers: { allow: 'GET, HEAD, POST, PATCH, DELETE' } }),
      'CONNECT',
    ),
  )
  return server
}
