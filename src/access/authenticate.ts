import type { IncomingHttpHeaders } from 'node:http'
import { Failure } from '../errors.ts'
import type { Caller } from './caller.ts'
import { requireOrigin, requireSessionHeader, sessionIdOf } from './session-cookie.ts'
import type { Sessions } from './sessions.ts'

/** Finds the caller of a credential. Undefined: the credential is of another kind, or not valid. */
type Finder = (credential: string) => Caller | undefined | Promise<Caller | undefined>

type Credentials = {
  headers: IncomingHttpHeaders
  /** On a drop-in path ChatHub's `X-Authorization-Key` counts too. */
  dropIn: boolean
  /** A stream of events: EventSource cannot send the header of sessions. */
  isStream?: boolean
  /** The origin under which the browser sees the gateway. */
  ownOrigin(): string
}

/**
 * The caller of a request. No promise for a key that is known.
 * @throws Failure `credential.missing`, `credential.invalid`, `credential.conflict`, `credential.unverifiable`,
 * `csrf.refused`
 */
export type Authenticate = (request: Credentials) => Caller | Promise<Caller>

/**
 * Asks the finders in order. A session cookie counts only without another credential. `ignoreBasicAuth`: Basic credentials
 * are for a proxy in front.
 */
export const createAuthenticate =
  (finders: readonly Finder[], sessions: Sessions | undefined, ignoreBasicAuth = false): Authenticate =>
  (request) => {
    const credential = credentialOf(request.headers, request.dropIn, ignoreBasicAuth)
    const sessionId = sessions && sessionIdOf(request.headers)
    if (credential !== undefined && sessionId !== undefined)
      throw new Failure('credential.conflict', {
        detail: 'A key or token came beside a session cookie. Wanted: one of them.',
      })
    if (sessions && sessionId !== undefined) return findSession(sessions, sessionId, request)
    if (credential === undefined) throw new Failure('credential.missing')
    const found = finders[0]?.(credential)
    return found && !(found instanceof Promise) ? found : findAmong(finders, credential)
  }

/** The credential in the headers; undefined when there is none. The same one twice counts as one. */
export const credentialOf = (
  headers: IncomingHttpHeaders,
  dropIn: boolean,
  ignoreBasicAuth = false,
): string | undefined => {
  const { authorization: given, 'x-api-key': key } = headers
  const authorization = ignoreBasicAuth && given && /^basic /i.test(given) ? undefined : given
  const dropInKey = dropIn ? headers['x-authorization-key'] : undefined
  const bearer = authorization && /^bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1]
  if (authorization !== undefined && !bearer) throw invalid('invalid_request')
  const credential = bearer ?? key ?? dropInKey
  if ((key ?? credential) !== credential || (dropInKey ?? credential) !== credential) {
    const names = { Authorization: bearer, 'X-API-Key': key, 'X-Authorization-Key': dropInKey }
    const came = Object.entries(names).flatMap(([name, value]) => (value === undefined ? [] : name))
    const detail = `Different credentials came in ${came.join(' and ')}. Wanted: one of them.`
    throw new Failure('credential.conflict', { detail })
  }
  return typeof credential === 'string' ? credential : undefined
}

/** The challenge of RFC 6750 §3. */
const invalid = (error: 'invalid_request' | 'invalid_token'): Failure =>
  new Failure('credential.invalid', {
    headers: { 'WWW-Authenticate': `Bearer realm="chathub-gateway", error="${error}"` },
  })

const findAmong = async (finders: readonly Finder[], credential: string): Promise<Caller> => {
  for (const find of finders) {
    const caller = await find(credential)
    if (caller) return caller
  }
  throw invalid('invalid_token')
}

const findSession = async (sessions: Sessions, id: string, request: Credentials): Promise<Caller> => {
  // A request that any page can send must not count as use of the session, so both checks come before it does.
  if (!request.isStream) requireSessionHeader(request.headers)
  const check = (origin: string): void => requireOrigin(request.headers, origin, request.ownOrigin())
  const caller = await sessions.find(id, check)
  if (!caller) throw invalid('invalid_token')
  return caller
}
