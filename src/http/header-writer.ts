import { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'

/** A list: one line for each. */
export type Headers = Record<string, string | readonly string[]>

/** Headers as their lines on the wire. @throws TypeError for a name or value that would not be exactly one header */
export const serializeHeaders = (headers: Headers): string => {
  let lines = ''
  for (const [name, given] of Object.entries(headers))
    for (const value of typeof given === 'string' ? [given] : given) {
      const line = `${name}: ${value}`
      if (!/^[\w-]+: [\x20-\x7e]+$/.test(line)) throw new TypeError(`Not a header: ${line}`)
      lines += `${line}\r\n`
    }
  return lines
}

/** The inverse of `serializeHeaders`, in the flat form of Node: name, value, … */
export const parseHeaders = (lines: string): string[] =>
  lines
    .split('\r\n')
    .slice(0, -1)
    .flatMap((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    })

/** How long an idle connection is kept, in seconds; announced in `Keep-Alive`. */
export const keepAliveSeconds = 65

/** Node keeps the serialized head here; the package on-headers and others rely on it too. */
type WithHeader = { _header: unknown }

/** The head that Node begins a keep-alive answer with. Undefined: this release of Node keeps no such text. */
const nodeHead = (status: number): string | undefined => {
  const request = { method: 'GET', httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 }
  const res = new ServerResponse(Object.assign(new IncomingMessage(undefined as never), request))
  res.writeHead(status, ['Content-Length', '0'])
  const head = (res as unknown as WithHeader)._header
  if (typeof head !== 'string' || !/^HTTP\/1\.1 \d{3} .*\r\nContent-Length: 0\r\n[\s\S]*\r\n\r\n$/.test(head))
    return undefined
  return head.replace(/Content-Length: 0\r\n([\s\S]*)\r\n$/, `$1Keep-Alive: timeout=${keepAliveSeconds}\r\n`)
}

/** Maximum age of the cached Date header, ms. */
const headMs = 100

/** `lines` must contain the framing of the body. `last`: the connection ends with this answer. */
export type WriteHead = (res: ServerResponse, status: number, lines: string, last: boolean) => void

/**
 * `writeHead` for lines that are serialized already. Node checks, compares and joins every header of every answer, which is
 * a tenth of the cost of a hit with its thirteen headers. Here Node makes its own part only, ten times a second.
 */
export const createWriteHead = (clock: Clock): WriteHead => {
  const heads = new Map<number, { text: string | undefined; madeAt: number }>()
  const headNow = (status: number): string | undefined => {
    const now = clock.now()
    let head = heads.get(status)
    if (!head || now - head.madeAt > headMs) {
      head = { text: nodeHead(status), madeAt: now }
      heads.set(status, head)
    }
    return head.text
  }
  return (res, status, lines, last) => {
    const head = last || !res.shouldKeepAlive ? undefined : headNow(status)
    if (head === undefined)
      return void res.writeHead(status, [...parseHeaders(lines), ...(last ? ['Connection', 'close'] : [])])
    res.statusCode = status
    ;(res as unknown as WithHeader)._header = `${head}${lines}\r\n`
  }
}
