import type { IncomingHttpHeaders } from 'node:http'
import type { Freshness } from '../cache/cache.ts'
import type { CachedLookup } from './fast-path.ts'
import { serializeHeaders } from './header-writer.ts'
import { createPreparedBody, preparedBodyOf } from './prepared-body.ts'
import { type Response, respond } from './respond.ts'

/**
 * What a handler returns; the pipeline sends it. `organizationIds`: the organizations that the answer is about, besides the
 * one in the path.
 */
export type Answer =
  | { keptBody: Buffer; freshness: Freshness; cachedLookup?: CachedLookup }
  | {
      json: unknown
      status?: number
      headers?: string[]
      freshness?: Freshness
      /** Not stored for a repetition of the request: it holds a token, or nothing was written. */
      noStore?: boolean
      organizationIds?: number[]
    }
  | { bytes: Buffer; contentType: string; status?: number; headers?: string[]; policy?: string }
  | { empty: number; headers?: string[]; organizationIds?: number[] }
  | EventAnswer

/** A stream of events about one organization. It ends when its reader may no longer touch that organization. */
export type EventAnswer = { events: Events; organization: number }

/** Emits server-sent events until the stream ends. `end` ends it; the returned function stops the source. */
export type Events = (emit: (name: string, data: unknown) => void, end: () => void) => () => void

/** The answer as it goes out: nothing but lists and what is made of them may be kept by anybody. */
export const render = (
  answer: Exclude<Answer, EventAnswer>,
  request: IncomingHttpHeaders,
  label: string,
  dropIn = false,
): Response => {
  if ('keptBody' in answer)
    return respond(preparedBodyOf(answer.keptBody), request, answer.freshness, label, dropIn)
  if ('empty' in answer) {
    const length = answer.empty === 204 ? [] : ['Content-Length', '0']
    const lines = serializeHeaders([...length, 'Cache-Control', 'no-store', ...(answer.headers ?? [])])
    return { status: answer.empty, lines, body: undefined }
  }
  if ('bytes' in answer)
    return noStore(answer.status, answer.contentType, answer.bytes, answer.headers, answer.policy)
  const body = Buffer.from(JSON.stringify(answer.json))
  if (answer.freshness)
    return respond(createPreparedBody(body, { isKept: false }), request, answer.freshness, label, dropIn)
  return noStore(answer.status, label, body, answer.headers)
}

const noStore = (
  status = 200,
  type: string,
  body: Buffer,
  headers: string[] = [],
  policy?: string,
): Response => ({
  status,
  lines: serializeHeaders([
    'Content-Type',
    type,
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
    ...headers,
  ]),
  body,
  ...(policy !== undefined && { policy }),
})
