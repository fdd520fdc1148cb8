import { isIP } from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import type { Clock } from '../clock.ts'
import { Failure, type FailureCode } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { createLookup } from './lookup.ts'

/** What a call is for, in order of urgency: reads of people, writes, imports, background refreshes. */
export type Lane = 'people' | 'writes' | 'imports' | 'refreshes'

/** For whom a call is made, and until when its answer is useful. */
export type CallContext = {
  lane: Lane
  /** Client id; clients share a lane fairly. */
  client: string
  /** On the clock's monotonic scale, ms. */
  deadline: number
  signal?: AbortSignal
  /** Called as the request of a write leaves. False: the organization lock was lost, so nothing is sent. */
  maySend?: () => boolean
}

/** One request to ChatHub. `write`: it changes data, so it may be left in doubt and is never repeated blindly. */
export type Call = {
  operation: 'login' | 'organizations' | 'operators' | 'synchronize' | 'status' | 'token' | 'validate'
  method: 'GET' | 'POST'
  path: string
  body?: string
  write: boolean
  token?: string
  context: CallContext
  /** Called as the first byte leaves. False: the slot has expired, so nothing is sent. */
  maySend?: () => boolean
}

/** A 2xx answer. `sentAt`: when its request left (monotonic ms). */
export type Reply = { status: number; body: Buffer; sentAt: number }

/** The function type of every layer on the way to ChatHub. @throws Failure */
export type Exchange = (call: Call) => Promise<Reply>

/** The slot expired while a connection was made. Nothing was sent, and the rate limit takes another slot. */
export class SlotTooOld extends Error {}
/** The cause of a failure that says nothing about ChatHub: its time was cut short, or the caller left. */
export class CallerGaveUp extends Error {}

const bodyMax = 8 * 1024 * 1024

type Options = {
  origin: URL
  authHeader: 'authorization' | 'x-authorization-key'
  timeoutMs: number
  clock: Clock
  report: Reporter
}

/**
 * Sends one request over HTTP/1.1 to a fixed origin. It follows no redirect and decodes no compression. Bodies have at
 * most 8 MiB, and one time limit covers everything up to the last byte. A failed write that ChatHub may have executed has
 * `inDoubt`.
 */
export const createExchange = (options: Options): { exchange: Exchange; close(): Promise<void> } => {
  const { clock, origin, report } = options
  const pool = new Pool(origin.origin, {
    connections: 64,
    pipelining: 1,
    connect: {
      timeout: Math.min(1000, options.timeoutMs),
      // Set explicitly, it also overrides NODE_TLS_REJECT_UNAUTHORIZED=0.
      rejectUnauthorized: true,
      ...(isLocal(origin) ? {} : { lookup: createLookup() as never }),
    },
    headersTimeout: 0,
    // The rest of a refusal is read without a caller; this limit frees its connection if the body stops.
    bodyTimeout: options.timeoutMs,
    maxResponseSize: bodyMax,
    keepAliveTimeout: 4000,
  })

  const exchange: Exchange = async (call) => {
    const startedAt = clock.now()
    const { operation } = call
    try {
      const reply = await attempt(pool, call, options)
      const ms = clock.now() - startedAt
      report({ name: 'upstream', operation, outcome: 'ok', status: reply.status, ms })
      return reply
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const { status } = (error.cause ?? {}) as { status?: number }
      report({ name: 'upstream', operation, outcome: error.code, status, ms: clock.now() - startedAt })
      throw error
    }
  }
  return { exchange, close: () => pool.destroy() }
}

/** A simulator, or a ChatHub that is configured by its address. */
const isLocal = (origin: URL): boolean =>
  origin.protocol === 'http:' ||
  isIP(origin.hostname.replace(/^\[|\]$/g, '')) !== 0 ||
  origin.hostname === 'localhost'

const headersOf = ({ body, token }: Call, authHeader: Options['authHeader']): Record<string, string> => ({
  // The documents of ChatHub ask for `Accept: text/plain`, although it answers JSON.
  accept: 'text/plain, application/json',
  'accept-encoding': 'identity',
  ...(body !== undefined && { 'content-type': 'application/json' }),
  ...(token !== undefined && { [authHeader]: authHeader === 'authorization' ? `Bearer ${token}` : token }),
})

const attempt = (pool: Pool, call: Call, { authHeader, clock, timeoutMs }: Options): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { deadline, signal } = call.context
    let sentAt: number | undefined
    let status = 0
    let controller: Dispatcher.DispatchController | undefined
    let settled = false
    const chunks: Buffer[] = []

    const settle = (finish: () => void) => {
      if (settled) return
      settled = true
      cancelTimer()
      signal?.removeEventListener('abort', aborted)
      finish()
    }
    const fail = (code: FailureCode, cause: unknown, retryAfterMs?: number) => {
      const inDoubt = call.write && sentAt !== undefined && !(status >= 400 && status < 500)
      settle(() => reject(new Failure(code, { cause, inDoubt, retryAfterMs })))
    }
    const stop = (cause: Error) => {
      fail('chathub.timeout', cause)
      controller?.abort(cause)
    }
    const aborted = () => stop(new CallerGaveUp('the caller has left'))
    const left = Math.min(timeoutMs, deadline - clock.now())
    const cancelTimer = clock.after(left, () => {
      const why = `no complete answer within ${Math.round(left)} ms`
      stop(left < timeoutMs ? new CallerGaveUp(why) : new Error(why))
    })
    signal?.addEventListener('abort', aborted, { once: true })
    if (signal?.aborted) aborted()

    const { method, path, body = null } = call
    pool.dispatch(
      { method, path, headers: headersOf(call, authHeader), body },
      {
        onRequestStart(started) {
          controller = started
          if (settled) return started.abort(new Error('too late'))
          if (call.maySend && !call.maySend()) {
            const old = new SlotTooOld()
            settle(() => reject(old))
            throw old // an abort would close the new connection, and the next slot would be too old again
          }
          sentAt = clock.now()
        },
        onResponseStart(started, statusCode, responseHeaders) {
          status = statusCode
          if (statusCode < 200) return
          const code = failureCodeOf(statusCode, responseHeaders['content-encoding'] !== undefined)
          if (!code) return
          const cause = Object.assign(new Error(`ChatHub answered ${statusCode}`), { status: statusCode })
          const saysWhen = statusCode === 429 || statusCode === 503
          fail(code, cause, saysWhen ? retryAfter(responseHeaders['retry-after'], clock) : undefined)
          // A refusal has a short body. Reading it to the end keeps the connection for the next call.
          if (statusCode < 400) started.abort(cause)
        },
        onResponseData(_controller, chunk) {
          if (!settled) chunks.push(chunk)
        },
        onResponseEnd() {
          settle(() => resolve({ status, body: Buffer.concat(chunks), sentAt: sentAt as number }))
        },
        onResponseError(_controller, error) {
          const tooLong = (error as { code?: string }).code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE'
          fail(tooLong ? 'chathub.invalid-response' : 'chathub.unavailable', error)
        },
      },
    )
  })

/** Undefined for a 2xx answer whose body may be read. */
const failureCodeOf = (status: number, isEncoded: boolean): FailureCode | undefined => {
  if (status === 401) return 'chathub.credentials'
  if (status === 403) return 'chathub.forbidden'
  if (status === 429) return 'chathub.throttled'
  if (status >= 500) return 'chathub.unavailable'
  if (status >= 400) return 'chathub.rejected'
  return status >= 300 || isEncoded ? 'chathub.invalid-response' : undefined
}

/** Retry-After in ms, limited to 1–60 s; 5 s if it is missing or invalid (RFC 9110, section 10.2.3). */
export const retryAfter = (header: string | string[] | undefined, clock: Clock): number => {
  const text = (Array.isArray(header) ? header[0] : header) ?? ''
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - clock.wall()
  return ms >= 0 ? Math.min(60_000, Math.max(1000, ms)) : 5000
}
