import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Caller } from '../access/caller.ts'
import type { Freshness } from '../cache/cache.ts'

/** One request on its way through the router: what its log line and its numbers are made of. */
export type RequestContext = {
  requestId: string
  /** Monotonic ms. */
  startedAt: number
  method: string
  /** The path as in the OpenAPI document, never the URL with its values. */
  route: string
  /** Set when the caller is being looked for already. */
  pendingCaller: Promise<Caller> | undefined
  /** Once it is known; its limit has counted this request. */
  caller: Caller | undefined
  freshness: Freshness | undefined
  /** Its body is sent when it is told to go on. */
  awaitsContinue: boolean
  /** The failure code of a problem document. */
  code: string | undefined
  /** Lines of the answer's head that belong to the requestContext, such as CORS. */
  headerLines: string
}

declare module 'node:http' {
  interface IncomingMessage {
    requestContext: RequestContext
  }
}

const ownId = /^[A-Za-z0-9_-]{8,64}$/

/** The caller's request id where it is one, else our own. */
export const requestIdOf = (req: IncomingMessage): string => {
  const given = req.headers['x-request-id']
  return typeof given === 'string' && ownId.test(given) ? given : randomUUID()
}

export const newRequestContext = (method: string, requestId: string, now: number): RequestContext => ({
  requestId,
  startedAt: now,
  method,
  route: 'unknown',
  pendingCaller: undefined,
  caller: undefined,
  freshness: undefined,
  awaitsContinue: false,
  code: undefined,
  headerLines: '',
})

export const beginRequest = (req: IncomingMessage, now: number): RequestContext => {
  req.requestContext = newRequestContext(req.method ?? '', requestIdOf(req), now)
  return req.requestContext
}
