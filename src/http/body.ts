import express, { type Request, type Response } from 'express'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'
import { parseJson } from './json.ts'

const bodyMaxDefault = 64 * 1024
const jsonType = /^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
const csvType = /^\s*text\/csv\s*(?:;\s*(?:charset\s*=\s*"?utf-8"?|header\s*=\s*"?present"?)\s*)*$/i

/** The body of a request: JSON, or bytes where the endpoint takes CSV; undefined where it takes none. @throws Failure `body.*`, `request.malformed` */
export const readBody = async (endpoint: Endpoint, req: Request, res: Response): Promise<unknown> => {
  const present =
    req.headers['transfer-encoding'] !== undefined || (req.headers['content-length'] ?? '0') !== '0'
  if (!endpoint.body) {
    if (present)
      throw new Failure('request.malformed', {
        errors: [{ pointer: '', code: 'body', detail: 'This endpoint takes no body.' }],
        headers: { connection: 'close' },
      })
    return undefined
  }
  const csv = endpoint.consumes === 'text/csv'
  if (!present) return csv ? Buffer.alloc(0) : parseJson(Buffer.alloc(0))
  if (!(csv ? csvType : jsonType).test(req.headers['content-type'] ?? ''))
    throw new Failure('body.type', { headers: { connection: 'close' } })
  const read = rawBody(endpoint.bodyMax ?? bodyMaxDefault)
  await new Promise<void>((resolve, reject) =>
    read(req, res, (error?: unknown) => (error ? reject(error) : resolve())),
  )
  return csv ? (req.body as Buffer) : parseJson(req.body as Buffer)
}

/** Reads at most `limit` bytes as they are; compressed bodies are refused, so that no bomb is ever inflated. */
const rawBody = (limit: number) => {
  const reader = rawBodies.get(limit) ?? express.raw({ limit, inflate: false, type: () => true })
  rawBodies.set(limit, reader)
  return reader
}
const rawBodies = new Map<number, ReturnType<typeof express.raw>>()
