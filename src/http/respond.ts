import type { IncomingHttpHeaders } from 'node:http'
import type { Freshness } from '../cache/cache.ts'
import { serializeHeaders } from './header-writer.ts'
import { acceptedCodings } from './negotiate.ts'
import type { Coding, PreparedBody, Variant } from './prepared-body.ts'
import type { RequestContext } from './request-context.ts'

/** The headers that helmet would set for an API, serialized once. */
const securityLines = serializeHeaders([
  'X-Content-Type-Options',
  'nosniff',
  'Referrer-Policy',
  'no-referrer',
  'Cross-Origin-Resource-Policy',
  'same-origin',
  'Strict-Transport-Security',
  'max-age=31536000',
])
const policyLine = (policy: string): string => serializeHeaders(['Content-Security-Policy', policy])
/** Nothing of an API may run or load, whatever a browser takes it for. */
const apiPolicyLine = policyLine("default-src 'none'; frame-ancestors 'none'; base-uri 'none'")

/** The header lines of every answer. `policy`: the Content-Security-Policy of a page. */
export const commonLines = ({ headerLines, requestId }: RequestContext, policy?: string): string =>
  `${securityLines}${policy === undefined ? apiPolicyLine : policyLine(policy)}${headerLines}X-Request-Id: ${requestId}\r\n`

export const json = 'application/json; charset=utf-8'

const vary = 'Accept-Encoding, Authorization, X-API-Key, Cookie, Origin'
const keptLinesWith = (headers: string): string =>
  serializeHeaders(['Cache-Control', 'private, max-age=0, must-revalidate', 'Vary', headers])
const keptLines = keptLinesWith(vary)
/** Drop-in paths label one body in several ways, and take one header more. */
const dropInLines = keptLinesWith(`${vary}, Accept, X-Authorization-Key`)

/** What goes out: status, headers, and the body where there is one. */
export type Response = {
  status: number
  /** Headers as the lines they are on the wire, `Content-Length` among them where there is a body. */
  lines: string
  body: Buffer | undefined
  /** The answer is whole but not ended: its sender ends it. */
  open?: boolean
  /** Content-Security-Policy of a page; the API's own where missing. */
  policy?: string
}

/**
 * The answer to a read of something prepared, given what the request says: the form it accepts, or 304 when it has it
 * already. Pure, so that every router gives the same bytes.
 */
export const respond = (
  prepared: PreparedBody,
  request: IncomingHttpHeaders,
  freshness: Freshness | undefined,
  contentType = json,
  dropIn = false,
): Response => {
  const { coding, variant } = prepared.variant(acceptedCodings(request['accept-encoding']))
  const age = freshness ? ageLines(freshness) : ''
  const condition = request['if-none-match']
  if (condition !== undefined && matches(condition, prepared.tag))
    return { status: 304, lines: listLines(variant, dropIn) + age, body: undefined }
  return { status: 200, lines: variantLines(variant, coding, contentType, dropIn) + age, body: variant.body }
}

const listLines = ({ etag }: Variant, dropIn: boolean): string =>
  `${dropIn ? dropInLines : keptLines}ETag: ${etag}\r\n`

/** What never changes about a body under one label, made when it is first sent. */
const known = new WeakMap<Variant, Map<string, string>>()
const variantLines = (variant: Variant, coding: Coding, contentType: string, dropIn: boolean): string => {
  const key = dropIn ? `${contentType} drop-in` : contentType
  const ready = known.get(variant)?.get(key)
  if (ready !== undefined) return ready
  const framing = ['Content-Type', contentType, 'Content-Length', String(variant.body.length)]
  if (coding !== 'identity') framing.push('Content-Encoding', coding)
  const lines = listLines(variant, dropIn) + serializeHeaders(framing)
  known.set(variant, (known.get(variant) ?? new Map()).set(key, lines))
  return lines
}

const ageLines = (freshness: Freshness): string =>
  `Age: ${Math.floor(freshness.ageMs / 1000)}\r\nCache-Status: ${cacheStatus(freshness)}\r\n`

/** Cache-Status (RFC 9211) with the cache name `chathub-gateway`. */
export const cacheStatus = ({ how, ttlMs, failedStatus }: Freshness): string => {
  const ttl = Math.floor(ttlMs / 1000)
  switch (how) {
    case 'hit':
    case 'stale':
      return `chathub-gateway; hit; ttl=${ttl}`
    case 'stale-after-failure':
      return `chathub-gateway; fwd=stale; fwd-status=${failedStatus}`
    case 'loaded':
      return 'chathub-gateway; fwd=uri-miss; stored'
    case 'collapsed':
      return 'chathub-gateway; fwd=uri-miss; stored; collapsed'
  }
}

/** If-None-Match: a list or `*`, compared weakly, and any coding's tag of the same content counts. */
export const matches = (condition: string, tag: string): boolean =>
  condition.trim() === '*' ||
  condition.split(',').some((part) => {
    const opaque = /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(part)?.[1]
    return opaque === tag || opaque === `${tag}-gzip` || opaque === `${tag}-br`
  })
