import type { Request, Response } from 'express'
import type { z } from 'zod'
import type { Authenticate } from '../access/authenticate.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'
import type { Tracing } from '../tracing/tracing.ts'
import type { RowsInTime } from '../writes/rows-in-time.ts'
import { type Address, checkAddress, type Given, readAddress } from './address.ts'
import { type Admit, type Admitted, tokensOf } from './admission.ts'
import { type Answer, render, type StoredAnswer } from './answer.ts'
import { asDropIn } from './as-drop-in.ts'
import { hasBody, parseBody, readBody } from './body.ts'
import { byDeadline } from './by-deadline.ts'
import {
  authorizeAgain,
  authorizeValue,
  checkArguments,
  checkHead,
  type Head,
  orgOf,
  readerNow,
} from './check-head.ts'
import type { EventStreams } from './event-stream.ts'
import type { FairWork } from './fair-work.ts'
import type { FastPath } from './fast-path.ts'
import { notBeforeOf, ownOrigin } from './request-context.ts'
import type { ResponseBatcher } from './response-batcher.ts'
import { checkBody, refuseFaults } from './validate.ts'
import type { WithIdempotency } from './with-idempotency.ts'
import { type EnterWrite, withoutPermit } from './write-gate.ts'

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined

/** The part of a handler's input that it hands on to what it calls. */
export type Call = {
  caller: Caller
  context: CallContext
  /** Monotonic ms. The caller wants a list fetched after this time (`Cache-Control: no-cache`). */
  notBefore: number | undefined
  /** Identifies what this request writes. A repetition under the same Idempotency-Key has the same. */
  requestKey: string
}

/** What a handler is given. Everything is parsed and checked, and the endpoint's rights are granted. */
type HandlerInput<E extends Endpoint> = Call & {
  params: Parsed<E['params']>
  query: Parsed<E['query']>
  body: Parsed<E['body']>
  /** The negotiated media type of the answer. */
  contentType: string
  req: Request
}

export type Handler<E extends Endpoint> = (input: HandlerInput<E>) => Promise<Answer> | Answer

/** Bytes of a body from which on parsing takes long enough to be noticed by others. */
const largeFrom = 16 * 1024
/** A body that takes longer is one during which rights may be withdrawn. */
const slowBodyMs = 500

/**
 * The order of refusals, the same for every endpoint. Unknown paths (404) and methods (405) are refused before. A caller
 * without the right never makes the gateway read or parse a body.
 */
export const createPipeline = (options: {
  authenticate: Authenticate
  admit: Admit
  /** The bound of rows that are sent before the deadline or not at all. */
  rowsInTime: RowsInTime
  fairWork: FairWork
  enterWrite: EnterWrite
  withIdempotency: WithIdempotency
  fastPath: FastPath
  clock: Clock
  responseBatcher: ResponseBatcher
  streams: EventStreams
  readDeadlineMs: number
  writeDeadlineMs: number
  /** @throws Failure `gateway.read-only` */
  refuseWrites(): void
  tracing: Tracing
}) => {
  const { admit, fastPath, clock, fairWork, responseBatcher, streams, tracing } = options
  const send = (
    endpoint: Endpoint,
    req: Request,
    res: Response,
    answer: StoredAnswer,
    contentType: string,
    admitted: Admitted,
  ): void => {
    if ('freshness' in answer) req.requestContext.freshness = answer.freshness
    if ('cachedLookup' in answer) fastPath.remember(req.originalUrl, endpoint, answer.cachedLookup)
    const response = render(answer, req.headers, contentType, endpoint.dropIn)
    // These bytes were made for this request alone.
    if (response.body && !('keptBody' in answer)) admitted.hold(res, response.body.length)
    responseBatcher.send(req, res, response)
  }

  /** The body of a request, read, parsed and checked. A large one waits for its turn among those of other clients. */
  const bodyOf = async (endpoint: Endpoint, req: Request, res: Response, { caller, charge }: Admitted) => {
    // 413 body, 400 and 422 its structure.
    const read = () => readBody(endpoint, req, res, endpoint.rowsInTime && options.rowsInTime)
    const sent = await (req.complete ? read() : withoutPermit(req.requestContext.permit, read))
    charge(tokensOf(0, sent?.parts))
    // 400 and 422 its content.
    const work = async () => checkBody(endpoint.body, await parseBody(endpoint, req, sent))
    const isLarge = (sent?.bytes.length ?? 0) >= largeFrom
    const { value, faults } = await (isLarge ? fairWork(caller.id, work) : work())
    refuseFaults(endpoint.dropIn ? 'request.invalid' : 'request.invalid-body', faults)
    return value
  }

  /** Serves one endpoint. @throws Failure the first refusal that applies */
  return <E extends Endpoint>(endpoint: E, handle: Handler<E>) => {
    const { dropIn = false, method, produces, failures = [] } = endpoint
    const isReadOnlyRefused = failures.includes('gateway.read-only')
    const mayBeInDoubt = failures.includes('write.in-doubt')
    const isStream = produces === 'text/event-stream'
    const lane = method === 'get' ? 'people' : 'writes'
    const deadlineMs = method === 'get' ? options.readDeadlineMs : options.writeDeadlineMs
    const run = dropIn ? asDropIn(handle) : handle

    const again = (req: Request, caller: Caller, body: unknown) => (organization: number | undefined) =>
      authorizeAgain(authenticate(req), caller, endpoint, { body, organization })
    /** 403 for a value of the body. 403 and 404 for what it names: the function that the handler calls refuses it. */
    const authorizeBody = async (req: Request, address: Address, caller: Caller, body: unknown) => {
      const isSlow = clock.now() - req.requestContext.startedAt > slowBodyMs
      // Rights may have been withdrawn while a slow body arrived.
      if (isSlow && endpoint.scope !== 'open') await again(req, caller, body)(orgOf(address))
      else authorizeValue(caller, endpoint, body)
    }

    /** A dry run changes nothing. */
    const refuseReadOnly = (...inputs: unknown[]): void => {
      const isDry = inputs.some((input) => (input as { dryRun?: boolean } | undefined)?.dryRun)
      if (isReadOnlyRefused && !isDry) options.refuseWrites()
    }

    const carryOut = async (
      req: Request,
      caller: Caller,
      address: Address,
      body: unknown,
      { contentType, idempotencyKey }: Head,
    ): Promise<Answer> => {
      const stillAllowed = again(req, caller, body)
      if (idempotencyKey === undefined && endpoint.keyRequired?.(body as never, address.query as never))
        throw new Failure('idempotency.required')
      if (endpoint.body) await authorizeBody(req, address, caller, body)
      refuseReadOnly(body, address.query)
      const deadline = Math.max(req.requestContext.startedAt + deadlineMs, clock.now() + 1)
      const input = {
        caller,
        params: address.params,
        query: address.query,
        body,
        contentType,
        req,
        context: {
          lane,
          client: caller.id,
          requestId: req.requestContext.requestId,
          deadline,
          stillAllowed,
          traceparent: tracing.traceparent(),
        },
        notBefore: notBeforeOf(req),
        requestKey: '',
      } as HandlerInput<E>
      const work = async (requestKey: string) => run({ ...input, requestKey })
      // A read writes nothing that needs a key. A copy of the input and random bytes are a tenth of its cost.
      if (method === 'get') return run(input)
      const keyed = { key: idempotencyKey, params: address.params }
      const answer = options.withIdempotency(endpoint, req, caller, keyed, work)
      return mayBeInDoubt ? byDeadline(clock, answer, deadline) : answer
    }

    const serve = async (req: Request, res: Response, address: Address, admitted: Admitted) => {
      const { caller } = admitted
      const head = checkHead(endpoint, req, address, caller)
      const body = endpoint.body || hasBody(req) ? await bodyOf(endpoint, req, res, admitted) : undefined
      const answer = await carryOut(req, caller, address, body, head)
      if (!('events' in answer)) return send(endpoint, req, res, answer, head.contentType, admitted)
      const stillAllowed = again(req, caller, body)
      streams.open(req, res, answer.events, () => readerNow(stillAllowed(answer.organization), caller))
    }
    const authenticate = (req: Request) => () =>
      options.authenticate({ headers: req.headers, dropIn, isStream, ownOrigin: () => ownOrigin(req) })

    return {
      serve: async (req: Request, res: Response): Promise<void> => {
        req.requestContext.route = endpoint.path
        // 400 credential in the URL.
        const address = readAddress(endpoint, req)
        // 401 credential, 429 limit and requests in flight.
        const admitted = await admit(endpoint, req, authenticate(req))
        try {
          await serve(req, res, address, admitted)
        } finally {
          admitted.leave()
        }
      },
      /** The same for a tool, within a request whose caller was let in. JSON is answered. */
      perform: async (req: Request, caller: Caller, given: Given): Promise<Answer> => {
        const address = checkAddress(endpoint, given)
        const head = checkArguments(endpoint, address, caller)
        if (method !== 'get') await options.enterWrite(req, req.res as Response)
        const { value, faults } = await checkBody(endpoint.body, given.body)
        refuseFaults('request.invalid-body', faults)
        return carryOut(req, caller, address, value, head)
      },
    }
  }
}

export type Pipeline = ReturnType<typeof createPipeline>
