import type { IncomingMessage } from 'node:http'
import { responseHeaders } from '../contract/response-headers.ts'
import { sessionHeader } from '../contract/session.ts'
import { serializeHeaders } from './header-writer.ts'
import type { RequestContext } from './request-context.ts'

/** All headers of the contract but the cookie, which no script may read. */
const exposed = Object.keys(responseHeaders)
  .filter((name) => name !== 'Set-Cookie')
  .join(', ')
const accepted = `Accept, Authorization, Cache-Control, Content-Encoding, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Mcp-Method, Mcp-Name, Mcp-Protocol-Version, X-API-Key, X-Request-Id, ${sessionHeader}`
/** What tracing libraries add to every request of a page. */
const tracing = 'traceparent, tracestate, baggage, sentry-trace'

/** Exact origins with credentials; never `*`, never a pattern. `more`: further headers that pages may send. */
export const createCors = (origins: readonly string[], more: readonly string[]) => {
  const preflightLines = serializeHeaders({
    'Access-Control-Allow-Methods': 'GET, HEAD, POST, PATCH, DELETE',
    'Access-Control-Allow-Headers': [accepted, tracing, ...more].join(', '),
    'Access-Control-Max-Age': '600',
    Vary: 'Origin',
  })
  return {
    /** Adds the headers with which a listed origin may read the answer. */
    allow: ({ headers: { origin } }: IncomingMessage, requestContext: RequestContext): void => {
      if (origin !== undefined && origins.includes(origin))
        requestContext.headerLines = serializeHeaders({
          'Access-Control-Allow-Origin': origin,
          'Access-Control-Allow-Credentials': 'true',
          'Access-Control-Expose-Headers': exposed,
        })
    },
    /** Header lines of the answer to a preflight of a listed origin; undefined for any other request. */
    preflight: ({ method, headers }: IncomingMessage): string | undefined => {
      const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
      return isPreflight && origins.includes(headers.origin ?? '') ? preflightLines : undefined
    },
  }
}

export type Cors = ReturnType<typeof createCors>
