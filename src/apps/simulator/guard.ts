import { type Answer, problem } from './answer.ts'
import type { Incoming } from './incoming.ts'
import type { Holder, Tokens } from './tokens.ts'

export type Admission = { holder: Holder } | { refusal: Answer }

/**
 * Finds the caller by `Authorization: Bearer <token>` or `X-Authorization-Key: <token>`. A wrong, revoked or
 * expired token is 401. An operator's token may read the list only, as one sample of the documents does;
 * elsewhere it is 403.
 */
export function admit(incoming: Incoming, tokens: Tokens): Admission {
  const bearer = /^Bearer +(\S+) *$/i.exec(incoming.headers.authorization ?? '')?.[1]
  const key = incoming.headers['x-authorization-key']
  const token = bearer ?? (typeof key === 'string' ? key : undefined)
  const holder = token === undefined ? undefined : tokens.holder(token)
  if (!holder) return { refusal: problem(401) }
  if (holder.kind === 'operator' && incoming.route !== 'list') return { refusal: problem(403) }
  return { holder }
}

/**
 * The documents require `Accept: text/plain` for both reads. A header that contains or covers it passes. Any
 * other header, or none, is 406.
 */
export function acceptsText(incoming: Incoming): boolean {
  const ranges = (incoming.headers.accept ?? '').split(',').map((range) => range.split(';')[0]!.trim())
  return ranges.some((range) => range === '*/*' || range === 'text/*' || range === 'text/plain')
}

/** ASP.NET Core answers 415 to a body with another Content-Type than JSON. */
export function sendsJson(incoming: Incoming): boolean {
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(incoming.headers['content-type'] ?? '')
}
