import type { Request, Response } from 'express'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure, type FailureCode } from '../errors.ts'
import { parseJson } from './parse-json.ts'

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
  if (!(csv ? csvType : jsonType).test(req.headers['content-type'] ?? '')) throw rejectAndClose('body.type')
  // Nothing is inflated, so no bomb is.
  if ((req.headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity')
    throw rejectAndClose('body.type')
  const max = endpoint.bodyMax ?? bodyMaxDefault
  if (Number(req.headers['content-length'] ?? 0) > max) throw rejectAndClose('body.too-large')
  if (req.requestContext.awaitsContinue) res.writeContinue()
  req.requestContext.awaitsContinue = false
  const bytes = await readBytes(req, max)
  req.body = bytes
  return csv ? bytes : parseJson(bytes)
}

/** A refusal while the body is still on its way: the connection ends with it. */
const rejectAndClose = (code: FailureCode): Failure => new Failure(code, { headers: { connection: 'close' } })

/** The body as it is; one that grows too large is refused at that byte, and what follows is not kept. */
const readBytes = (req: Request, max: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const take = (chunk: Buffer): void => {
      size += chunk.length
      if (size <= max) return void chunks.push(chunk)
      req.off('data', take)
      reject(rejectAndClose('body.too-large'))
    }
    req.on('data', take)
    req.on('end', () => resolve(Buffer.concat(chunks, size)))
    req.on('error', reject)
  })
