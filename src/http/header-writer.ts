import { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Headers (flat: name, value, …) as the lines they are on the wire.
 * @throws TypeError for what would not be one header: only names and values of our own belong here.
 */
export const serializeHeaders = (headers: readonly string[]): string => {
  let lines = ''
  for (let i = 0; i < headers.length; i += 2) {
    const line = `${headers[i]}: ${headers[i + 1]}`
    if (!/^[\w-]+: [\x20-\x7e]+$/.test(line)) throw new TypeError(`Not a header: ${line}`)
    lines += `${line}\r\n`
  }
  return lines
}

/** The headers of lines, flat: what `linesOf` was given. */
export const parseHeaders = (lines: string): string[] =>
  lines
    .split('\r\n')
    .slice(0, -1)
    .flatMap((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    })

/** So long an idle connection is kept, in seconds; told to whoever would reuse it just then. */
export const keepAliveSeconds = 65

/** Node keeps the head that it will send as text here; on-headers and others build on it. */
type Headed = { _header: unknown }

/** What Node begins an answer with that keeps its connection. Undefined: this Node keeps no such text. */
const beginningOf = (status: number): string | undefined => {
  const res = new ServerResponse(Object.assign(new IncomingMessage(undefined as never), newest))
  res.writeHead(status, ['Content-Length', '0'])
  const head = (res as unknown as Headed)._header
  if (typeof head !== 'string' || !/^HTTP\/1\.1 \d{3} .*\r\nContent-Length: 0\r\n[\s\S]*\r\n\r\n$/.test(head))
    return undefined
  return head.replace(/Content-Length: 0\r\n([\s\S]*)\r\n$/, `$1Keep-Alive: timeout=${keepAliveSeconds}\r\n`)
}
const newest = { method: 'GET', httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 }

/** By status, and the time of the date in them. */
const beginnings = new Map<number, { text: string | undefined; madeAt: number }>()
// So late that date may be.
const beginningMs = 100

/**
 * `writeHead` of lines that were checked when they were made. Node checks, compares and joins every header of every
 * answer, which for a list's thirteen is a tenth of all that a hit costs; so Node is asked for its part alone, ten times a
 * second. `last`: the connection ends with this answer. The lines say how the body is framed.
 */
export const writeHead = (res: ServerResponse, status: number, lines: string, last: boolean): void => {
  const beginning = last || !res.shouldKeepAlive ? undefined : beginningNow(status)
  if (beginning === undefined)
    return void res.writeHead(status, [...parseHeaders(lines), ...(last ? ['Connection', 'close'] : [])])
  res.statusCode = status
  ;(res as unknown as Headed)._header = `${beginning}${lines}\r\n`
}

const beginningNow = (status: number): string | undefined => {
  const now = Date.now()
  let made = beginnings.get(status)
  if (!made || Math.abs(now - made.madeAt) > beginningMs) {
    made = { text: beginningOf(status), madeAt: now }
    beginnings.set(status, made)
  }
  return made.text
}
