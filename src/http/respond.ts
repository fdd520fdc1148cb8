import type { IncomingHttpHeaders } from 'node:http'
import type { Freshness } from '../cache/cache.ts'
import { serializeHeaders } from './header-writer.ts'
import { acceptedCodings } from './negotiate.ts'
import type { Coding, PreparedBody, Variant } from './prepared-body.ts'
import type { RequestContext } from './request-context.ts'

/** The headers that helmet would set for an API, serialized once. */
const securityLines = serializeHeaders({
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Strict-Transport-Security': 'max-age=31536000',
})
const policyLine = (policy: string): string => serializeHeaders({ 'Content-Security-Policy': policy })
/** Nothing of an API may run or load, whatever a browser takes it for. */
const apiPolicyLine = policyLine("default-src 'none'; frame-ancestors 'none'; base-uri 'none'")

/** The header lines of every answer. `policy`: the Content-Security-Policy of a page. */
export const commonLines = ({ headerLines, requestId }: RequestContext, policy?: string): string =>
  `${securityLines}${policy === undefined ? apiPolicyLine : policyLine(policy)}${headerLines}X-Request-Id: ${requestId}\r\n`

const vary = 'Accept, Accept-Encoding, Authorization, X-API-Key, Cookie, Origin'
const cachingLines = (varyOn: string): string =>
  serializeHeaders({ 'Cache-Control': 'private, max-age=0, must-revalidate', Vary: varyOn })
const apiCachingLines = cachingLines(vary)
/** Drop-in paths accept one more credential header. */
const dropInCachingLines = cachingLines(`${vary}, X-Authorization-Key`)

export type Response = {
  status: number
  /** Header lines as on the wire, with the `Content-Length` of a body. */
  lines: string
  body: Buffer | undefined
  /** The answer is complete but not ended: its sender ends it. */
  open?: boolean
  /** Content-Security-Policy of a page; that of the API where missing. */
  policy?: string | undefined
}

/**
 * The response to a read of a prepared body: the variant that the request accepts, or 304 when the client has it. Pure, so
 * that Express and the fast path send the same bytes.
 */
export const respond = (
  prepared: PreparedBody,
  request: IncomingHttpHeaders,
  freshness: Freshness,
  contentType: string,
  dropIn = false,
): Response => {
  const { coding, variant } = prepared.variant(acceptedCodings(request['accept-encoding']))
  const age = `Age: ${Math.floor(freshness.ageMs / 1000)}\r\nCache-Status: ${cacheStatus(freshness)}\r\n`
  const condition = request['if-none-match']
  if (condition !== undefined && matches(condition, prepared.tag))
    return { status: 304, lines: validatorLines(variant, dropIn) + age, body: undefined }
  return { status: 200, lines: variantLines(variant, coding, contentType, dropIn) + age, body: variant.body }
}

const validatorLines = ({ etag }: Variant, dropIn: boolean): string =>
  `${dropIn ? dropInCachingLines : apiCachingLines}ETag: ${etag}\r\n`

/** The constant lines of a variant, made when it is first sent. */
const variantLines = (variant: Variant, coding: Coding, contentType: string, dropIn: boolean): string => {
  const key = dropIn ? `${contentType} drop-in` : contentType
  let lines = variant.lines.get(key)
  if (lines === undefined) {
    const framing = serializeHeaders({
      'Content-Type': contentType,
      'Content-Length': String(variant.body.length),
      ...(coding !== 'identity' && { 'Content-Encoding': coding }),
    })
    lines = validatorLines(variant, dropIn) + framing
    variant.lines.set(key, lines)
  }
  return lines
}

/** Cache-Status (RFC 9211) with the cache name `chathub-gateway`. */
const cacheStatus = ({ how, ttlMs, failedStatus }: Freshness): string => {
  const isHit = how === 'hit' || how === 'revalidated' || how === 'stale'
  if (isHit) return `chathub-gateway; hit; ttl=${Math.floor(ttlMs / 1000)}`
  if (how === 'stale-after-failure') return `chathub-gateway; fwd=stale; fwd-status=${failedStatus}`
  return `chathub-gateway; fwd=uri-miss; stored${how === 'collapsed' ? '; collapsed' : ''}`
}

/** If-Match: a list or `*`, compared strongly, so that no weak tag matches. */
export const matchesStrongly = (condition: string, tag: string): boolean =>
  condition.trim() === '*' ||
  condition
    .split(',')
    .some((part) => [tag, `${tag}-gzip`, `${tag}-br`].includes(/^\s*"([^"]*)"\s*$/.exec(part)?.[1] ?? ''))

/** If-None-Match: a list or `*`, compared weakly. The tag of any coding of the same content matches. */
const matches = (condition: string, tag: string): boolean =>
  condition.trim() === '*' ||
  condition.split(',').some((part) => {
    const opaque = /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(part)?.[1]
    return opaque === tag || opaque === `${tag}-gzip` || opaque === `${tag}-br`
  })
