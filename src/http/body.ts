import type { Request, Response } from 'express'
import { type Endpoint, isBodyOptional } from '../contract/endpoints.ts'
import { formMedia, type SentFile } from '../contract/import.ts'
import { Failure, type FailureCode, type Fault } from '../errors.ts'
import { readFormFile } from './form-file.ts'
import { parseJson } from './parse-json.ts'

const bodyMaxDefault = 64 * 1024
const jsonType = /^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/**
 * The body of a request: parsed JSON, or a SentFile where the endpoint takes files. `{}` for a missing body whose fields are all
 * optional; undefined where the endpoint takes none.
 * @throws Failure `body.type`, `body.too-large`, `request.malformed`, `request.invalid-body` for a form without one file
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
  if (isPresent) requireType(req, endpoint.consumes)
  const bytes = await readBytes(req, res, endpoint.bodyMax ?? bodyMaxDefault)
  req.body = bytes
  return endpoint.consumes ? readFile(endpoint, req, bytes) : parseJson(bytes)
}

/** A media type without its parameters, in lower case. */
const mediaTypeOf = (contentType: string): string => (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()

const readFile = async (endpoint: Endpoint, req: Request, bytes: Buffer): Promise<SentFile> => {
  const contentType = req.headers['content-type'] ?? ''
  if (mediaTypeOf(contentType) !== formMedia) return { bytes, contentType }
  const file = await readFormFile(bytes, contentType, endpoint.query)
  // A repetition of a form has another boundary, so only its file tells whether it is the same request.
  req.body = file.bytes
  return file
}

/** A refusal before the body has been received: the connection ends with it. */
const rejectAndClose = (code: FailureCode, errors?: Fault[]): Failure =>
  new Failure(code, { headers: { connection: 'close' }, ...(errors && { errors }) })

/** @throws Failure `body.type`. Nothing is decompressed, so a compressed bomb has no effect. */
const requireType = ({ headers }: Request, files: Endpoint['consumes']): void => {
  const { 'content-type': type = '', 'content-encoding': coding = 'identity' } = headers
  const isTaken = files ? files.includes(mediaTypeOf(type)) : jsonType.test(type)
  if (!isTaken || coding.toLowerCase() !== 'identity') throw rejectAndClose('body.type')
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
