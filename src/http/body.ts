import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Request, Response } from 'express'
import { inSlices } from '../clock.ts'
import { type Endpoint, isBodyOptional } from '../contract/endpoints.ts'
import { formMedia, type SentFile } from '../contract/import.ts'
import { Failure } from '../errors.ts'
import { readFormFile } from './form-file.ts'
import { isJson, mediaTypeOf } from './media-type.ts'
import { parseJson } from './parse-json.ts'
import { piecesOf } from './pieces-of.ts'
import { quoted } from './problem.ts'
import { receiveBody, rejectAndClose, requireSize, tooLarge } from './receive-body.ts'
import { createJsonScan, type JsonBounds } from './scan-json.ts'

const bodyMaxDefault = 64 * 1024
const partsMaxDefault = 10_000
// A file is read in slices, so it may have more chunks the longer it is.
const fileBytesPerChunk = 16
// Some clients send an empty body with every request. Spaces around `{}` are allowed.
const emptyBodyMax = 16

/** The body of a request before it is parsed. `parts` are its chunks and what a scan of JSON counted. Undefined: there is none. */
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
  const bounds = { bytesMax: max, bytesPerChunk: consumes && fileBytesPerChunk }
  const received = await receiveBody(req, res, bounds, isPlain ? scan?.push : undefined)
  const bytes = isPlain ? received.bytes : await unzip(received.bytes, max)
  if (!isPlain && scan) await inSlices(piecesOf(bytes), scan.push)
  req.body = bytes
  const { keys, parts } = scan?.counted() ?? { keys: 0, parts: 0 }
  return { bytes, keys, parts: parts + received.chunks }
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

/** @throws Failure `request.malformed` for a body that is neither empty nor `{}` */
const requireEmpty = async (req: Request, res: Response): Promise<void> => {
  const received = await receiveBody(req, res, { bytesMax: emptyBodyMax }).catch(() => undefined)
  if (received && /^\s*(\{\s*\})?\s*$/.test(received.bytes.toString())) return
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
