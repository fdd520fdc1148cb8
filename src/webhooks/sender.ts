import type { LookupAddress } from 'node:dns'
import { Client } from 'undici'
import { retryAfter } from '../chathub/retry-after.ts'
import type { Clock } from '../clock.ts'
import type { WebhookOutcome } from '../report.ts'
import { noTracing, type SpanOf, type Tracing } from '../tracing/tracing.ts'
import type { Targets } from './target.ts'

/** What came of one attempt. `aborted`: it was called off, and says nothing about the receiver. */
export type Sent = {
  outcome: WebhookOutcome | 'aborted'
  status: number | null
  retryAfterMs?: number | undefined
}

type Headers = Record<string, string>

/** So much of the body of an answer is read, so that the receiver can end it. */
const answerMax = 16 * 1024

/** The host leads to no address that may be connected to. */
class AddressRefused extends Error {}

/**
 * Sends one POST over a connection of its own. The addresses that are checked are those that are connected to, each time. No
 * redirect is followed, and no proxy is used, because a proxy looks names up itself.
 */
export const createSender = (options: {
  targets: Targets
  clock: Clock
  /** The time of one attempt, until the head of the answer. */
  webhookTimeoutMs: number
  version: string
  tracing?: Tracing
}) => {
  const { targets, clock, webhookTimeoutMs: timeoutMs, version, tracing = noTracing } = options

  const clientFor = (url: URL, addresses: LookupAddress[]): Client => {
    type Done = (error: Error | null, address: unknown, family?: number) => void
    const lookup = (_host: string, { all }: { all?: boolean }, done: Done): void => {
      const [first] = addresses
      if (all) done(null, addresses)
      else done(null, first?.address, first?.family)
    }
    return new Client(url.origin, {
      headersTimeout: 0,
      bodyTimeout: 0,
      // Set explicitly, `rejectUnauthorized` also overrides NODE_TLS_REJECT_UNAUTHORIZED=0.
      connect: { timeout: timeoutMs, lookup: lookup as never, rejectUnauthorized: true },
    })
  }
  const post = async (url: URL, headers: Headers, body: string, signal: AbortSignal) => {
    if (targets.faultOf(url) !== undefined) throw new AddressRefused()
    const addresses = await targets.addressesOf(url)
    if (addresses.length === 0) throw new AddressRefused()
    signal.throwIfAborted()
    const client = clientFor(url, addresses)
    try {
      const response = await client.request({
        method: 'POST',
        path: url.pathname + url.search,
        headers: {
          'content-type': 'application/json',
          'user-agent': `chathub-gateway/${version}`,
          connection: 'close',
          ...headers,
        },
        body,
        signal,
      })
      await response.body.dump({ limit: answerMax, signal }).catch(() => {})
      return response
    } finally {
      void client.destroy().catch(() => {})
    }
  }
  const outcomeOf = (status: number): WebhookOutcome => {
    if (status < 300) return 'delivered'
    if (status === 410) return 'gone'
    return status < 400 ? 'redirect' : 'status'
  }
  const send = async (to: string, headers: Headers, body: string, calledOff: AbortSignal): Promise<Sent> => {
    const late = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.abort())
    try {
      const response = await post(new URL(to), headers, body, AbortSignal.any([calledOff, late.signal]))
      const { statusCode: status } = response
      return { outcome: outcomeOf(status), status, retryAfterMs: retryAfter(response.headers, clock) }
    } catch (error) {
      const refused = error instanceof AddressRefused ? 'address' : 'connection'
      const outcome = calledOff.aborted ? 'aborted' : late.signal.aborted ? 'timeout' : refused
      return { outcome, status: null }
    } finally {
      cancel()
    }
  }
  return tracing.spans(spanOf, send, ({ outcome, status }) => ({
    'gateway.outcome': outcome,
    ...(status !== null && { 'http.response.status_code': status }),
  }))
}

/** The host alone: the path of a webhook may hold a secret. */
const spanOf = (to: string): SpanOf => ({
  name: 'POST webhook',
  kind: 'client',
  attributes: { 'http.request.method': 'POST', 'server.address': new URL(to).hostname },
})

export type Send = ReturnType<typeof createSender>
