import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Cors } from './cors.ts'
import type { Door } from './door.ts'
import { presets } from './presets.ts'
import { asFailure, problemHeaders, problemOf } from './problem.ts'
import { contentSecurityPolicy, type Observe, securityHeaders, send } from './respond.ts'
import { beginVisit } from './visit.ts'

const urlMax = 4096
const headersMax = 100

type Options = {
  door: Door
  clock: Clock
  observe: Observe
  closing(): boolean
  trustProxy: string[]
  cors: Cors
  /** The cause of an internal error, for the log. */
  onInternal(error: unknown, requestId: string): void
}

/** The door's routers behind one http server whose every answer, framing errors included, is a document. */
export const createServer = (options: Options): http.Server => {
  const { door, clock, cors, observe, closing } = options
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.set('trust proxy', options.trustProxy)
  app.use(door.router())
  app.use((_req: Request, _res: Response, next: NextFunction) => next(new Failure('route.unknown')))
  app.use((error: unknown, req: Request, res: Response, _next: NextFunction) => {
    const failure = asFailure(error)
    if (failure.code === 'gateway.internal') options.onInternal(error, req.visit.requestId)
    if (res.headersSent) return void res.destroy()
    refuse(req, res, failure)
  })

  const refuse = (req: IncomingMessage, res: ServerResponse, failure: Failure): void => {
    req.visit.code = failure.code
    const body = Buffer.from(JSON.stringify(problemOf(failure, req.visit.requestId)))
    const headers = [...problemHeaders(failure), 'Content-Length', String(body.length)]
    const leaves = failure.headers?.connection === 'close'
    if (leaves) ended.add(req.socket)
    send(req, res, { status: failure.status, headers, body }, observe, closing() && !leaves)
  }

  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    // Node goes on reading what was sent behind a request whose end could not be told.
    if (ended.has(req.socket)) return
    const visit = beginVisit(req, clock.now())
    answering.set(req.socket, res)
    cors.allow(req, visit)
    const fault = framingFault(req)
    const preflight = cors.preflight(req)
    if (fault) refuse(req, res, fault)
    else if (preflight)
      send(req, res, { status: 204, headers: preflight, body: undefined }, observe, closing())
    else if (!door.replay.answer(req, res)) app(req as Request, res as Response)
  }
  const server = http.createServer(
    {
      ...presets(app),
      maxHeaderSize: 16 * 1024,
      requireHostHeader: false,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 65_000,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
    },
    listener,
  )
  server.maxHeadersCount = 0
  server.on('clientError', answerBroken)
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    beginVisit(req, clock.now())
    refuse(req, res, new Failure('request.expectation', { headers: { connection: 'close' } }))
  })
  server.on('connect', (_req, socket) =>
    writeRaw(
      socket as Socket,
      new Failure('route.method', { headers: { allow: 'GET, HEAD, POST, PATCH, DELETE' } }),
    ),
  )
  return server
}

/** What Node's parser lets through and no route should see. */
const framingFault = (req: IncomingMessage): Failure | undefined => {
  const url = req.url ?? ''
  if (req.httpVersionMajor !== 1) return new Failure('request.malformed') // a line without a version is HTTP/0.9
  if (url.charCodeAt(0) !== 47)
    return new Failure('request.malformed', { detail: 'The request target must be a path.' })
  if (url.length > urlMax) return new Failure('request.uri-too-long')
  const raw = req.rawHeaders
  if (raw.length > 2 * headersMax) return new Failure('request.headers-too-large')
  let hosts = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1 || (hosts === 0 && req.httpVersion === '1.1'))
    return new Failure('request.malformed', {
      errors: [{ pointer: '/headers/host', code: 'host', detail: 'Wanted: exactly one Host header.' }],
    })
  const coding = req.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return new Failure('request.malformed', {
      errors: [
        { pointer: '/headers/transfer-encoding', code: 'coding', detail: 'Only chunked is understood.' },
      ],
      headers: { connection: 'close' },
    })
  return undefined
}

const brokenRequest = (error: NodeJS.ErrnoException): Failure => {
  if (error.code === 'HPE_HEADER_OVERFLOW') return new Failure('request.headers-too-large')
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Failure('request.timeout')
  if (error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new Failure('body.too-large')
  return new Failure('request.malformed')
}

/** Connections that end with an answer given already: nothing that comes behind on them is a request. */
const ended = new WeakSet<Socket>()
/** The answer that a connection is at. */
const answering = new WeakMap<Socket, ServerResponse>()

/** A request that Node could not parse has no response object: the document is written as it stands. */
const answerBroken = (error: NodeJS.ErrnoException, socket: Socket): void => {
  const res = answering.get(socket)
  // A broken body whose request is answered already: a second answer would be taken for that of the next request.
  if (res?.headersSent && !res.req.complete) return void socket.end()
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  writeRaw(socket, brokenRequest(error))
}

const writeRaw = (socket: Socket, failure: Failure): void => {
  const requestId = crypto.randomUUID()
  const body = JSON.stringify(problemOf(failure, requestId))
  const headers = [
    ...problemHeaders(failure),
    'Content-Length',
    String(Buffer.byteLength(body)),
    ...securityHeaders,
    'Content-Security-Policy',
    contentSecurityPolicy,
    'X-Request-Id',
    requestId,
    'Connection',
    'close',
  ]
  let head = `HTTP/1.1 ${failure.status} ${http.STATUS_CODES[failure.status]}\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  socket.end(`${head}\r\n${body}`)
}
