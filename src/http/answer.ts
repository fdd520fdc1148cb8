import type { IncomingHttpHeaders } from 'node:http'
import type { Freshness } from '../cache/cache.ts'
import type { CachedLookup } from './fast-path.ts'
import { type Headers, serializeHeaders } from './header-writer.ts'
import { createPreparedBody, preparedBodyOf } from './prepared-body.ts'
import { type Response, respond } from './respond.ts'

/** What a handler returns; the pipeline sends it. */
export type Answer = StoredAnswer | EventAnswer

/** An answer whose body is known. `organizationIds`: what it is about, besides the organization of the path. */
export type StoredAnswer =
  | { keptBody: Buffer; freshness: Freshness; cachedLookup: CachedLookup }
  | {
      json: unknown
      status?: number
      headers?: Headers
      freshness?: Freshness
      /** Not stored for a repetition of the request: it holds a token, or nothing was written. */
      noStore?: boolean
      organizationIds?: number[]
    }
  | { bytes: Buffer; headers?: Headers; policy?: string; freshness?: Freshness }
  | { empty: number; headers?: Headers; organizationIds?: number[] }

/** A stream of events about one organization. It ends when its reader may no longer touch that organization. */
type EventAnswer = { events: Events; organization: number }

/** Emits server-sent events until the stream ends. `end` ends it; the returned function stops the source. */
export type Events = (emit: (name: string, data: unknown) => void, end: () => void) => () => void

/** The response to send. Clients may keep only lists and what is made from them. */
export const render = (
  answer: StoredAnswer,
  request: IncomingHttpHeaders,
  contentType: string,
  dropIn = false,
): Response => {
  if ('keptBody' in answer)
    return respond(preparedBodyOf(answer.keptBody), request, answer.freshness, contentType, dropIn)
  if ('empty' in answer) {
    const length: Headers = answer.empty === 204 ? {} : { 'Content-Length': '0' }
    const lines = serializeHeaders({ ...length, 'Cache-Control': 'no-store', ...answer.headers })
    return { status: answer.empty, lines, body: undefined }
  }
  const body = 'bytes' in answer ? answer.bytes : Buffer.from(JSON.stringify(answer.json))
  if (answer.freshness) {
    const prepared = createPreparedBody(body, { isKept: false })
    const response = respond(prepared, request, answer.freshness, contentType, dropIn)
    if (response.status === 304 || !answer.headers) return response
    return { ...response, lines: response.lines + serializeHeaders(answer.headers) }
  }
  const lines = serializeHeaders({
    'Content-Type': contentType,
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    ...answer.headers,
  })
  if ('bytes' in answer) return { status: 200, lines, body, policy: answer.policy }
  return { status: answer.status ?? 200, lines, body }
}
