import { dropInMedia } from '../contract/drop-in.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'

/** The media type to label the answer with. @throws Failure `request.not-acceptable` */
export const negotiateType = (endpoint: Endpoint, accept: string | undefined): string => {
  const own = endpoint.produces ?? 'application/json'
  if (accept === undefined || accept === '' || accept === '*/*') return `${own}; charset=utf-8`
  const offered: readonly string[] = endpoint.dropIn ? dropInMedia : [own, ...(endpoint.producesToo ?? [])]
  const ranges = accept.split(',').map(readRange)
  const best = offered
    .map((offer) => ({ offer, ...weigh(offer, ranges) }))
    .filter(({ q }) => q > 0)
    .toSorted((a, b) => b.q - a.q || a.place - b.place)[0]
  if (!best) throw new Failure('request.not-acceptable')
  return `${best.offer}; charset=utf-8`
}

type Range = { range: string; q: number }

const readRange = (part: string): Range => {
  const [range = '', ...parameters] = part.toLowerCase().split(';')
  const q = parameters.map((text) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(text)?.[1]).find(Boolean)
  return { range: range.trim(), q: Number(q ?? 1) }
}

/** Of the ranges that take a type the narrowest says how much it is wanted (RFC 9110 §12.5.1); equal ones in their order. */
const weigh = (type: string, ranges: readonly Range[]): { q: number; place: number } => {
  for (const wanted of [type, type.replace(/\/.*/, '/*'), '*/*']) {
    const place = ranges.findIndex(({ range }) => range === wanted)
    if (place !== -1) return { q: (ranges[place] as Range).q, place }
  }
  return { q: 0, place: -1 }
}
