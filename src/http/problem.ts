import { Failure, failures, isFailure } from '../errors.ts'

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

/** The problem document (RFC 9457) of a failure. */
export const problemOf = (failure: Failure, requestId: string) => ({
  type: `/docs/problems/${failure.code}`,
  title: failures[failure.code].title,
  status: failure.status,
  detail: failure.detail,
  instance: `urn:uuid:${requestId}`,
  code: failure.code,
  requestId,
  ...(failure.errors && { errors: failure.errors }),
})

/** Seconds for Retry-After, so that waiting them is enough: rounded up, at least 1, at most an hour. */
const retryAfterSeconds = (ms: number): string => String(Math.min(3600, Math.max(1, Math.ceil(ms / 1000))))

const challenge = 'Bearer realm="chathub-gateway"'

/**
 * Headers that go with a failure, without `Connection`; flat name, value, … Every 429 and 503 says when to come back, every
 * 401 what is wanted.
 */
export const problemHeaders = (failure: Failure): string[] => {
  const headers = ['Content-Type', 'application/problem+json; charset=utf-8', 'Cache-Control', 'no-store']
  const retryMs =
    failure.retryAfterMs ?? (failure.status === 503 || failure.status === 429 ? 1000 : undefined)
  if (retryMs !== undefined) headers.push('Retry-After', retryAfterSeconds(retryMs))
  if (failure.status === 401 && !failure.headers?.['WWW-Authenticate'])
    headers.push('WWW-Authenticate', challenge)
  for (const [name, value] of Object.entries(failure.headers ?? {}))
    if (name !== 'connection') headers.push(name, value)
  return headers
}
