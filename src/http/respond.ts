import type { IncomingHttpHeaders } from 'node:http'
import type { Freshness } from '../cache/cache.ts'
import { serializeHeaders } from './header-writer.ts'
import type { Coding, PreparedBody, Variant } from './prepared-body.ts'

/** The values that helmet would set for an API, as one block that is never computed again. */
export const securityHeaders: readonly string[] = [
  'X-Content-Type-Options',
  'nosniff',
  'Referrer-Policy',
  'no-referrer',
  'Cross-Origin-Resource-Policy',
  'same-origin',
  'Strict-Transport-Security',
  'max-age=31536000',
]

/** Nothing of an API may run or load, whatever a browser takes it for. */
export const contentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"

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

const codings: readonly Coding[] = ['br', 'gzip']

const knownCodings = new Map<string, readonly Coding[]>()
const knownCodingsMax = 64

/** Our codings that Accept-Encoding allows, best first. Equal weights: ours decides. */
export const acceptedCodings = (header: string | string[] | undefined): readonly Coding[] => {
  if (typeof header !== 'string' || header === '' || header === 'identity') return []
  // Browsers and libraries send but a handful of texts.
  let codings = knownCodings.get(header)
  if (!codings) {
    codings = readCodings(header)
    if (knownCodings.size < knownCodingsMax) knownCodings.set(header, codings)
  }
  return codings
}

const readCodings = (header: string): readonly Coding[] => {
  const weights = new Map<string, number>()
  for (const part of header.split(',')) {
    const [name = '', ...parameters] = part.trim().toLowerCase().split(';')
    const q = parameters.map((parameter) => /^\s*q=([0-9.]+)\s*$/.exec(parameter)?.[1]).find(Boolean)
    weights.set(name.trim(), q === undefined ? 1 : Number(q))
  }
  const weight = (coding: string): number => weights.get(coding) ?? weights.get('*') ?? 0
  // Only who says so wants a body as it is rather than packed.
  const plain = weights.get('identity') ?? 0
  return codings
    .filter((coding) => weight(coding) > 0 && weight(coding) >= plain)
    .toSorted((a, b) => weight(b) - weight(a))
}

/** If-None-Match: a list or `*`, compared weakly, and any coding's tag of the same content counts. */
export const matches = (condition: string, tag: string): boolean =>
  condition.trim() === '*' ||
  condition.split(',').some((part) => {
    const opaque = /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(part)?.[1]
    return opaque === tag || opaque === `${tag}-gzip` || opaque === `${tag}-br`
  })
