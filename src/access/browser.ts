import type { IncomingHttpHeaders } from 'node:http'
import { sessionCookie, sessionHeader } from '../contract/system.ts'
import { Failure } from '../errors.ts'

/** The session id in the Cookie header. */
export const sessionIdOf = (headers: IncomingHttpHeaders): string | undefined => {
  if (headers.cookie === undefined) return undefined
  for (const part of headers.cookie.split(';')) {
    const equals = part.indexOf('=')
    if (part.slice(0, equals).trim() === sessionCookie) return part.slice(equals + 1).trim()
  }
  return undefined
}

export const setCookie = (id: string, sameSite: 'strict' | 'lax' | 'none', maxAgeSeconds: number): string =>
  `${sessionCookie}=${id}; Path=/; Secure; HttpOnly; SameSite=${sameSite[0]?.toUpperCase()}${sameSite.slice(1)}; Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}${
    // A page on another site gets a cookie jar of its own for us (CHIPS), or browsers drop the cookie altogether.
    sameSite === 'none' ? '; Partitioned' : ''
  }`

/**
 * Refuses a request whose page is not the one that the session is bound to. A browser names the page's origin in
 * `Origin`; on same-origin reads it sends none, but says `Sec-Fetch-Site: same-origin`. SameSite alone is not enough:
 * another port of the same host counts as the same site.
 * @throws Failure `csrf.refused`
 */
export const requireOrigin = (headers: IncomingHttpHeaders, bound: string, own: string): void => {
  const page = headers.origin ?? (headers['sec-fetch-site'] === 'same-origin' ? own : undefined)
  if (page !== bound) throw new Failure('csrf.refused')
}

/** @throws Failure `csrf.refused` */
export const requireSessionHeader = (headers: IncomingHttpHeaders): void => {
  if (headers[sessionHeader.toLowerCase()] === undefined) throw new Failure('csrf.refused')
}
