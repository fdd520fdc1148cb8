import { type RouteName, routeNames } from '../routes.ts'

/** Bytes as a test or a JSON control command writes them. */
export type Bytes = string | Uint8Array | { base64: string }

type Headers = Record<string, string>

/**
 * The modes of a fault. Times in ms. Modes marked (applies) let the call take effect first.
 *
 * before the call   delay: waits `ms`, then continues
 * after the call    delay-answer (applies): waits `ms`, then answers
 * content           partial: `synchronize` sees only the `first` n rows
 *                   shuffle (applies): the rows in another order
 *                   rows (applies): 200 with these rows instead
 *                   headers (applies): these headers added or replaced
 * how it ends       status: this status; `apply` makes the call take effect first
 *                   raw: these bytes as the body, by default 200 `application/json`; `apply` as above
 *                   rate-limit: 429 for requests beyond `perSecond` within a second
 *                   redirect: 302, or `status`, to `location`
 *                   broken-2xx (applies): 200 with JSON cut after `bytes` (half)
 *                   crash-5xx-after-apply (applies): 500, or `status`
 *                   gzip (applies): the answer compressed; with `bytes`, that many spaces instead
 *                   hang: no answer
 *                   reset: the connection is reset, nothing applied
 *                   raw-socket: these bytes on the socket instead of HTTP; `close` ends the connection
 *                   stall-after (applies): the head and `bytes` of the body, then nothing
 *                   drip (applies): one byte of the body per `ms`
 *                   truncate (applies): `bytes` of the body, then FIN; `chunked` without Content-Length
 *                   endless (applies): a JSON array that never ends
 *                   drop-response (applies): the connection is destroyed instead of an answer
 *                   late-apply: the connection is destroyed now (`destroy: false`: it hangs; `status`: this
 *                   answer is sent, with `body`), and the call takes effect after `ms`
 */
type Misbehaviour =
  | { mode: 'delay'; ms: number }
  | { mode: 'delay-answer'; ms: number }
  | { mode: 'partial'; first: number }
  | { mode: 'shuffle' }
  | { mode: 'rows'; rows: unknown }
  | { mode: 'headers'; headers: Headers }
  | { mode: 'status'; status: number; headers?: Headers; body?: unknown; apply?: boolean }
  | { mode: 'raw'; body: Bytes; status?: number; contentType?: string; headers?: Headers; apply?: boolean }
  | { mode: 'rate-limit'; perSecond: number; retryAfter?: string | number }
  | { mode: 'redirect'; location: string; status?: number }
  | { mode: 'broken-2xx'; bytes?: number }
  | { mode: 'crash-5xx-after-apply'; status?: number }
  | { mode: 'gzip'; bytes?: number }
  | { mode: 'hang' }
  | { mode: 'reset' }
  | { mode: 'raw-socket'; bytes: Bytes; close?: boolean }
  | { mode: 'stall-after'; bytes: number }
  | { mode: 'drip'; ms: number }
  | { mode: 'truncate'; bytes: number; chunked?: boolean }
  | { mode: 'endless' }
  | { mode: 'drop-response' }
  | { mode: 'late-apply'; ms: number; destroy?: boolean; status?: number; body?: string }

export type Mode = Misbehaviour['mode']

/** The requests that a fault affects: all conditions must hold. `probability` 0..1; a fault ends after `times` uses. */
export type Target = {
  route?: RouteName | 'any'
  organization?: number
  probability?: number
  times?: number
}

export type Fault = Target & Misbehaviour

/** Checks a fault from JSON. @throws TypeError that names what is wrong */
export function checkTarget(input: unknown): asserts input is Target {
  const { route, organization, probability, times } = (input ?? {}) as Record<string, unknown>
  const known = route === undefined || route === 'any' || routeNames.includes(route as RouteName)
  if (!known) throw new TypeError(`Unknown route ${String(route)}`)
  for (const [name, value] of Object.entries({ organization, probability, times })) {
    if (value !== undefined && typeof value !== 'number') throw new TypeError(`${name} must be a number`)
  }
}

export function bufferOf(bytes: Bytes): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes)
  return bytes instanceof Uint8Array ? Buffer.from(bytes) : Buffer.from(bytes.base64, 'base64')
}
