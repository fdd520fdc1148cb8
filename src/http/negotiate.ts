import { wireMedia } from '../contract/chathub.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'

/** The media type to label the answer with. @throws Failure `request.not-acceptable` */
export const labelFor = (endpoint: Endpoint, accept: string | undefined): string => {
  const own = endpoint.produces ?? 'application/json'
  if (accept === undefined || accept === '' || accept === '*/*') return `${own}; charset=utf-8`
  const offered: readonly string[] = endpoint.dropIn ? wireMedia : [own, ...(endpoint.producesToo ?? [])]
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.trim().toLowerCase().split(';')
    if (parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter))) continue
    const range = type.trim()
    const found = offered.find(
      (offer) =>
        range === offer || range === '*/*' || (range.endsWith('/*') && offer.startsWith(range.slice(0, -1))),
    )
    if (found) return `${found}; charset=utf-8`
  }
  throw new Failure('request.not-acceptable')
}
