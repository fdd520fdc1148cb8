import { Failure, failures, isFailure } from '../errors.ts'
import { serializeHeaders } from './header-writer.ts'
import type { Response } from './respond.ts'

/** Any thrown value as the failure that a caller may see. */
export const asFailure = (error: unknown): Failure => {
  if (isFailure(error)) return error
  const { code, status } = (error ?? {}) as { code?: string; status?: number }
  if (code === 'ECONNRESET') return new Failure('request.malformed', { cause: error })
  // Express throws a URIError with status 400 for a path such as %zz.
  if (status !== 400) return new Failure('gateway.internal', { cause: error })
  const detail = 'The path is not valid percent-encoded UTF-8.'
  return new Failure('request.malformed', { cause: error, detail })
}

/** The text of a header in a sentence, unless it is missing, long or odd. */
export const quoted = (text: string): string =>
  text === '' ? 'nothing' : /^[\x20-\x7e]{1,100}$/.test(text) ? `"${text}"` : 'something else'

/** Seconds for Retry-After: rounded up, so that waiting them is enough; at least 1, at most an hour. */
const retryAfterSeconds = (ms: number): string => String(Math.min(3600, Math.max(1, Math.ceil(ms / 1000))))

/**
 * The problem document (RFC 9457) of a failure. Every 429 and 503 has Retry-After, every 401 WWW-Authenticate. The header
 * `connection` of a failure is left to the sender.
 */
export const problemResponse = (failure: Failure, requestId: string): Response & { body: Buffer } => {
  const { code, status, detail, errors } = failure
  const { title } = failures[code]
  const { connection: _, ...own } = failure.headers ?? {}
  const instance = `urn:uuid:${requestId}`
  const document = { type: `/docs/problems/${code}`, title, status, detail, instance, code, requestId }
  const body = Buffer.from(JSON.stringify(errors ? { ...document, errors } : document))
  const retryMs = failure.retryAfterMs ?? (status === 503 || status === 429 ? 1000 : undefined)
  const lines = serializeHeaders({
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    ...(retryMs !== undefined && { 'Retry-After': retryAfterSeconds(retryMs) }),
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer realm="chathub-gateway"' }),
    ...own,
  })
  return { status, lines, body }
}
