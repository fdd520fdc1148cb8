import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Request, Response } from 'express'
import { type Endpoint, isBodyOptional } from '../contract/endpoints.ts'
import { formMedia, type SentFile } from '../contract/import.ts'
import { Failure, type FailureCode, type Fault } from '../errors.ts'
import { readFormFile } from './form-file.ts'
import { isJson, mediaTypeOf } from './media-type.ts'
import { parseJson } from './parse-json.ts'

const bodyMaxDefault = 64 * 1024
// Some clients send an empty body with every request. Spaces around `{}` are allowed.
const emptyBodyMax = 16

/**
 * The body of a request: parsed JSON, or a SentFile where the endpoint takes files. `{}` for a missing body whose fields are all
 * optional; undefined where the endpoint takes none.
 * @throws Failure `body.type`, `body.too-large`, `request.malformed`, `request.invalid-body` for a form without one file
 */
export const readBody = async (endpoint: Endpoint, req: Request, res: Response): Promise<unknown> => {
  const { 'transfer-encoding': coding, 'content-length': length = '0' } = req.headers
  const isPresent = coding !== undefined || length !== '0'
  if (!endpoint.body) {
    if (isPresent) await requireEmpty(req, res)
    return undefined
  }
  if (!isPresent && isBodyOptional(endpoint)) return {}
  const max = endpoint.bodyMax ?? bodyMaxDefault
  if (isPresent) requireType(endpoint, req)
  const bytes = await decode(req, await readBytes(req, res, max), max)
  req.body = bytes
  return endpoint.consumes ? readFile(endpoint, req, bytes) : parseJson(bytes)
}

const readFile = async (endpoint: Endpoint, req: Request, bytes: Buffer): Promise<SentFile> => {
  const contentType = req.headers['content-type'] ?? ''
  if (mediaTypeOf(contentType)?.essence !== formMedia) return { bytes, contentType }
  const file = await readFormFile(bytes, contentType, endpoint.query)
  // A repetition of a form has another boundary, so only its file tells whether it is the same request.
  req.body = file.bytes
  return file
}

/** A refusal before the body has been received: the connection ends with it. */
const rejectAndClose = (
  code: FailureCode,
  more: { errors?: Fault[]; detail?: string } = {},
  headers = {},
): Failure => new Failure(code, { ...more, headers: { connection: 'close', ...headers } })

/** @throws Failure `request.malformed` for a body that is neither empty nor `{}` */
const requireEmpty = async (req: Request, res: Response): Promise<void> => {
  const bytes = await readBytes(req, res, emptyBodyMax).catch(() => undefined)
  if (bytes && /^\s*(\{\s*\})?\s*$/.test(bytes.toString())) return
  const errors = [{ pointer: '', code: 'body', detail: 'This endpoint takes no body.' }]
  throw rejectAndClose('request.malformed', { errors })
}

/** The codings of a body, without `identity`, which says nothing. */
const codingsOf = ({ headers }: Request): string[] =>
  (headers['content-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim().replace(/^x-gzip$/, 'gzip'))
    .filter((coding) => coding !== '' && coding !== 'identity')

/** @throws Failure `body.type` that names what came and what is wanted */
const requireType = ({ consumes, dropIn, method }: Endpoint, req: Request): void => {
  const type = req.headers['content-type'] ?? ''
  const isTaken = consumes ? consumes.includes(mediaTypeOf(type)?.essence ?? '') : isJson(type, dropIn)
  if (!isTaken) {
    const wanted = consumes?.join(', ') ?? 'application/json'
    const charset = consumes ? '' : ' in UTF-8'
    const detail = `The body came as ${shown(type)}. Wanted: ${wanted}${charset}.`
    throw rejectAndClose(
      'body.type',
      { detail },
      { [method === 'patch' ? 'Accept-Patch' : 'Accept-Post']: wanted },
    )
  }
  const codings = codingsOf(req)
  if (codings.length === 0 || (codings.length === 1 && codings[0] === 'gzip')) return
  const detail = `The body came with Content-Encoding ${shown(codings.join(', '))}. Wanted: gzip or none.`
  throw rejectAndClose('body.type', { detail }, { 'Accept-Encoding': 'gzip, identity' })
}

/** The text of a header in a sentence, unless it is missing, long or odd. */
const shown = (text: string): string =>
  text === '' ? 'nothing' : /^[\x20-\x7e]{1,100}$/.test(text) ? `"${text}"` : 'something else'

/** The body without gzip, at most `max` bytes: a compressed bomb is refused at that byte. */
const decode = async (req: Request, bytes: Buffer, max: number): Promise<Buffer> => {
  if (codingsOf(req).length === 0) return bytes
  return promisify(gunzip)(bytes, { maxOutputLength: max }).catch((error) => {
    if (error.code === 'ERR_BUFFER_TOO_LARGE') throw rejectAndClose('body.too-large')
    throw new Failure('request.malformed', { detail: 'The body is not gzip, as its Content-Encoding says.' })
  })
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
