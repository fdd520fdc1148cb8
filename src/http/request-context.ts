import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Request } from 'express'
import type { Caller } from '../access/caller.ts'
import type { Freshness } from '../cache/cache.ts'
import type { Permit } from './write-gate.ts'

/** One request: the source of its log line and its metrics. */
export type RequestContext = {
  requestId: string
  /** Monotonic ms. */
  startedAt: number
  method: string
  /** The path as in the OpenAPI document, never the URL with its values. */
  route: string
  /** Set while the fast path's authentication is in flight. */
  pendingCaller: Promise<Caller> | undefined
  /** Set once authenticated; the rate limit has counted this request. */
  caller: Caller | undefined
  freshness: Freshness | undefined
  permit: Permit | undefined
  /** The client sends its body only after `100 Continue`. */
  awaitsContinue: boolean
  /** The connection ends with its answer. */
  isLast: boolean
  code: string | undefined
  /** Header lines that depend on the request, such as CORS. */
  headerLines: string
}

declare module 'node:http' {
  interface IncomingMessage {
    requestContext: RequestContext
  }
}

const idPattern = /^[A-Za-z0-9_-]{8,64}$/

export const newRequestContext = (method: string, requestId: string, now: number): RequestContext => ({
  requestId,
  startedAt: now,
  method,
  route: 'unknown',
  pendingCaller: undefined,
  caller: undefined,
  freshness: undefined,
  permit: undefined,
  awaitsContinue: false,
  isLast: false,
  code: undefined,
  headerLines: '',
})

/** The request id is that of the caller where it is valid, else a new one. */
export const beginRequest = (req: IncomingMessage, now: number): RequestContext => {
  const given = req.headers['x-request-id']
  const requestId = typeof given === 'string' && idPattern.test(given) ? given : randomUUID()
  req.requestContext = newRequestContext(req.method ?? '', requestId, now)
  return req.requestContext
}

/** Monotonic ms: the caller wants a list fetched after this time (`Cache-Control: no-cache`). */
export const notBeforeOf = ({ headers, requestContext }: IncomingMessage): number | undefined => {
  const control = headers['cache-control']
  // `fetch` adds no-cache when it validates; beside If-None-Match it therefore means nothing special.
  if (control === undefined || headers['if-none-match'] !== undefined) return undefined
  return /(^|,)\s*no-cache\s*(,|$)/i.test(control) ? requestContext.startedAt : undefined
}

/** The origin under which the browser sees the gateway. X-Forwarded-* count only from TRUST_PROXY. */
export const ownOrigin = (req: Request): string => `${req.protocol}://${req.host}`
