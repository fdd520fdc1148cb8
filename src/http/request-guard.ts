import { type IncomingMessage, STATUS_CODES } from 'node:http'
import { Failure } from '../errors.ts'
import { problemHeaders, problemOf } from './problem.ts'
import { contentSecurityPolicy, securityHeaders } from './respond.ts'

const urlMax = 4096
const headersMax = 100

/** Of a repeated one Node keeps the first or joins them all. Two that differ are two credentials, two that agree are one. */
const credentialHeaders = new Set(['authorization', 'x-api-key', 'x-authorization-key'])

/** What Node's parser lets through and no route should see. */
export const requestFault = (req: IncomingMessage): Failure | undefined => {
  const url = req.url ?? ''
  if (req.httpVersionMajor !== 1) return new Failure('request.malformed') // a line without a version is HTTP/0.9
  if (url.charCodeAt(0) !== 47)
    return new Failure('request.malformed', { detail: 'The request target must be a path.' })
  if (url.length > urlMax) return new Failure('request.uri-too-long')
  const raw = req.rawHeaders
  if (raw.length > 2 * headersMax) return new Failure('request.headers-too-large')
  let hosts = 0
  let credentials: Record<string, string> | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    // By their length first: of most names no more is looked at.
    if (name.length === 4) {
      if (name.toLowerCase() === 'host') hosts++
    } else if (name.length === 13 || name.length === 9 || name.length === 19) {
      const known = name.toLowerCase()
      if (!credentialHeaders.has(known)) continue
      credentials ??= {}
      const value = raw[i + 1] as string
      const before = credentials[known]
      if (before === undefined) credentials[known] = value
      else if (before === value) req.headers[known] = value
      else return new Failure('credential.conflict')
    }
  }
  if (hosts > 1 || (hosts === 0 && req.httpVersion === '1.1'))
    return new Failure('request.malformed', {
      errors: [{ pointer: '/headers/host', code: 'host', detail: 'Wanted: exactly one Host header.' }],
    })
  const coding = req.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return new Failure('request.malformed', {
      errors: [
        { pointer: '/headers/transfer-encoding', code: 'coding', detail: 'Only chunked is understood.' },
      ],
      headers: { connection: 'close' },
    })
  return undefined
}

/** Why Node's parser gave up. */
export const brokenRequest = (error: NodeJS.ErrnoException): Failure => {
  if (error.code === 'HPE_HEADER_OVERFLOW') return new Failure('request.headers-too-large')
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Failure('request.timeout')
  if (error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new Failure('body.too-large')
  return new Failure('request.malformed')
}

/** A refusal as its bytes, for a connection that has no response object; it says that it is the last on it. */
export const rawErrorResponse = (failure: Failure, requestId: string): string => {
  const body = JSON.stringify(problemOf(failure, requestId))
  const headers = [
    ...problemHeaders(failure),
    'Content-Length',
    String(Buffer.byteLength(body)),
    ...securityHeaders,
    'Content-Security-Policy',
    contentSecurityPolicy,
    'X-Request-Id',
    requestId,
    'Connection',
    'close',
  ]
  let head = `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${head}\r\n${body}`
}
