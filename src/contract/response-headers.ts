import { type FailureCode, failures } from '../errors.ts'
import type { Endpoint } from './endpoints.ts'

const text = { type: 'string' }
const seconds = { type: 'integer', minimum: 0 }

/** Response headers that the document describes. `required`: always sent where the document names the header. */
export const responseHeaders = {
  'X-Request-Id': {
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{8,64}$' },
    description: 'Names the request in the log of the gateway. A valid one of the caller is kept.',
  },
  ETag: {
    required: true,
    schema: { type: 'string', pattern: '^"[^"]+"$' },
    description: 'Strong validator. It changes only with the content. Send it in If-None-Match.',
  },
  Age: { required: true, schema: seconds, description: 'Seconds since ChatHub gave this content.' },
  'Cache-Status': { required: true, schema: text, description: 'RFC 9211; the cache is `chathub-gateway`.' },
  Location: { required: true, schema: text, description: 'Path of the operation.' },
  'Retry-After': {
    schema: { ...seconds, minimum: 1 },
    description: 'Seconds to wait before the next request. Every 202, 429 and 503 has it.',
  },
  RateLimit: { required: true, schema: text, description: 'Requests left (`r`) and seconds to wait (`t`).' },
  'RateLimit-Policy': {
    required: true,
    schema: text,
    description: 'Requests (`q`) per window (`w` seconds).',
  },
  'Idempotency-Replayed': {
    schema: { type: 'string', enum: ['true'] },
    description: 'The Idempotency-Key was used before; nothing was done twice.',
  },
  'WWW-Authenticate': { required: true, schema: text, description: 'RFC 6750 challenge.' },
  'Set-Cookie': { required: true, schema: text, description: 'Sets or removes the session cookie.' },
  'Content-Disposition': { schema: text, description: 'File name of a CSV answer.' },
} as const
export type ResponseHeader = keyof typeof responseHeaders

/** The headers of one status of an endpoint, given the failures that have this status. */
export const headersOf = (
  { cached, idempotent, headers = [] }: Endpoint,
  status: number,
  codes: readonly FailureCode[],
): ResponseHeader[] => {
  const retryLater =
    [202, 429, 503].includes(status) || codes.some((code) => failures[code].retry === 'later')
  const when = (condition: unknown, ...names: ResponseHeader[]) => (condition ? names : [])
  return [
    'X-Request-Id',
    ...when(cached && (status === 200 || status === 304), 'ETag', 'Age', 'Cache-Status'),
    ...when(status === 202, 'Location'),
    ...when(status < 300, ...headers),
    ...when(status < 300 && idempotent, 'Idempotency-Replayed'),
    ...when(status === 401, 'WWW-Authenticate'),
    ...when(status === 429, 'RateLimit', 'RateLimit-Policy'),
    ...when(retryLater, 'Retry-After'),
  ]
}
