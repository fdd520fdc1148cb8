import type { IncomingMessage } from 'node:http'
import { sessionHeader } from '../contract/system.ts'
import { serializeHeaders } from './header-writer.ts'
import type { RequestContext } from './request-context.ts'

const exposed =
  'Age, Cache-Status, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id'
const allowedHeaders = `Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-API-Key, X-Request-Id, ${sessionHeader}`

const preflightLines = serializeHeaders([
  'Access-Control-Allow-Methods',
  'GET, HEAD, POST, PATCH, DELETE',
  'Access-Control-Allow-Headers',
  allowedHeaders,
  'Access-Control-Max-Age',
  '600',
  'Vary',
  'Origin',
])

export type Cors = {
  /** Adds the headers that let a listed origin read the answer; others get none. */
  allow(req: IncomingMessage, requestContext: RequestContext): void
  /** Lines of the answer to a preflight of a listed origin; undefined: this is no preflight, or of somebody else. */
  preflight(req: IncomingMessage): string | undefined
}

/** Exact origins with credentials; never `*`, never a pattern. */
export const createCors = (origins: readonly string[]): Cors => {
  const listed = new Set(origins)
  return {
    allow: (req, requestContext) => {
      const { origin } = req.headers
      if (origin !== undefined && listed.has(origin))
        requestContext.headerLines = serializeHeaders([
          'Access-Control-Allow-Origin',
          origin,
          'Access-Control-Allow-Credentials',
          'true',
          'Access-Control-Expose-Headers',
          exposed,
        ])
    },
    preflight: (req) => {
      const { origin } = req.headers
      if (
        req.method !== 'OPTIONS' ||
        origin === undefined ||
        !listed.has(origin) ||
        req.headers['access-control-request-method'] === undefined
      )
        return undefined
      return preflightLines
    },
  }
}
