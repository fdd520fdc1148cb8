import { Failure, failures, isFailure } from '../errors.ts'
import { serializeHeaders } from './header-writer.ts'
import type { Response } from './respond.ts'

/** Whatever was thrown, as the failure a caller may see. */
export const asFailure = (error: unknown): Failure => {
  if (isFailure(error)) return error
  const { code, status } = (error ?? {}) as { code?: string; status?: number }
  if (code === 'ECONNRESET') return new Failure('request.malformed', { cause: error })
  // Express throws a URIError with status 400 for a path such as %zz.
  if (status === 400)
    return new Failure('request.malformed', {
      cause: error,
      detail: 'The path is not valid percent-encoded UTF-8.',
    })
  return new Failure('gateway.internal', { cause: error })
}

/** Seconds for Retry-After, so that waiting them is enough: rounded up, at least 1, at most an hour. */
const retryAfterSeconds = (ms: number): string => String(Math.min(3600, Math.max(1, Math.ceil(ms / 1000))))

/**
 * The problem document (RFC 9457) of a failure. Every 429 and 503 says when to come back, every 401 which credential is
 * wanted. The header `connection` of a failure is left to the sender.
 */
export const problemResponse = (failure: Failure, requestId: string): Response & { body: Buffer } => {
  const { code, status, detail, errors, headers: own = {} } = failure
  const document = {
    type: `/docs/problems/${code}`,
    title: failures[code].title,
    status,
    detail,
    instance: `urn:uuid:${requestId}`,
    code,
    requestId,
    ...(errors && { errors }),
  }
  const body = Buffer.from(JSON.stringify(document))
  const headers = ['Content-Type', 'application/problem+json; charset=utf-8', 'Cache-Control', 'no-store']
  const retryMs = failure.retryAfterMs ?? (status === 503 || status === 429 ? 1000 : undefined)
  if (retryMs !== undefined) headers.push('Retry-After', retryAfterSeconds(retryMs))
  if (status === 401 && !own['WWW-Authenticate'])
    headers.push('WWW-Authenticate', 'Bearer realm="chathub-gateway"')
  for (const [name, value] of Object.entries(own)) if (name !== 'connection') headers.push(name, value)
  headers.push('Content-Length', String(body.length))
  return { status, lines: serializeHeaders(headers), body }
}
