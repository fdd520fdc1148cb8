import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import { Failure, type FailureCode } from '../errors.ts'
import { ProxyFault, proxyFaultOf } from '../outbound.ts'
import type { Reporter } from '../report.ts'
import { decodeBody } from './decode-body.ts'
import { bodyMax, createPools, type PoolOptions, type Pools } from './pools.ts'
import { judgeStatus, type Proof, Refused } from './refused.ts'
import { retryAfter } from './retry-after.ts'

/** What a call is for, in order of urgency: reads of people, writes, imports, background refreshes. */
export type Lane = 'people' | 'writes' | 'imports' | 'refreshes'

/** For whom a call is made, and until when its answer is useful. */
export type CallContext = {
  lane: Lane
  /** Client id; clients share a lane fairly. */
  client: string
  /** Of the request that asks for it. */
  requestId?: string
  traceparent?: string | undefined
  /** On the clock's monotonic scale, ms. */
  deadline: number
  signal?: AbortSignal
  /**
   * Called before something is written that took time to prepare. It rejects with the refusal when the caller has lost its
   * right to the organization since its request came.
   */
  stillAllowed?: (organization: number) => Promise<unknown>
  /** Called as the request of a write leaves. False: the organization lock was lost, so nothing is sent. */
  maySend?: () => boolean
}

type Headers = Record<string, string>

/** One request to ChatHub. `write`: it changes data, so it may be left in doubt and is never repeated blindly. */
export type Call = {
  operation: 'login' | 'organizations' | 'operators' | 'synchronize' | 'status' | 'token' | 'validate'
  method: 'GET' | 'POST'
  path: string
  body?: string
  write: boolean
  token?: string
  traceHeaders?: Headers
  context: CallContext
  /** True: no connection is used that carried another request. */
  fresh?: boolean
  /** Called as the first byte leaves. False: the slot has expired, so nothing is sent. */
  maySend?: () => boolean
}

/** A 2xx answer. `sentAt`: when its request left (monotonic ms). */
export type Reply = { status: number; body: Buffer; sentAt: number }

/** The function type of every layer on the way to ChatHub. @throws Failure */
export type Exchange = (call: Call) => Promise<Reply>

/** The slot expired while a connection was made. Nothing was sent, and the rate limit takes another slot. */
export class SlotTooOld extends Error {}
/** The connection broke before a byte of the request left, as ChatHub closed it. It is safe to send the request again. */
export class NeverSent extends Error {}
/** The cause of a failure that says nothing about ChatHub: its time was cut short, or the caller left. */
export class CallerGaveUp extends Error {}

type Options = PoolOptions & {
  authHeader: 'authorization' | 'x-authorization-key'
  clock: Clock
  report: Reporter
}

/**
 * Sends one request over HTTP/1.1 to a fixed origin. It follows no redirect. Bodies have at most 8 MiB, also after
 * decoding, and one time limit covers everything up to the last byte. A failed write that ChatHub may have executed has
 * `inDoubt`. Writes and logins get a new connection each. ChatHub may close a used one just as they leave, and then
 * nobody knows whether they arrived.
 * @throws NeverSent unless the call is `fresh`, SlotTooOld
 */
export const createExchange = (options: Options): { exchange: Exchange; close(): Promise<void> } => {
  const { clock, report } = options
  const pools = createPools(options)

  const exchange: Exchange = async (call) => {
    const startedAt = clock.now()
    const { operation } = call
    const { client } = call.context
    try {
      const reply = await attempt(pools, call, options)
      const ms = clock.now() - startedAt
      report({ name: 'upstream', operation, outcome: 'ok', status: reply.status, ms, client })
      return reply
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const { cause } = error
      const { status } = (cause ?? {}) as { status?: number }
      const ms = clock.now() - startedAt
      const isProxy = cause instanceof ProxyFault
      const outcome = isProxy ? (`proxy.${cause.kind}` as const) : error.code
      const because = isProxy ? { because: cause.message } : {}
      report({ name: 'upstream', operation, outcome, status, ms, client, ...because })
      throw error
    }
  }
  return { exchange, close: pools.close }
}

const headersOf = ({ body, token, traceHeaders }: Call, authHeader: Options['authHeader']): Headers => ({
  ...traceHeaders,
  // The documents of ChatHub ask for `Accept: text/plain`, although it answers JSON.
  accept: 'text/plain, application/json',
  'accept-encoding': 'identity',
  ...(body !== undefined && { 'content-type': 'application/json' }),
  ...(token !== undefined && { [authHeader]: authHeader === 'authorization' ? `Bearer ${token}` : token }),
})

const attempt = (pools: Pools, call: Call, options: Options): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { authHeader, clock, origin, proxy, timeoutMs } = options
    const { deadline, signal } = call.context
    let sentAt: number | undefined
    let status = 0
    let encoding: string | string[] | undefined
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
    const fail = (code: FailureCode, cause: unknown, proof: Proof = 'unknown', retryAfterMs?: number) => {
      // Nothing was changed by a request that never left.
      const inDoubt = call.write && sentAt !== undefined && proof === 'unknown'
      settle(() => reject(new Failure(code, { cause, inDoubt, retryAfterMs })))
    }
    const failAtProxy = (cause: ProxyFault) =>
      settle(() => reject(new Failure('chathub.unavailable', { cause, detail: cause.detail })))
    const stop = (cause: Error) => {
      if (cause instanceof ProxyFault) failAtProxy(cause)
      else fail('chathub.timeout', cause)
      controller?.abort(cause)
    }
    const aborted = () => stop(new CallerGaveUp('the caller has left'))
    const left = Math.min(timeoutMs, deadline - clock.now())
    const cancelTimer = clock.after(left, () => {
      const why = `no complete answer within ${Math.round(left)} ms`
      if (left < timeoutMs) return stop(new CallerGaveUp(why))
      const atProxy = proxy && sentAt === undefined
      stop(
        atProxy
          ? new ProxyFault('timeout', `the proxy made no connection within ${left} ms`)
          : new Error(why),
      )
    })
    signal?.addEventListener('abort', aborted, { once: true })
    if (signal?.aborted) aborted()

    const { method, path, body = null } = call
    const reset = call.fresh || call.write || call.operation === 'login'
    const request = { origin: origin.origin, method, path, headers: headersOf(call, authHeader), body, reset }
    pools[reset ? 'fresh' : 'used'].dispatch(request, {
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
        encoding = responseHeaders['content-encoding']
        if (statusCode === 407 && proxy)
          return failAtProxy(new ProxyFault('refused', 'the proxy answered with 407', 407))
        const judged = judgeStatus(statusCode, call.write)
        if (!judged) return
        const asks = statusCode === 429 || statusCode === 503
        const pauseMs = asks ? retryAfter(responseHeaders, clock) : undefined
        const cause = new Refused(statusCode, pauseMs)
        fail(judged.code, cause, judged.proof, asks ? (pauseMs ?? 5000) : undefined)
        // A refusal has a short body. Reading it to the end keeps the connection for the next call.
        if (statusCode < 400) started.abort(cause)
      },
      onResponseData(_controller, chunk) {
        if (!settled) chunks.push(chunk)
      },
      onResponseEnd() {
        cancelTimer()
        decodeBody(Buffer.concat(chunks), encoding, bodyMax).then(
          (decoded) => settle(() => resolve({ status, body: decoded, sentAt: sentAt as number })),
          (error) => fail('chathub.invalid-response', error),
        )
      },
      onResponseError(_controller, error) {
        const { code } = error as { code?: string }
        if (sentAt === undefined && !call.fresh && isBroken(error))
          return settle(() => reject(new NeverSent('the connection broke', { cause: error })))
        const proxyFault = proxy && sentAt === undefined && proxyFaultOf(error)
        if (proxyFault) return failAtProxy(proxyFault)
        const tooLong = code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE'
        fail(tooLong ? 'chathub.invalid-response' : 'chathub.unavailable', error)
      },
    })
  })

/** A connection that stood has been closed or reset. An error of making one has the system call `connect`. */
const isBroken = (error: NodeJS.ErrnoException): boolean =>
  ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(error.code ?? '') && error.syscall !== 'connect'
