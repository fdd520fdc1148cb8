import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Caller } from '../access/caller.ts'
import type { Freshness } from '../cache/cache.ts'

/** One request on its way through the door: what its log line and its numbers are made of. */
export type Visit = {
  requestId: string
  /** Monotonic ms. */
  startedAt: number
  method: string
  /** The path as in the OpenAPI document, never the URL with its values. */
  route: string
  /** Set when the caller is being looked for already. */
  finding: Promise<Caller> | undefined
  /** Once it is known; its limit has counted this request. */
  caller: Caller | undefined
  freshness: Freshness | undefined
  /** Its body is sent when it is told to go on. */
  awaitsContinue: boolean
  /** The failure code of a problem document. */
  code: string | undefined
  /** Lines of the answer's head that belong to the visit, such as CORS. */
  lines: string
}

declare module 'node:http' {
  interface IncomingMessage {
    visit: Visit
  }
}

const ownId = /^[A-Za-z0-9_-]{8,64}$/

/** The caller's request id where it is one, else our own. */
export const requestIdOf = (req: IncomingMessage): string => {
  const given = req.headers['x-request-id']
  return typeof given === 'string' && ownId.test(given) ? given : randomUUID()
}

export const newVisit = (method: string, requestId: string, now: number): Visit => ({
  requestId,
  startedAt: now,
  method,
  route: 'unknown',
  finding: undefined,
  caller: undefined,
  freshness: undefined,
  awaitsContinue: false,
  code: undefined,
  lines: '',
})

export const beginVisit = (req: IncomingMessage, now: number): Visit => {
  req.visit = newVisit(req.method ?? '', requestIdOf(req), now)
  return req.visit
}
