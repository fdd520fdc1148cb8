import { isIP } from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import type { Clock } from '../clock.ts'
import { Failure, type FailureCode } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { createLookup } from './lookup.ts'

/** Who waits for a call, in order of urgency: people > writes > imports > refreshes. */
export type Lane = 'people' | 'writes' | 'imports' | 'refreshes'

/** On whose behalf a call is made, and until when its answer is of use. */
export type CallContext = {
  lane: Lane
  /** Client id, for fair shares. */
  client: string
  /** On the clock's monotonic scale, ms. */
  deadline: number
  signal?: AbortSignal
  /** For a write: asked as it leaves; false: the right to it was lost, send nothing. */
  maySend?: () => boolean
}

/** One request to ChatHub. `write`: ChatHub may change something, so doubt counts and nothing is sent again blindly. */
export type Call = {
  operation: 'login' | 'organizations' | 'operators' | 'synchronize' | 'status' | 'token' | 'validate'
  method: 'GET' | 'POST'
  path: string
  body?: string
  write: boolean
  token?: string
  context: CallContext
  /** Asked as the first byte leaves; false: the slot is too old, send nothing. */
  maySend?: () => boolean
}

/** A 2xx answer. `sentAt`: when the request left, on the monotonic clock: the list is at least as new as that. */
export type Reply = { status: number; body: Buffer; sentAt: number }

/** The one function type of the way to ChatHub; every layer takes one and gives one. @throws Failure */
export type Exchange = (call: Call) => Promise<Reply>

/** The slot waited too long for a connection; the limit layer takes a new one. Nothing was sent. */
export class SlotTooOld extends Error {}
/** The cause of a failure that says nothing about ChatHub: it was not given its whole time, or nobody waited any more. */
export class CallerGaveUp extends Error {}

const bodyMax = 8 * 1024 * 1024

/**
 * One attempt over HTTP/1.1 to one fixed origin: no redirect followed, no decompression, bodies of at most 8 MiB, one
 * deadline from start to last byte. Failures say whether ChatHub may have acted (`inDoubt`).
 */
export const createExchange = (options: {
  origin: URL
  authHeader: 'authorization' | 'x-authorization-key'
  timeoutMs: number
  clock: Clock
  report: Reporter
}): { exchange: Exchange; close(): Promise<void> } => {
  const { clock, report, timeoutMs } = options
  const pool = new Pool(options.origin.origin, {
    connections: 64,
    pipelining: 1,
    connect: {
      timeout: Math.min(1000, timeoutMs),
      // Said outright, it holds against NODE_TLS_REJECT_UNAUTHORIZED=0 too.
      rejectUnauthorized: true,
      ...(isLocal(options.origin) ? {} : { lookup: createLookup() as never }),
    },
    headersTimeout: 0,
    // For the rest of a refusal, which nobody waits for: a body that stops would keep its connection for ever.
    bodyTimeout: timeoutMs,
    maxResponseSize: bodyMax,
    keepAliveTimeout: 4000,
  })

  const exchange: Exchange = async (call) => {
    const startedAt = clock.now()
    const tell = (outcome: 'ok' | FailureCode, status: number | undefined): void =>
      report({ name: 'upstream', operation: call.operation, outcome, status, ms: clock.now() - startedAt })
    try {
      const reply = await attempt(pool, call, headersOf(call, options.authHeader), timeoutMs, clock)
      tell('ok', reply.status)
      return reply
    } catch (error) {
      if (error instanceof Failure) tell(error.code, (error.cause as { status?: number } | undefined)?.status)
      throw error
    }
  }
  return { exchange, close: () => pool.destroy() }
}

/** A simulator, or a ChatHub whose operator said so by its address. */
const isLocal = (origin: URL): boolean =>
  origin.protocol === 'http:' ||
  isIP(origin.hostname.replace(/^\[|\]$/g, '')) !== 0 ||
  origin.hostname === 'localhost'

const headersOf = ({ body, token }: Call, authHeader: string): Record<string, string> => ({
  // ChatHub demands `Accept: text/plain` although it answers JSON (gateways note §4.1).
  accept: 'text/plain, application/json',
  'accept-encoding': 'identity',
  ...(body !== undefined && { 'content-type': 'application/json' }),
  ...(token !== undefined && {
    [authHeader]: authHeader === 'authorization' ? `Bearer ${token}` : token,
  }),
})

const attempt = (
  pool: Pool,
  call: Call,
  headers: Record<string, string>,
  timeoutMs: number,
  clock: Clock,
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    let sentAt: number | undefined
    let status = 0
    let controller: Dispatcher.DispatchController | undefined
    let settled = false
    const chunks: Buffer[] = []

    const settle = (finish: () => void) => {
      if (settled) return
      settled = true
      cancelTimer()
      call.context.signal?.removeEventListener('abort', aborted)
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
    const aborted = () => stop(new CallerGaveUp('nobody waits for the answer any more'))
    const left = Math.min(timeoutMs, call.context.deadline - clock.now())
    const cancelTimer = clock.after(left, () => {
      const why = `no complete answer within ${Math.round(left)} ms`
      stop(left < timeoutMs ? new CallerGaveUp(why) : new Error(why))
    })
    call.context.signal?.addEventListener('abort', aborted, { once: true })
    if (call.context.signal?.aborted) aborted()

    pool.dispatch(
      { method: call.method, path: call.path, headers, body: call.body ?? null },
      {
        onRequestStart(started) {
          controller = started
          if (settled) return started.abort(new Error('too late'))
          if (call.maySend && !call.maySend()) {
            const old = new SlotTooOld()
            settle(() => reject(old))
            return started.abort(old)
          }
          sentAt = clock.now()
        },
        onResponseStart(_controller, statusCode, responseHeaders) {
          status = statusCode
          if (statusCode < 200) return
          const code = codeOf(statusCode, responseHeaders)
          if (code) {
            const cause = Object.assign(new Error(`ChatHub answered ${statusCode}`), { status: statusCode })
            const saysWhen = statusCode === 429 || statusCode === 503
            fail(code, cause, saysWhen ? retryAfter(responseHeaders['retry-after'], clock) : undefined)
            // A refusal has a short body; reading it to the end keeps the connection for the next call.
            if (statusCode < 400) _controller.abort(cause)
          }
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

/** The failure that an answer's head means; undefined for a 2xx whose body may be read. */
const codeOf = (
  status: number,
  headers: Record<string, string | string[] | undefined>,
): FailureCode | undefined => {
  if (status === 401) return 'chathub.credentials'
  if (status === 403) return 'chathub.forbidden'
  if (status === 429) return 'chathub.throttled'
  if (status >= 500) return 'chathub.unavailable'
  if (status >= 400) return 'chathub.rejected'
  if (status >= 300 || headers['content-encoding'] !== undefined) return 'chathub.invalid-response'
  return undefined
}

/** Retry-After in ms, clamped to 1–60 s; 5 s where it is missing or junk (RFC 9110 §10.2.3). */
export const retryAfter = (header: string | string[] | undefined, clock: Clock): number => {
  const text = (Array.isArray(header) ? header[0] : header) ?? ''
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - clock.wall()
  return ms >= 0 ? Math.min(60_000, Math.max(1000, ms)) : 5000
}
