import type { IncomingHttpHeaders } from 'node:http'
import Negotiator from 'negotiator'
import { dropInMedia } from '../contract/drop-in.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'
import type { Coding } from './prepared-body.ts'
import { quoted } from './problem.ts'

// Clients send only a handful of texts, so each is parsed once. Together these bound the memory for them.
const textsMax = 64
const textLengthMax = 200

const types = new WeakMap<Endpoint, Map<string, string>>()

/** The media type of the answer (RFC 9110 §12.5.1). @throws Failure `request.not-acceptable` */
export const negotiateType = (endpoint: Endpoint, accept = '*/*'): string => {
  const known = types.get(endpoint) ?? new Map<string, string>()
  if (known.size === 0) types.set(endpoint, known)
  return known.get(accept) ?? remember(known, accept, readType(endpoint, accept))
}

const readType = ({ produces = 'application/json', producesToo = [], dropIn }: Endpoint, accept: string) => {
  const media = dropIn ? dropInMedia : [produces, ...producesToo]
  const offered = media.map((one) => `${one}; charset=utf-8`)
  // Parameters of a media type do not select anything here.
  const ranges = accept.replaceAll(/;\s*(?!q\s*=)[^;,]*/gi, '')
  const type =
    ranges.trim() === '' ? offered[0] : new Negotiator({ headers: { accept: ranges } }).mediaType(offered)
  if (type !== undefined) return type
  const detail = `Accept came as ${quoted(accept)}. Wanted: ${media.join(', ')}.`
  throw new Failure('request.not-acceptable', { detail })
}

const inOrder: Coding[] = ['br', 'gzip', 'identity']
// Negotiator 1 reads `preferred`; its releases 0.6 take the array itself.
const codings = Object.assign([...inOrder], { preferred: inOrder })
const knownCodings = new Map<string, readonly Coding[]>()

export type AcceptEncoding = IncomingHttpHeaders['accept-encoding']

/** The codings that Accept-Encoding allows, best first; equal weights in our order. */
export const acceptedCodings = (header: AcceptEncoding): readonly Coding[] => {
  if (typeof header !== 'string' || header === '') return []
  return knownCodings.get(header) ?? remember(knownCodings, header, readCodings(header))
}

const readCodings = (header: string): readonly Coding[] =>
  new Negotiator({ headers: { 'accept-encoding': header } }).encodings(codings, codings)

const remember = <V>(known: Map<string, V>, text: string, value: V): V => {
  if (known.size < textsMax && text.length <= textLengthMax) known.set(text, value)
  return value
}
