import type { Request, Response } from 'express'
import { type Endpoint, isBodyOptional } from '../contract/endpoints.ts'
import { Failure, type FailureCode, type Fault } from '../errors.ts'
import { parseJson } from './parse-json.ts'

const bodyMaxDefault = 64 * 1024
const jsonType = /^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
const csvType = /^\s*text\/csv\s*(?:;\s*(?:charset\s*=\s*"?utf-8"?|header\s*=\s*"?present"?)\s*)*$/i

/**
 * The body of a request: parsed JSON, or bytes where the endpoint takes CSV. `{}` for a missing body whose fields are all
 * optional; undefined where the endpoint takes none.
 * @throws Failure `body.type`, `body.too-large`, `request.malformed`
 */
export const readBody = async (endpoint: Endpoint, req: Request, res: Response): Promise<unknown> => {
  const { 'transfer-encoding': coding, 'content-length': length = '0' } = req.headers
  const isPresent = coding !== undefined || length !== '0'
  if (!endpoint.body) {
    if (!isPresent) return undefined
    const errors = [{ pointer: '', code: 'body', detail: 'This endpoint takes no body.' }]
    throw rejectAndClose('request.malformed', errors)
  }
  if (!isPresent && isBodyOptional(endpoint)) return {}
  const isCsv = endpoint.consumes === 'text/csv'
  if (isPresent) requireType(req, isCsv ? csvType : jsonType)
  const bytes = await readBytes(req, res, endpoint.bodyMax ?? bodyMaxDefault)
  req.body = bytes
  return isCsv ? bytes : parseJson(bytes)
}

/** A refusal before the body has been received: the connection ends with it. */
const rejectAndClose = (code: FailureCode, errors?: Fault[]): Failure =>
  new Failure(code, { headers: { connection: 'close' }, ...(errors && { errors }) })

/** @throws Failure `body.type`. Nothing is decompressed, so a compressed bomb has no effect. */
const requireType = ({ headers }: Request, type: RegExp): void => {
  const coding = headers['content-encoding'] ?? 'identity'
  if (!type.test(headers['content-type'] ?? '') || coding.toLowerCase() !== 'identity')
    throw rejectAndClose('body.type')
}

/** The bytes of a body. A body that grows too large is refused at that byte, and the rest is not kept. */
const readBytes = (req: Request, res: Response, max: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    if (Number(req.headers['content-length'] ?? 0) > max) return reject(rejectAndClose('body.too-large'))
    if (req.requestContext.awaitsContinue) res.writeContinue()
    req.requestContext.awaitsContinue = false
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
