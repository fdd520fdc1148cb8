import type { IncomingMessage } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import { Failure } from '../errors.ts'

const urlMax = 4096
/** The longest host name of the DNS, a dot at its end, and a port. */
const hostMax = 254 + ':65535'.length

declare module 'node:net' {
  interface Socket {
    /** `bytesRead` when the newest request began to be handled. */
    bytesTaken?: number
  }
}

const malformed = (detail: string, pointer?: string, code = ''): Failure =>
  new Failure(
    'request.malformed',
    pointer === undefined ? { detail } : { errors: [{ pointer, code, detail }] },
  )

/**
 * The target as routes know it. An absolute-form target whose host is the Host header becomes its path (RFC 9112 §3.2.2),
 * and a colon may come percent-encoded: some clients encode the one of a verb.
 */
const targetOf = ({ url = '', headers }: IncomingMessage): string => {
  let target = url
  if (!url.startsWith('/')) {
    const [, scheme = '', host = '', path = ''] = /^(https?):\/\/([^/?#@\s]+)((?:[/?#].*)?)$/i.exec(url) ?? []
    if (host === '' || authority(scheme, headers.host ?? host) !== authority(scheme, host)) return url
    target = path.startsWith('/') ? path : `/${path}`
  }
  if (!target.includes('%3')) return target
  const [path = '', ...query] = target.split('?')
  return [path.replaceAll(/%3a/gi, ':'), ...query].join('?')
}

/** A host without the port that its scheme has anyway (RFC 9110 §4.2.3). */
const authority = (scheme: string, host: string): string =>
  host.toLowerCase().replace(scheme.toLowerCase() === 'https' ? /:(443)?$/ : /:(80)?$/, '')

/**
 * What Node's parser accepts and no route may see. The target becomes a path, and equal repeated credentials are joined.
 * Call it once for each request, in the order of their connection.
 */
export const requestFault = (req: IncomingMessage, headersMax: number): Failure | undefined => {
  const isPlain = hasPlainLine(req)
  req.url = targetOf(req)
  const { url, headers } = req
  if (req.httpVersionMajor !== 1) return malformed('The request line has no version (RFC 9112 §3).') // HTTP/0.9
  if (!isPlain) {
    const detail = 'The request line must have one space on each side of its target (RFC 9112 §3).'
    return new Failure('request.malformed', { detail, headers: { connection: 'close' } })
  }
  if (!url.startsWith('/'))
    return malformed(
      'The request target must be a path, or a URL whose host is that of the Host header (RFC 9112 §3.2).',
    )
  if (url.includes('#')) return malformed('The request target must have no fragment (RFC 9112 §3.2).')
  if (url.length > urlMax) return new Failure('request.uri-too-long')
  if (req.rawHeaders.length > 2 * headersMax)
    return new Failure('request.headers-too-large', { detail: `Wanted: at most ${headersMax} headers.` })
  if ((headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked') {
    const errors = [
      { pointer: '/headers/transfer-encoding', code: 'coding', detail: 'Only chunked is understood.' },
    ]
    return new Failure('request.malformed', { errors, headers: { connection: 'close' } })
  }
  return headerFault(req)
}

const credentialHeaders = new Set(['authorization', 'x-api-key', 'x-authorization-key'])

/** Exactly one Host (RFC 9112 §3.2), and no two credentials that differ. */
const headerFault = (req: IncomingMessage): Failure | undefined => {
  const { rawHeaders: raw, headers } = req
  let hosts = 0
  for (let i = 0; i < raw.length; i += 2) {
    const { length } = raw[i] as string
    // The lengths of `host` and of the credential headers: most names are not looked at further.
    if (length !== 4 && length !== 9 && length !== 13 && length !== 19) continue
    const name = (raw[i] as string).toLowerCase()
    const value = raw[i + 1] as string
    if (name === 'host') hosts++
    if (!credentialHeaders.has(name) || headers[name] === value) continue
    // Node keeps the first of a repeated header or joins them.
    if (raw.some((other, at) => other.toLowerCase() === name && at % 2 === 0 && raw[at + 1] !== value))
      return new Failure('credential.conflict', {
        detail: `Wanted: one ${name} header. Two different ones came.`,
      })
    headers[name] = value
  }
  return hostFault(hosts, req)
}

const hostFault = (count: number, { headers, httpVersion }: IncomingMessage): Failure | undefined => {
  if (count === 0 && httpVersion !== '1.1') return undefined
  const wanted = count === 1 ? whyNoHost(headers.host ?? '') : 'exactly one Host header (RFC 9112 §3.2)'
  return wanted === undefined ? undefined : malformed(`Wanted: ${wanted}.`, '/headers/host', 'host')
}

let validHost: string | undefined
/** What is wanted instead of this Host header (RFC 9110 §7.2). Undefined: it is valid. */
const whyNoHost = (host: string): string | undefined => {
  if (host === validHost) return undefined // Nearly all requests have the same.
  if (host === '') return 'a host in the Host header; it is empty (RFC 9110 §4.2.1)'
  if (host.length > hostMax) return `a Host header of at most ${hostMax} characters`
  if (host.includes('@')) return 'a Host header without user information (RFC 9110 §4.2.4)'
  if (host.includes(',')) return 'one host in the Host header, not a list (RFC 9110 §7.2)'
  const [, address, name, port = ''] = /^(?:\[([\da-f:.]+)\]|([\w.~-]+))(?::(\d{0,5}))?$/i.exec(host) ?? []
  const isHost = address === undefined ? /^([\w~-]+\.)*[\w~-]+\.?$/.test(name ?? '') : isIPv6(address)
  if (!isHost)
    return 'a host name, an IPv4 address or an IPv6 address in brackets, and a port if any, in the Host header (RFC 9110 §7.2)'
  if (port !== '' && !(Number(port) >= 1 && Number(port) <= 65_535))
    return 'a port from 1 to 65535 in the Host header (RFC 9110 §7.2)'
  validHost = host
  return undefined
}

/** Node's parser gives a copy of the bytes that it parses now. */
type WithParser = { parser?: { getCurrentBuffer?(): Buffer | undefined } }
/** The chunk that is parsed now, and where the newest request line that was found in it ends. */
let chunk: { socket: Socket | undefined; bytesRead: number; text: string; from: number } = {
  socket: undefined,
  bytesRead: 0,
  text: '',
  from: 0,
}

/**
 * Whether the request line has one space before and after its target (RFC 9112 §3). Node's parser accepts more. A line that
 * arrived in several packets cannot be seen, and passes.
 */
const hasPlainLine = (req: IncomingMessage): boolean => {
  const { socket, method = '', url = '', rawHeaders } = req
  const { bytesRead, bytesTaken = 0 } = socket
  socket.bytesTaken = bytesRead
  // Most requests are exactly as long as their parts. A copy of their bytes would cost a tenth of a hit.
  let length = method.length + url.length + '  HTTP/1.1\r\n\r\n'.length
  for (const text of rawHeaders) length += text.length + 2
  if (bytesRead - bytesTaken === length) return true
  if (chunk.socket !== socket || chunk.bytesRead !== bytesRead) {
    const text = (socket as WithParser).parser?.getCurrentBuffer?.()?.toString('latin1') ?? ''
    chunk = { socket, bytesRead, text, from: 0 }
  }
  const line = new RegExp(`(?<=^|\\n)${method}( +)${url.replaceAll(/[^\w/]/g, '\\$&')}( +)HTTP/`, 'g')
  line.lastIndex = chunk.from
  const [, before, after] = line.exec(chunk.text) ?? [undefined, ' ', ' ']
  chunk.from = line.lastIndex
  return before === ' ' && after === ' '
}
