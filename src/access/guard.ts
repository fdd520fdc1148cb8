import type { IncomingHttpHeaders } from 'node:http'
import { Failure } from '../errors.ts'
import { requireOrigin, requireSessionHeader, sessionIdOf } from './browser.ts'
import type { Caller } from './caller.ts'
import type { Sessions } from './sessions.ts'

/** Finds the caller of a credential that came in a header; undefined: not one of its kind, or not valid. */
type Finder = (credential: string) => Caller | undefined | Promise<Caller | undefined>

type GuardedRequest = {
  headers: IncomingHttpHeaders
  /** A drop-in path: ChatHub's `X-Authorization-Key` counts too. */
  dropIn: boolean
  /** The origin under which the browser sees the gateway. */
  ownOrigin(): string
}

/** @throws Failure `credential.missing`, `credential.invalid`, `credential.conflict`, `csrf.refused` */
export type Guard = (request: GuardedRequest) => Caller | Promise<Caller>

const challenge = (error: string): { headers: Record<string, string> } => ({
  headers: { 'WWW-Authenticate': `Bearer realm="chathub-gateway", error="${error}"` },
})

/** The one credential of a request: `Authorization: Bearer`, `X-API-Key`, on drop-in paths `X-Authorization-Key` too. */
export const credentialOf = (headers: IncomingHttpHeaders, dropIn: boolean): string | undefined => {
  const { authorization } = headers
  const bearer =
    authorization === undefined ? undefined : /^bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1]
  if (authorization !== undefined && bearer === undefined)
    throw new Failure('credential.invalid', challenge('invalid_request'))
  const key = headers['x-api-key']
  const wireKey = dropIn ? headers['x-authorization-key'] : undefined
  const credential = bearer ?? key ?? wireKey
  // The same one twice is one.
  if ((key ?? credential) !== credential || (wireKey ?? credential) !== credential)
    throw new Failure('credential.conflict')
  return typeof credential === 'string' ? credential : undefined
}

/** Asks each finder in turn; a key that the first knows costs no promise. A session cookie counts when there is no other. */
export const createGuard =
  (finders: readonly Finder[], sessions: Sessions | undefined): Guard =>
  (request) => {
    const credential = credentialOf(request.headers, request.dropIn)
    const sessionId = sessions && sessionIdOf(request.headers)
    if (credential === undefined) {
      if (!sessions || sessionId === undefined) throw new Failure('credential.missing')
      return findSession(sessions, sessionId, request)
    }
    if (sessionId !== undefined) throw new Failure('credential.conflict')
    const found = finders[0]?.(credential)
    if (found && !(found instanceof Promise)) return found
    return findAmong(finders, credential)
  }

const findAmong = async (finders: readonly Finder[], credential: string): Promise<Caller> => {
  for (const find of finders) {
    const caller = await find(credential)
    if (caller) return caller
  }
  throw new Failure('credential.invalid', challenge('invalid_token'))
}

const findSession = async (
  sessions: Sessions,
  id: string,
  { headers, ownOrigin }: GuardedRequest,
): Promise<Caller> => {
  requireSessionHeader(headers) // first: what any page can send is not even a use of the session
  const caller = await sessions.find(id)
  if (!caller) throw new Failure('credential.invalid', challenge('invalid_token'))
  requireOrigin(headers, caller.origin, ownOrigin())
  return caller
}
