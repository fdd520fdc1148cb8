import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type RouteName, routeOf } from './routes.ts'

/** A complete request. `json` is undefined if the body is not JSON. */
export type Incoming = {
  method: string
  path: string
  route: RouteName
  query: URLSearchParams
  headers: IncomingHttpHeaders
  json: unknown
  tooLarge: boolean
}

const largestBody = 8 * 1024 * 1024

/** The parts of the request line, known before the body has arrived. */
export function requestLine(request: IncomingMessage) {
  const method = request.method ?? 'GET'
  const target = request.url ?? '/'
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))
  return { method, path, query, route: routeOf(method, path) }
}

/**
 * Reads the whole request. A body over 8 MiB is read and dropped, so that the client gets a 413 and not a
 * reset. @throws if the client leaves before the end of its body
 */
export async function readIncoming(request: IncomingMessage): Promise<Incoming> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= largestBody) chunks.push(chunk)
  }
  const tooLarge = size > largestBody
  const json = tooLarge ? undefined : parsed(Buffer.concat(chunks).toString('utf8'))
  return { ...requestLine(request), headers: request.headers, json, tooLarge }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
