import { randomBytes } from 'node:crypto'
import { STATUS_CODES } from 'node:http'

/** A complete answer, before a fault changes its delivery. */
export type Answer = { status: number; headers: Record<string, string>; body: Buffer }

/** JSON as ChatHub sends it, with the Content-Type `text/plain`. */
export function json(value: unknown, status = 200): Answer {
  return text(JSON.stringify(value), status)
}

export function text(body: string, status = 200): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: Buffer.from(body) }
}

/** A status without a body, as `POST /api/operator/status` answers on success. */
export function empty(status = 200): Answer {
  return { status, headers: {}, body: Buffer.alloc(0) }
}

/**
 * An ASP.NET Core ProblemDetails body, the most likely form of a refusal of ChatHub.
 * `errors` maps a field path such as `$[0].name` to its messages.
 */
export function problem(status: number, errors?: Record<string, string[]>): Answer {
  const body = {
    type: `https://tools.ietf.org/html/rfc9110#status.${status}`,
    title: errors ? 'One or more validation errors occurred.' : (STATUS_CODES[status] ?? 'Unknown'),
    status,
    traceId: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`,
    ...(errors ? { errors } : {}),
  }
  const headers: Record<string, string> = { 'content-type': 'application/problem+json; charset=utf-8' }
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  return { status, headers, body: Buffer.from(JSON.stringify(body)) }
}
