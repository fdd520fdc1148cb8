import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Request, Response } from 'express'
import { inSlices } from '../clock.ts'
import { type Endpoint, isBodyOptional } from '../contract/endpoints.ts'
import { formMedia, type SentFile } from '../contract/import.ts'
import { Failure, type FailureCode, type Fault } from '../errors.ts'
import { readFormFile } from './form-file.ts'
import { isJson, mediaTypeOf } from './media-type.ts'
import { parseJson } from './parse-json.ts'
import { piecesOf } from './pieces-of.ts'
import { quoted } from './problem.ts'
import { createJsonScan, type JsonBounds, type JsonScan } from './scan-json.ts'

const bodyMaxDefault = 64 * 1024
const partsMaxDefault = 10_000
// Some clients send an empty body with every request. Spaces around `{}` are allowed.
const emptyBodyMax = 16

/** The body of a request before it is parsed, with what a scan of JSON counted. Undefined: there is none. */
export type Body = { bytes: Buffer; keys: number; parts: number } | undefined

/**
 * What the headers of a request say about its body, before any of it is read.
 * @throws Failure `body.type`, `body.too-large`
 */
export const checkBodyHeaders = (endpoint: Endpoint, req: Request): void => {
  if (!endpoint.body || !hasBody(req)) return
  requireType(endpoint, req)
  requireSize(req, maxOf(endpoint))
}

/** Whether a request has a body, which may be empty if it is chunked. */
export const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'

export const maxOf = ({ bodyMax = bodyMaxDefault }: Endpoint): number => bodyMax

/** @throws Failure `body.too-large` for a declared length beyond `max` */
const requireSize = ({ headers }: Request, max: number): void => {
  if (Number(headers['content-length'] ?? 0) > max) throw tooLarge(max)
}

/**
 * The bytes of a body. Structure beyond the bounds is refused at that byte, and nothing is parsed.
 * @param rows the most entries of the outermost array, where the endpoint bounds them
 * @throws Failure `body.too-large`, `request.malformed`, `request.invalid-body`
 */
export const readBody = async (
  endpoint: Endpoint,
  req: Request,
  res: Response,
  rows?: JsonBounds['rows'],
): Promise<Body> => {
  if (!endpoint.body) {
    if (hasBody(req)) await requireEmpty(req, res)
    return undefined
  }
  if (!hasBody(req) && isBodyOptional(endpoint)) return undefined
  const max = maxOf(endpoint)
  const { consumes, partsMax = partsMaxDefault } = endpoint
  const code = endpoint.dropIn ? 'request.invalid' : 'request.invalid-body'
  const scan = consumes ? undefined : createJsonScan({ partsMax, rows, code })
  const isPlain = codingsOf(req).length === 0
  const sent = await readBytes(req, res, max, isPlain ? scan : undefined)
  const bytes = isPlain ? sent : await unzip(sent, max)
  if (!isPlain && scan) await inSlices(piecesOf(bytes), scan.push)
  req.body = bytes
  return { bytes, ...(scan?.counted() ?? { keys: 0, parts: 0 }) }
}

/** The content of a body: a SentFile where the endpoint takes files, else the value of its JSON; `{}` for a missing one. */
export const parseBody = (endpoint: Endpoint, req: Request, body: Body): unknown => {
  if (!body) return endpoint.body ? {} : undefined
  return endpoint.consumes ? readFile(endpoint, req, body.bytes) : parseJson(body.bytes, body.keys)
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

const tooLarge = (max: number): Failure =>
  rejectAndClose('body.too-large', {
    detail: `Wanted: a body of at most ${max} bytes, also when it is unpacked.`,
  })

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
    const detail = `The body came as ${quoted(type)}. Wanted: ${wanted}${charset}.`
    throw rejectAndClose(
      'body.type',
      { detail },
      { [method === 'patch' ? 'Accept-Patch' : 'Accept-Post']: wanted },
    )
  }
  const codings = codingsOf(req)
  if (codings.length === 0 || (codings.length === 1 && codings[0] === 'gzip')) return
  const detail = `The body came with Content-Encoding ${quoted(codings.join(', '))}. Wanted: gzip or none.`
  throw rejectAndClose('body.type', { detail }, { 'Accept-Encoding': 'gzip, identity' })
}

/** The body without gzip, at most `max` bytes: a compressed bomb is refused at that byte. */
const unzip = (bytes: Buffer, max: number): Promise<Buffer> =>
  promisify(gunzip)(bytes, { maxOutputLength: max }).catch((error) => {
    if (error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(max)
    throw new Failure('request.malformed', { detail: 'The body is not gzip, as its Content-Encoding says.' })
  })

/** The bytes of a body. A body that grows too large is refused at that byte, and the rest is not kept. */
const readBytes = (req: Request, res: Response, max: number, scan?: JsonScan): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    requireSize(req, max)
    // Its client left before anybody listened, so no event comes any more.
    if (req.destroyed) return reject(new Failure('request.malformed'))
    if (req.requestContext.awaitsContinue) res.writeContinue()
    req.requestContext.awaitsContinue = false
    // Filled as it arrives. Joined at the end, a large body would stop the event loop for its copy.
    let bytes: Buffer = Buffer.allocUnsafe(Number(req.headers['content-length'] ?? 0))
    let size = 0
    const take = (chunk: Buffer): void => {
      try {
        if (size + chunk.length > max) throw tooLarge(max)
        scan?.push(chunk)
        if (size + chunk.length > bytes.length) bytes = withRoom(bytes.subarray(0, size), chunk.length)
        size += chunk.copy(bytes, size)
      } catch (error) {
        req.off('data', take)
        reject(error)
      }
    }
    req.on('data', take)
    req.on('end', () => resolve(bytes.subarray(0, size)))
    req.on('error', reject)
  })

const withRoom = (bytes: Buffer, more: number): Buffer => {
  const larger = Buffer.allocUnsafe(bytes.length + Math.max(bytes.length, more))
  bytes.copy(larger)
  return larger
}
