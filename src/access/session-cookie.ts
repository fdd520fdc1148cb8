import type { IncomingHttpHeaders } from 'node:http'
import { sessionCookie, sessionHeader } from '../contract/session.ts'
import { Failure } from '../errors.ts'

/** The values of all cookies with this name. */
export const cookiesOf = ({ cookie = '' }: IncomingHttpHeaders, name: string): string[] =>
  cookie.split(';').flatMap((part) => {
    const equals = part.indexOf('=')
    return equals !== -1 && part.slice(0, equals).trim() === name ? part.slice(equals + 1).trim() : []
  })

/**
 * The session id in the Cookie header. The same one twice counts as one.
 * @throws Failure `credential.conflict` for two different ones: the order of cookies must not choose the session
 */
export const sessionIdOf = (headers: IncomingHttpHeaders): string | undefined => {
  const [id, ...others] = new Set(cookiesOf(headers, sessionCookie))
  if (others.length > 0)
    throw new Failure('credential.conflict', { detail: 'Two different session cookies came. Wanted: one.' })
  return id
}

/** The value of Set-Cookie (RFC 6265bis). An age of 0 removes the cookie. */
export const setCookie = (id: string, sameSite: 'strict' | 'lax' | 'none', maxAgeSeconds: number): string =>
  `${sessionCookie}=${id}; Path=/; Secure; HttpOnly; SameSite=${sameSite[0]?.toUpperCase()}${sameSite.slice(1)}; Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}${
    // Browsers drop third-party cookies that are not partitioned by the embedding site (CHIPS).
    sameSite === 'none' ? '; Partitioned' : ''
  }`

/**
 * Refuses a request from a page of another origin than the session's. Browsers name the origin in `Origin`. A same-origin
 * read has no `Origin` but `Sec-Fetch-Site: same-origin`. SameSite alone does not suffice: it ignores the port.
 * @throws Failure `csrf.refused`
 */
export const requireOrigin = (headers: IncomingHttpHeaders, bound: string, own: string): void => {
  const page = headers.origin ?? (headers['sec-fetch-site'] === 'same-origin' ? own : undefined)
  if (page === bound) return
  const detail =
    page === undefined
      ? 'The request names no origin of its page. Wanted: Origin, or Sec-Fetch-Site: same-origin.'
      : 'The origin of the page is not that of the session.'
  throw new Failure('csrf.refused', { detail })
}

/** @throws Failure `csrf.refused` */
export const requireSessionHeader = (headers: IncomingHttpHeaders): void => {
  if (headers[sessionHeader.toLowerCase()] === undefined)
    throw new Failure('csrf.refused', {
      detail: `A session cookie came without the header ${sessionHeader}.`,
    })
}
