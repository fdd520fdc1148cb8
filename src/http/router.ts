import type { Express, Response as ExpressResponse, Request } from 'express'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { Authenticate } from '../access/authenticate.ts'
import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { ClientLimit } from '../access/client-limit.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { type Endpoint, isBodyOptional } from '../contract/endpoints.ts'
import { Failure, type Fault, failures, isFailure } from '../errors.ts'
import { type Answer, render } from './answer.ts'
import { readBody } from './body.ts'
import { openEventStream } from './event-stream.ts'
import type { FastPath } from './fast-path.ts'
import { negotiateType } from './negotiate.ts'
import type { Observe, ResponseBatcher } from './response-batcher.ts'
import { check, checkQuery, queryOf, refuseCredentials, refuseFaults } from './validate.ts'
import { idempotencyKeyOf, type WithIdempotency } from './with-idempotency.ts'

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined

/** What a handler is given: everything checked, nothing left to parse. */
export type HandlerInput<E extends Endpoint, B = Parsed<E['body']>> = {
  caller: Caller
  params: Parsed<E['params']>
  query: Parsed<E['query']>
  body: B
  context: CallContext
  /** Set when the caller asks for a list fetched after its request arrived (`Cache-Control: no-cache`). */
  notBefore: { notBefore?: number }
  /** Names what this request writes; a repetition under the same Idempotency-Key has the same. */
  requestKey: string
  /** The media type that the answer will be labelled with. */
  contentType: string
  req: Request
}

export type Handler<E extends Endpoint, B = Parsed<E['body']>> = (
  input: HandlerInput<E, B>,
) => Promise<Answer> | Answer

/** Makes of a body what its handler works with; what this refuses is refused before any right is looked at. */
export type Reader<E extends Endpoint, B> = (
  body: Parsed<E['body']>,
  query: Parsed<E['query']>,
) => Promise<B> | B

export type Router = {
  /** Binds a handler to an endpoint of the contract. */
  bind<E extends Endpoint, B = Parsed<E['body']>>(
    endpoint: E,
    handle: Handler<E, B>,
    read?: Reader<E, B>,
  ): void
  /** Routes all that was bound so far; on its paths other methods are refused with 405 and Allow. */
  mount(app: Express): void
  endpoints: Endpoint[]
  /** Answers what was answered before, without Express. */
  fastPath: FastPath
  /** Ends the answers that would not end by themselves. */
  endStreams(): void
}

type Options = {
  authenticate: Authenticate
  limit: ClientLimit
  once: WithIdempotency
  fastPath: FastPath
  clock: Clock
  sender: ResponseBatcher
  observe: Observe
  closing(): boolean
  readDeadlineMs: number
  writeDeadlineMs: number
}

/** What a URL says. */
type Address = { params: unknown; query: unknown; faults: Fault[] }
// Together they bound what is remembered of URLs: a caller chooses its own.
const urlsMax = 5000
const urlMax = 512

const nobody: Caller = {
  id: 'nobody',
  kind: 'key',
  scopes: new Set(),
  organizations: new Set(),
  requestsPerMinute: 0,
  expiresAt: undefined,
}

/**
 * Every request takes the same way: credential 401 · limit 429 · 406/413/415 · 400/422 · scope 403 · handler (organization
 * 404). Unknown paths and methods were refused before.
 */
export const createRouter = (options: Options): Router => {
  const { clock, authenticate, limit, observe } = options
  const endpoints: Endpoint[] = []
  /** Of reads that were right: the same text checked again says the same. */
  const addresses = new LRUCache<string, Address>({ max: urlsMax })
  const streams = new Set<() => void>()
  const bound = new Map<
    string,
    { endpoint: Endpoint; serve: (req: Request, res: ExpressResponse) => Promise<void> }[]
  >()

  const requestContext = async <E extends Endpoint, B>(
    endpoint: E,
    handle: Handler<E, B>,
    read: Reader<E, B> | undefined,
    req: Request,
    res: ExpressResponse,
  ): Promise<void> => {
    const arrivedAt = req.requestContext.startedAt
    const known = endpoint.method === 'get' ? addresses.get(req.url) : undefined
    const asked = known ? nothingAsked : queryOf(req.url)
    if (!endpoint.dropIn) refuseCredentials(asked.value)
    const { headers } = req
    const { dropIn = false } = endpoint
    const identify = () => authenticate({ headers, dropIn, ownOrigin: () => ownOrigin(req) })
    let caller = nobody
    if (endpoint.scope !== 'open') {
      const found = req.requestContext.pendingCaller ?? identify()
      caller = found instanceof Promise ? await found : found
      // Replay may have counted this request already, and then found that it cannot answer it.
      const counted = req.requestContext.caller === caller
      req.requestContext.caller = caller
      if (!counted) limit(caller)
    }
    const contentType = negotiateType(endpoint, req.headers.accept)
    const body = isBare(req) && isBodyOptional(endpoint) ? {} : await readBody(endpoint, req, res)
    const address = known ?? addressOf(endpoint, req, asked)
    refuseFaults('request.invalid', address.faults)
    const content = check(endpoint.body, body, '')
    refuseFaults(endpoint.dropIn ? 'request.invalid' : 'request.invalid-body', content.faults)
    const input = {
      caller,
      params: address.params as Parsed<E['params']>,
      query: address.query as Parsed<E['query']>,
      body: content.value,
      context: contextOf(endpoint, caller, arrivedAt),
      notBefore: wantsNew(req) ? { notBefore: arrivedAt } : {},
      requestKey: '',
      contentType,
      req,
    }
    const key = idempotencyKeyOf(endpoint, req)
    if (!key && endpoint.keyRequired?.(input.body as never, input.query as never))
      throw new Failure('idempotency.required')
    if (read) input.body = await read(input.body as Parsed<E['body']>, input.query as Parsed<E['query']>)
    if (endpoint.scope !== 'open' && endpoint.scope !== 'any') authorize(caller, { scope: endpoint.scope })
    if (endpoint.scopeToo) authorize(caller, { scope: endpoint.scopeToo })
    const work = (requestKey: string) => {
      input.requestKey = requestKey
      return handle(input as HandlerInput<E, B>)
    }
    const answer = await options.once(
      endpoint,
      req,
      caller,
      endpoint.dropIn ? (requestKey) => asDropIn(() => work(requestKey)) : work,
    )
    if ('events' in answer) {
      const closing = options.closing()
      const end = openEventStream(req, res, answer.events, {
        clock,
        observe,
        closing,
        allowed: () => isStillAllowed(identify),
      })
      streams.add(end)
      res.on('close', () => streams.delete(end))
      return
    }
    if ('freshness' in answer) req.requestContext.freshness = answer.freshness
    if ('cachedLookup' in answer && answer.cachedLookup)
      options.fastPath.remember(req.originalUrl, endpoint, answer.cachedLookup)
    options.sender.send(req, res, render(answer, req.headers, contentType, endpoint.dropIn))
  }

  const addressOf = (endpoint: Endpoint, req: Request, asked: ReturnType<typeof queryOf>): Address => {
    const params = check(endpoint.params, req.params, '/path')
    const query = checkQuery(endpoint.query ?? (endpoint.dropIn ? undefined : noQuery), asked)
    const address = { params: params.value, query: query.value, faults: [...params.faults, ...query.faults] }
    if (endpoint.method === 'get' && address.faults.length === 0 && req.url.length <= urlMax)
      addresses.set(req.url, address)
    return address
  }

  const contextOf = (endpoint: Endpoint, caller: Caller, arrivedAt: number): CallContext => {
    const write = endpoint.method !== 'get'
    const deadline = arrivedAt + (write ? options.writeDeadlineMs : options.readDeadlineMs)
    return {
      lane: write ? 'writes' : 'people',
      client: caller.id,
      deadline: Math.max(deadline, clock.now() + 1),
    }
  }

  return {
    endpoints,
    fastPath: options.fastPath,
    endStreams: () => {
      for (const end of streams) end()
    },
    bind: (endpoint, handle, read) => {
      endpoints.push(endpoint)
      const others = bound.get(endpoint.path) ?? []
      bound.set(endpoint.path, [
        ...others,
        { endpoint, serve: (req, res) => requestContext(endpoint, handle, read, req, res) },
      ])
    },
    mount: (app) => {
      app.enable('case sensitive routing').enable('strict routing')
      // `/operations/{id}:cancel` before `/operations/{id}`, which would take the verb for a part of the id.
      const paths = [...bound.keys()].toSorted((a, b) => Number(b.includes('}:')) - Number(a.includes('}:')))
      for (const path of paths) {
        const here = bound.get(path) ?? []
        const allowed = here.flatMap(({ endpoint: { method } }) =>
          method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
        )
        for (const { endpoint, serve } of here)
          app[endpoint.method](expressPath(path), (req, res) => {
            req.requestContext.route = path
            return serve(req, res)
          })
        app.route(expressPath(path)).all((req, _res, next) => {
          req.requestContext.route = path
          next(new Failure('route.method', { headers: { Allow: allowed.join(', ') } }))
        })
      }
    },
  }
}

/** Whether a caller still is one; who cannot be looked up just now is believed. */
const isStillAllowed = async (identify: () => Caller | Promise<Caller>): Promise<boolean> => {
  try {
    await identify()
    return true
  } catch (error) {
    return isFailure(error, 'credential.unverifiable')
  }
}

/** On drop-in paths every input fault is 400, also one that only ChatHub finds. */
const asDropIn = async (work: () => Promise<Answer> | Answer): Promise<Answer> => {
  try {
    return await work()
  } catch (error) {
    if (!isFailure(error, 'chathub.rejected')) throw error
    throw new Failure('request.invalid', { cause: error, detail: failures['chathub.rejected'].detail })
  }
}

const isBare = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'

/** The origin under which the browser sees the gateway; X-Forwarded-* count only from TRUST_PROXY. */
export const ownOrigin = (req: Request): string => `${req.protocol}://${req.host}`

/** `/v1/organizations/{org}` → `/v1/organizations/:org`; a colon that belongs to a verb is escaped. */
export const expressPath = (path: string): string =>
  path.replaceAll(':', '\\:').replaceAll(/\{(\w+)\}/g, ':$1')

const noQuery = z.strictObject({})
const nothingAsked = queryOf('')

/** `fetch` adds no-cache by itself when it validates, so beside If-None-Match it means nothing special. */
const wantsNew = (req: Request): boolean => {
  const control = req.headers['cache-control']
  return (
    control !== undefined &&
    req.headers['if-none-match'] === undefined &&
    /(^|,)\s*no-cache\s*(,|$)/i.test(control)
  )
}
