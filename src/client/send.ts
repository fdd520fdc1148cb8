import type { CallOptions } from './call.ts'
import { ConnectionError, errorOf, GatewayError, TimeoutError } from './errors.ts'

export type ClientOptions = {
  /** Origin of the gateway. Default: that of the page. */
  baseUrl?: string
  /** A key, a gateway token or a JWT, or a function that gives it for each request. */
  key?: string | (() => string | Promise<string>)
  /** Uses the session cookie of the browser instead of a key. */
  session?: boolean
  /** Ms for a whole call with its retries. Default: 30,000. */
  timeout?: number
  /** How often a call is repeated that failed for a passing reason. Default: 2. */
  retries?: number
  /** Default: that of the platform. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Waits before a repetition. Tests hand in one that does not. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** What fetch sends. */
export type Body = NonNullable<RequestInit['body']>

/** One request. `read` gets the answer of a success; what breaks while it reads is repeated, too. */
export type Request<T> = CallOptions & {
  method: string
  path: string
  query?: object | undefined
  body?: Body
  read: (response: Response) => Promise<T>
  retries?: number
}

export const waitFor = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })

/** Ms before the next attempt: what the gateway asks for, or ¼ s, ½ s, 1 s … with jitter. */
export const backoff = (failed: number, retryAfter = 0): number =>
  Math.max(retryAfter * 1000, Math.min(10_000, 125 * 2 ** failed) * (0.5 + Math.random()))

/** Whether the reason passes by itself. */
export const isPassing = ({ code, status }: GatewayError): boolean =>
  code === 'connection' ||
  code === 'idempotency.in-flight' ||
  (code !== 'write.in-doubt' && [408, 429, 502, 503, 504].includes(status))

/** Whether the request may be sent again. Without a key a POST may not, if it may have been carried out. */
const mayRepeat = (error: GatewayError, { method, headers }: Request<unknown>): boolean =>
  isPassing(error) &&
  (method !== 'POST' || 'Idempotency-Key' in (headers ?? {}) || [408, 429, 503].includes(error.status))

/** The outcome of work that knows nothing of the signal. */
const unlessAborted = <T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    Promise.resolve(work).then(resolve, reject)
  })

const urlOf = (path: string, query: object = {}): string => {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

/** Sends requests with credential, timeout and repetitions. @throws GatewayError, or the reason of the caller's signal */
export const createSend = (options: ClientOptions) => {
  const { baseUrl = '', key, session, timeout: usual = 30_000, retries = 2, pause = waitFor } = options
  const ask = options.fetch ?? ((url, init) => fetch(url, init))
  const origin = baseUrl.replace(/\/+$/, '')
  // A key beside the cookie of a session would be two credentials.
  const cookies: RequestInit = session ? { credentials: 'include' } : key ? { credentials: 'omit' } : {}

  const once = async <T>(request: Request<T>, signal: AbortSignal): Promise<T> => {
    const credential = typeof key === 'function' ? await unlessAborted(key(), signal) : key
    const init: RequestInit = {
      method: request.method,
      headers: {
        ...(credential && { Authorization: `Bearer ${credential}` }),
        ...(session && { 'X-Gateway-Session': '1' }),
        ...request.headers,
      },
      signal,
      ...cookies,
      ...(request.body !== undefined && { body: request.body }),
    }
    try {
      const response = await ask(origin + urlOf(request.path, request.query), init)
      if (!response.ok && response.status !== 304) throw await errorOf(response)
      return await request.read(response)
    } catch (error) {
      if (error instanceof GatewayError || signal.aborted) throw error
      throw new ConnectionError('connection', 'The gateway was not reached.', { cause: error })
    }
  }

  /** Ms until the next attempt. @throws the error, when there is none before `until` */
  const delayAfter = (error: unknown, failed: number, request: Request<unknown>, until: number): number => {
    if (!(error instanceof GatewayError) || !mayRepeat(error, request)) throw error
    const ms = backoff(failed, error.retryAfter)
    // A caller learns at once what it would not live to see.
    if (failed > (request.retries ?? retries) || Date.now() + ms > until) throw error
    return ms
  }

  return async <T>(request: Request<T>): Promise<T> => {
    const { timeout = usual } = request
    const until = Date.now() + timeout
    const late = timeout === Infinity ? new AbortController().signal : AbortSignal.timeout(timeout)
    const signal = request.signal ? AbortSignal.any([late, request.signal]) : late
    const stopIfAborted = (cause: unknown): void => {
      request.signal?.throwIfAborted()
      if (late.aborted)
        throw new TimeoutError('timeout', `There was no answer within ${timeout} ms.`, { cause })
    }
    for (let failed = 1; ; failed++) {
      stopIfAborted(undefined)
      try {
        return await once(request, signal)
      } catch (error) {
        stopIfAborted(error)
        await pause(delayAfter(error, failed, request, until), signal).catch(stopIfAborted)
      }
    }
  }
}

export type Send = ReturnType<typeof createSend>
