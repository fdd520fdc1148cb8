import { type Answer, json, problem, text } from './answer.ts'
import type { Directory } from './directory.ts'
import type { Incoming } from './incoming.ts'
import type { Tokens } from './tokens.ts'

/** ChatHub's documentation shows three forms: a JSON string, plain text, and `{token, expiration}`. */
export type TokenShape = 'string' | 'text' | 'object'

const day = 24 * 60 * 60 * 1000

/** Whether a login comes less than `spacingMs` after the last one that was not refused for this reason. */
export function createLoginSpacing(spacingMs: number, monotonic: () => number) {
  let last = Number.NEGATIVE_INFINITY
  return (): boolean => {
    const now = monotonic()
    if (now - last < spacingMs) return true
    last = now
    return false
  }
}

export type LoginRules = {
  login: string
  password: string
  tokenShape: TokenShape
  companyTokenMs: number
  now: () => number
  tooEarly: () => boolean
}

/** `POST /api/company/get-token` with `{login,password}`. Too early: 429, before the password is checked. */
export function logIn(incoming: Incoming, tokens: Tokens, rules: LoginRules): Answer {
  if (rules.tooEarly()) {
    return json({ status: 429, error: 'Too Many Requests', message: 'Log in at most once a second.' }, 429)
  }
  const { login, password } = (incoming.json ?? {}) as { login?: unknown; password?: unknown }
  if (typeof login !== 'string' || typeof password !== 'string') {
    return problem(400, { login: ['The login and password fields are required.'] })
  }
  if (login !== rules.login || password !== rules.password) return problem(401)
  const expiration = rules.now() + rules.companyTokenMs
  const token = tokens.issueCompany(expiration)
  if (rules.tokenShape === 'text') return text(token)
  return json(
    rules.tokenShape === 'string' ? token : { token, expiration: new Date(expiration).toISOString() },
  )
}

/**
 * `POST /api/operator/get-token` with `{id, expiresAt}`, ISO 8601, at most 24 hours ahead -> a JSON string.
 * Past, later or invalid: 400. An unknown operator: 404. The documents mention no check of the status, so
 * inactive and deleted operators get a token too; the gateway must refuse them.
 */
export function issueOperatorToken(
  incoming: Incoming,
  directory: Directory,
  tokens: Tokens,
  now: () => number,
): Answer {
  const { id, expiresAt } = (incoming.json ?? {}) as { id?: unknown; expiresAt?: unknown }
  if (!Number.isInteger(id)) return problem(400, { id: ['The id field is required.'] })
  const isDate = typeof expiresAt === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(expiresAt)
  const until = isDate ? Date.parse(expiresAt) : Number.NaN
  if (!(until > now() && until <= now() + day)) {
    return problem(400, { expiresAt: ['Must be at most 24 hours ahead.'] })
  }
  return directory.operator(id as number) ? json(tokens.issueOperator(id as number, until)) : problem(404)
}

/**
 * `POST /api/operator/validate-token` with `{token}` -> `{isValid,operatorId,clientId,expiresAt}`, or
 * `{isValid:false,error}`, both with 200. `clientId` is not documented; here it is always 1.
 */
export function validateToken(incoming: Incoming, tokens: Tokens): Answer {
  const { token } = (incoming.json ?? {}) as { token?: unknown }
  if (typeof token !== 'string') return problem(400, { token: ['The token field is required.'] })
  const holder = tokens.holder(token)
  if (holder?.kind !== 'operator') return json({ isValid: false, error: 'Invalid or expired token' })
  const expiresAt = new Date(holder.expiresAt ?? 0).toISOString()
  return json({ isValid: true, operatorId: holder.operatorId, clientId: 1, expiresAt })
}
