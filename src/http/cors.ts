import type { IncomingMessage } from 'node:http'
import { sessionHeader } from '../contract/system.ts'
import { serializeHeaders } from './header-writer.ts'
import type { RequestContext } from './request-context.ts'

const exposed =
  'Age, Cache-Status, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id'
const accepted = `Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-API-Key, X-Request-Id, ${sessionHeader}`

const preflightLines = serializeHeaders({
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PATCH, DELETE',
  'Access-Control-Allow-Headers': accepted,
  'Access-Control-Max-Age': '600',
  Vary: 'Origin',
})

export type Cors = {
  /** Adds the headers with which a listed origin may read the answer. */
  allow(req: IncomingMessage, requestContext: RequestContext): void
  /** Header lines of the answer to a preflight of a listed origin; undefined for any other request. */
  preflight(req: IncomingMessage): string | undefined
}

/** Exact origins with credentials; never `*`, never a pattern. */
export const createCors = (origins: readonly string[]): Cors => {
  const isListed = (origin: string | undefined): origin is string =>
    origin !== undefined && origins.includes(origin)
  return {
    allow: ({ headers: { origin } }, requestContext) => {
      if (isListed(origin))
        requestContext.headerLines = serializeHeaders({
          'Access-Control-Allow-Origin': origin,
          'Access-Control-Allow-Credentials': 'true',
          'Access-Control-Expose-Headers': exposed,
        })
    },
    preflight: ({ method, headers }) => {
      const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
      return isPreflight && isListed(headers.origin) ? preflightLines : undefined
    },
  }
}
