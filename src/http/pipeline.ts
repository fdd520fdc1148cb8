import type { Request, Response } from 'express'
import type { z } from 'zod'
import type { Authenticate } from '../access/authenticate.ts'
import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { ClientLimit } from '../access/client-limit.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure, failures, isFailure } from '../errors.ts'
import { type Address, createAddressReader } from './address.ts'
import { type Answer, render, type StoredAnswer } from './answer.ts'
import { readBody } from './body.ts'
import type { EventStreams } from './event-stream.ts'
import type { FastPath } from './fast-path.ts'
import { negotiateType } from './negotiate.ts'
import type { ResponseBatcher } from './response-batcher.ts'
import { check, refuseFaults } from './validate.ts'
import { idempotencyKeyOf, type WithIdempotency } from './with-idempotency.ts'

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined

/** What a handler is given. Everything is checked: nothing is left to parse, and the endpoint's rights are granted. */
export type HandlerInput<E extends Endpoint, B = Parsed<E['body']>> = {
  caller: Caller
  params: Parsed<E['params']>
  query: Parsed<E['query']>
  body: B
  context: CallContext
  /** Monotonic ms. The caller wants a list fetched after this time (`Cache-Control: no-cache`). */
  notBefore: number | undefined
  /** Identifies what this request writes. A repetition under the same Idempotency-Key has the same. */
  requestKey: string
  /** The negotiated media type of the answer. */
  contentType: string
  req: Request
}

export type Handler<E extends Endpoint, B = Parsed<E['body']>> = (
  input: HandlerInput<E, B>,
) => Promise<Answer> | Answer

/** Turns a checked body into what its handler works with. Its refusals count as input faults. */
export type Reader<E extends Endpoint, B> = (
  body: Parsed<E['body']>,
  query: Parsed<E['query']>,
) => Promise<B> | B

export type PipelineOptions = {
  authenticate: Authenticate
  limit: ClientLimit
  withIdempotency: WithIdempotency
  fastPath: FastPath
  clock: Clock
  responseBatcher: ResponseBatcher
  streams: EventStreams
  readDeadlineMs: number
  writeDeadlineMs: number
}

/** Serves one endpoint. @throws Failure the first refusal that applies */
export type Serve = (req: Request, res: Response) => Promise<void>

export type Pipeline = <E extends Endpoint, B>(
  endpoint: E,
  handle: Handler<E, B>,
  read: Reader<E, B> | undefined,
) => Serve

const anonymous: Caller = {
  id: 'nobody',
  kind: 'key',
  scopes: new Set(),
  organizations: new Set(),
  requestsPerMinute: 0,
  expiresAt: undefined,
}

/**
 * The order of refusals, the same for every endpoint. Unknown paths (404) and methods (405) are refused before. A caller
 * without the right never makes the gateway read or parse a body.
 */
export const createPipeline = (options: PipelineOptions): Pipeline => {
  const readAddress = createAddressReader()

  /** The step 401, then 429. The fast path may have done both for this request already. */
  const identify = async (
    { requestContext }: Request,
    authenticate: AuthenticateRequest,
  ): Promise<Caller> => {
    if (requestContext.caller) return requestContext.caller
    const caller = await (requestContext.pendingCaller ?? authenticate())
    requestContext.caller = caller
    options.limit(caller)
    return caller
  }

  const contextOf = (endpoint: Endpoint, caller: Caller, arrivedAt: number): CallContext => {
    const isWrite = endpoint.method !== 'get'
    const end = arrivedAt + (isWrite ? options.writeDeadlineMs : options.readDeadlineMs)
    const deadline = Math.max(end, options.clock.now() + 1)
    return { lane: isWrite ? 'writes' : 'people', client: caller.id, deadline }
  }

  const send = (
    req: Request,
    res: Response,
    endpoint: Endpoint,
    answer: StoredAnswer,
    type: string,
  ): void => {
    if ('freshness' in answer) req.requestContext.freshness = answer.freshness
    if ('cachedLookup' in answer && answer.cachedLookup)
      options.fastPath.remember(req.originalUrl, endpoint, answer.cachedLookup)
    options.responseBatcher.send(req, res, render(answer, req.headers, type, endpoint.dropIn))
  }

  return (endpoint, handle, read) => async (req, res) => {
    const arrivedAt = req.requestContext.startedAt
    const { headers } = req
    const { dropIn = false } = endpoint
    const authenticate = () => options.authenticate({ headers, dropIn, ownOrigin: () => ownOrigin(req) })

    // 400 credential in the URL.
    const parseAddress = readAddress(endpoint, req)

    // 401 credential, 429 limit.
    const caller = endpoint.scope === 'open' ? anonymous : await identify(req, authenticate)

    // 403 scope.
    authorizeScopes(caller, endpoint)

    // 404 organization of the path. A path that does not parse names none: 400.
    const address = parseAddress()
    if (address.pathFaults.length > 0)
      refuseFaults('request.invalid', [...address.pathFaults, ...address.queryFaults])
    if (!endpoint.anyOrganization) authorize(caller, { organization: organizationOf(address) })

    // 406 media type of the answer, 415 and 413 body.
    const contentType = negotiateType(endpoint, req.headers.accept)
    const sent = await readBody(endpoint, req, res)

    // 400 query and headers, 422 body.
    refuseFaults('request.invalid', address.queryFaults)
    const content = check(endpoint.body, sent, '')
    refuseFaults(endpoint.dropIn ? 'request.invalid' : 'request.invalid-body', content.faults)
    const query = address.query as Parsed<(typeof endpoint)['query']>
    const hasKey = idempotencyKeyOf(endpoint, req) !== undefined
    if (!hasKey && endpoint.keyRequired?.(content.value as never, query as never))
      throw new Failure('idempotency.required')
    const body = read ? await read(content.value as never, query) : content.value

    // 403 and 404 for what the body names: the function that the handler calls refuses it.
    const params = address.params as Parsed<(typeof endpoint)['params']>
    const context = contextOf(endpoint, caller, arrivedAt)
    const notBefore = wantsNewList(req) ? arrivedAt : undefined
    const checked = body as never
    const work = (requestKey: string) =>
      handle({ caller, params, query, body: checked, context, notBefore, requestKey, contentType, req })
    const run = endpoint.dropIn ? (requestKey: string) => asDropIn(() => work(requestKey)) : work
    const answer = await options.withIdempotency(endpoint, req, caller, run)
    if ('events' in answer)
      return options.streams.open(req, res, answer.events, () =>
        mayStillRead(authenticate, caller, endpoint, answer.organization),
      )
    send(req, res, endpoint, answer, contentType)
  }
}

type AuthenticateRequest = () => ReturnType<Authenticate>

const authorizeScopes = (caller: Caller, { scope, scopeToo }: Endpoint): void => {
  if (scope !== 'open' && scope !== 'any') authorize(caller, { scope })
  if (scopeToo) authorize(caller, { scope: scopeToo })
}

const organizationOf = ({ params }: Address): number | undefined => (params as { org?: number })?.org

/** Whether the reader of a stream still has the rights with which it began. An unverifiable credential keeps them. */
const mayStillRead = async (
  authenticate: AuthenticateRequest,
  { id }: Caller,
  endpoint: Endpoint,
  organization: number,
): Promise<boolean> => {
  try {
    const caller = await authenticate()
    authorizeScopes(caller, endpoint)
    authorize(caller, { organization })
    return caller.id === id
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

/** The origin under which the browser sees the gateway. X-Forwarded-* count only from TRUST_PROXY. */
export const ownOrigin = (req: Request): string => `${req.protocol}://${req.host}`

/** `fetch` adds no-cache when it validates; beside If-None-Match it therefore means nothing special. */
const wantsNewList = ({ headers }: Request): boolean =>
  headers['cache-control'] !== undefined &&
  headers['if-none-match'] === undefined &&
  /(^|,)\s*no-cache\s*(,|$)/i.test(headers['cache-control'])
