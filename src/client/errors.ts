import type { Fault, Problem, ProblemCode } from './api.ts'

/** Any failure of a call. Its classes below say what to do. */
export class GatewayError extends Error {
  override name = 'GatewayError'
  /** The code of the problem document. `unreadable`: the answer was none, as from a proxy. */
  readonly code: ProblemCode | 'unreadable' | 'connection' | 'timeout'
  /** Of the answer. 0: there was none. */
  readonly status: number
  /** Names the request in the log of the gateway. */
  readonly requestId: string | undefined
  /** Seconds after which a repetition can succeed. */
  readonly retryAfter: number | undefined
  /** Every fault of the input, with its place. */
  readonly errors: Fault[]

  constructor(
    code: GatewayError['code'],
    message: string,
    more: {
      status?: number
      requestId?: string
      retryAfter?: number
      errors?: Fault[]
      cause?: unknown
    } = {},
  ) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined)
    this.code = code
    this.status = more.status ?? 0
    this.requestId = more.requestId
    this.retryAfter = more.retryAfter
    this.errors = more.errors ?? []
  }
}

/** `request.*`, `body.*`, `route.*`, `idempotency.*`: correct the request. `errors` names each place. */
export class InvalidRequestError extends GatewayError {
  override name = 'InvalidRequestError'
}
/** `credential.*`, `session.*`, status 401: sign in again, or use another key. */
export class AuthenticationError extends GatewayError {
  override name = 'AuthenticationError'
}
/** `scope.*`, `csrf.*`, status 403: the credential may not do this. */
export class PermissionError extends GatewayError {
  override name = 'PermissionError'
}
/** `*.unknown`, status 404 and 410: it does not exist, or it is not the caller's. */
export class NotFoundError extends GatewayError {
  override name = 'NotFoundError'
}
/** Status 409 and 412: the state of the gateway does not allow it now. */
export class ConflictError extends GatewayError {
  override name = 'ConflictError'
}
/** `limit.*`, `quota.*`, status 429: wait for `retryAfter`. */
export class RateLimitError extends GatewayError {
  override name = 'RateLimitError'
}
/** `chathub.*`, `queue.*`, `redis.*`, `storage.*`, `server.*`, status 502 to 504: try again later. */
export class UnavailableError extends GatewayError {
  override name = 'UnavailableError'
}
/** `write.in-doubt`, `gateway.internal`: it may have been carried out. Read the state before you repeat it. */
export class OutcomeUnknownError extends GatewayError {
  override name = 'OutcomeUnknownError'
}
/** The gateway was not reached, or the connection broke. */
export class ConnectionError extends GatewayError {
  override name = 'ConnectionError'
}
/** The call took longer than its `timeout`. */
export class TimeoutError extends GatewayError {
  override name = 'TimeoutError'
}

const classOf = (code: string, status: number) => {
  if (code === 'write.in-doubt' || status === 500) return OutcomeUnknownError
  if (status > 500) return UnavailableError
  const known: Record<number, typeof GatewayError> = {
    401: AuthenticationError,
    403: PermissionError,
    404: NotFoundError,
    410: NotFoundError,
    409: ConflictError,
    412: ConflictError,
    429: RateLimitError,
  }
  return known[status] ?? InvalidRequestError
}

/** The error of an answer that is no success. It reads the body. */
export const errorOf = async (response: Response): Promise<GatewayError> => {
  const { status, headers } = response
  const problem = ((await response.json().catch(() => null)) ?? {}) as Partial<Problem>
  const code = (problem.code ?? 'unreadable') as ProblemCode | 'unreadable'
  const requestId = problem.requestId ?? headers.get('x-request-id')
  const after = Number(headers.get('retry-after') ?? Number.NaN)
  return new (classOf(code, status))(code, problem.detail ?? `The answer has status ${status}.`, {
    status,
    ...(requestId && { requestId }),
    ...(after >= 0 && { retryAfter: after }),
    ...(problem.errors && { errors: problem.errors }),
  })
}
