import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../access/caller.ts'
import type { Freshness } from '../cache/cache.ts'
import type { CachedLookup } from './fast-path.ts'
import { type Headers, serializeHeaders } from './header-writer.ts'
import { acceptedCodings } from './negotiate.ts'
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
  | BytesAnswer
  | { empty: number; headers?: Headers; organizationIds?: number[] }

export type BytesAnswer = {
  bytes: Buffer
  headers?: Headers
  policy?: string
  freshness?: Freshness
  /** The same bytes are sent again and again, so they are compressed, once. */
  isKept?: boolean
}

/** A stream of events. One about an organization ends when its reader may no longer touch that organization. */
type EventAnswer = { events: Events; organization?: number }

/** Sends server-sent events as text until the stream ends. */
export type Events = (stream: {
  send(text: string): void
  /** Resolves when the connection has taken what was sent, or has ended. */
  drained(): Promise<void>
  end(): void
}) => EventSource

/** Where the events of one stream come from. */
export type EventSource = {
  stop(): void
  /** Is told each second what rights the reader has now. */
  narrow?(caller: Caller): void
  /** What is sent every 15 seconds. */
  heartbeat?(): string
}

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
  const sent = 'bytes' in answer && answer.isKept ? coded(body, request) : { body, headers: {} }
  const lines = serializeHeaders({
    'Content-Type': contentType,
    'Content-Length': String(sent.body.length),
    'Cache-Control': 'no-store',
    ...sent.headers,
    ...answer.headers,
  })
  if ('bytes' in answer) return { status: 200, lines, body: sent.body, policy: answer.policy }
  return { status: answer.status ?? 200, lines, body }
}

/** Kept bytes in the best coding that the client takes and that is made already. */
const coded = (bytes: Buffer, { 'accept-encoding': accepted }: IncomingHttpHeaders) => {
  const { coding, variant } = preparedBodyOf(bytes).variant(acceptedCodings(accepted))
  const encoding: Headers = coding === 'identity' ? {} : { 'Content-Encoding': coding }
  return { body: variant.body, headers: { Vary: 'Accept-Encoding', ...encoding } }
}
