import { type FailureCode, failures } from '../errors.ts'
import type { Endpoint } from './endpoints.ts'

const text = { type: 'string' }
const seconds = { type: 'integer', minimum: 0 }

const header = (schema: object, description: string, required = true) => ({ required, schema, description })

/** Response headers that the document describes. `required`: always sent where the document names the header. */
// biome-ignore format: a table reads best one row a line
export const responseHeaders = {
  'X-Request-Id': header({ type: 'string', pattern: '^[A-Za-z0-9_-]{8,64}$' }, 'Names the request in the log of the gateway. A valid one of the caller is kept.'),
  ETag: header({ type: 'string', pattern: '^"[^"]+"$' }, 'Strong validator. It changes only with the content. Send it in If-None-Match.'),
  Age: header(seconds, 'Seconds since ChatHub gave this content.'),
  'Cache-Status': header(text, 'RFC 9211; the cache is `chathub-gateway`.'),
  Location: header(text, 'Path of the operation, or where the browser goes on.'),
  'Retry-After': header({ ...seconds, minimum: 1 }, 'Seconds to wait before the next request. Every 202, 429 and 503 has it.', false),
  RateLimit: header(text, 'What is left (`r`) and seconds to wait (`t`, not for `concurrency` and `client-streams`).'),
  'RateLimit-Policy': header(text, 'Requests (`q`) per window (`w` seconds) for `client`; at once for `concurrency`; what is kept for quotas such as `client-rows`.'),
  'Idempotency-Replayed': header({ type: 'string', enum: ['true'] }, 'The Idempotency-Key was used before; nothing was done twice.', false),
  'WWW-Authenticate': header(text, 'RFC 6750 challenge.'),
  'Accept-Post': header(text, 'The media types of a body that this endpoint takes.', false),
  'Accept-Patch': header(text, 'The media types of a body that this endpoint takes.', false),
  'Accept-Encoding': header(text, 'The codings of a body that this endpoint takes.', false),
  'Set-Cookie': header(text, 'Sets or removes the session cookie, or that of an attempt to sign in.', false),
  'Cross-Origin-Opener-Policy': header(text, 'Keeps pages of other origins away from the window of the page.', false),
  'Server-Timing': header(text, 'What the request waited for, in ms: `cache`, `queue`, `chathub`, `total`. Only with SERVER_TIMING.', false),
  Link: header(text, 'RFC 8288: `rel="next"` is the next page.', false),
  'Content-Disposition': header(text, 'File name of a CSV or NDJSON answer. It holds the time of the data.', false),
  'Unavailable-Organizations': header(text, 'Ids of organizations that a CSV or NDJSON answer lacks, because their list was not available in time.', false),
}
export type ResponseHeader = keyof typeof responseHeaders

/** The headers of one status of an endpoint, given the failures that have this status. */
export const headersOf = (
  { answers, cached, idempotent, method, headers = [] }: Endpoint,
  status: number,
  codes: readonly FailureCode[],
): ResponseHeader[] => {
  // A 202 without a body accepts a message that has no outcome.
  const isPending = status === 202 && answers[202] !== null
  const retryLater =
    isPending || [429, 503].includes(status) || codes.some((code) => failures[code].retry === 'later')
  const when = (condition: unknown, ...names: ResponseHeader[]) => (condition ? names : [])
  return [
    'X-Request-Id',
    ...when(status < 400, 'Server-Timing'),
    ...when(cached && (status === 200 || status === 304), 'ETag', 'Age', 'Cache-Status'),
    ...when(isPending, 'Location'),
    ...when(status < 400, ...headers),
    ...when(status < 300 && idempotent, 'Idempotency-Replayed'),
    ...when(status === 401, 'WWW-Authenticate'),
    ...when(status === 415, method === 'patch' ? 'Accept-Patch' : 'Accept-Post', 'Accept-Encoding'),
    ...when(status === 429, 'RateLimit', 'RateLimit-Policy'),
    ...when(retryLater, 'Retry-After'),
  ]
}
