import { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Headers (flat: name, value, …) as the lines they are on the wire.
 * @throws TypeError for what would not be one header: only names and values of our own belong here.
 */
export const linesOf = (headers: readonly string[]): string => {
  let lines = ''
  for (let i = 0; i < headers.length; i += 2) {
    const line = `${headers[i]}: ${headers[i + 1]}`
    if (!/^[\w-]+: [\x20-\x7e]+$/.test(line)) throw new TypeError(`Not a header: ${line}`)
    lines += `${line}\r\n`
  }
  return lines
}

/** The headers of lines, flat: what `linesOf` was given. */
export const pairsOf = (lines: string): string[] =>
  lines
    .split('\r\n')
    .slice(0, -1)
    .flatMap((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    })

/** Node keeps the head that it will send as text here; on-headers and others build on it. */
type Headed = { _header: unknown; _keepAliveTimeout: number }

/** What Node begins an answer with that keeps its connection: status, date, how long. Undefined: it keeps no such text. */
const beginningOf = (status: number, keepAliveTimeout: number): string | undefined => {
  const res = new ServerResponse(Object.assign(new IncomingMessage(undefined as never), newest))
  const headed = res as unknown as Headed
  headed._keepAliveTimeout = keepAliveTimeout
  res.writeHead(status, ['Content-Length', '0'])
  const head = headed._header
  if (typeof head !== 'string' || !/^HTTP\/1\.1 \d{3} .*\r\nContent-Length: 0\r\n[\s\S]*\r\n\r\n$/.test(head))
    return undefined
  return head.replace('Content-Length: 0\r\n', '').slice(0, -2)
}
const newest = { method: 'GET', httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 }

type Beginning = { text: string | undefined; madeAt: number; keepAliveTimeout: number }
const beginnings = new Map<number, Beginning>()
// So late the date in an answer may be.
const beginningMs = 100

/**
 * `writeHead` of lines that were checked when they were made. Node checks, compares and joins every header of every
 * answer, which for a list's thirteen is a tenth of all that a hit costs; so Node is asked for its part alone, ten times a
 * second. `last`: the connection ends with this answer. The lines say how the body is framed.
 */
export const writeHead = (res: ServerResponse, status: number, lines: string, last: boolean): void => {
  const headed = res as unknown as Headed
  if (!last && res.shouldKeepAlive) {
    const now = Date.now()
    const keepAliveTimeout = headed._keepAliveTimeout
    let known = beginnings.get(status)
    const isOld = !known || now - known.madeAt > beginningMs || now < known.madeAt
    if (!known || isOld || known.keepAliveTimeout !== keepAliveTimeout) {
      known = { text: beginningOf(status, keepAliveTimeout), madeAt: now, keepAliveTimeout }
      beginnings.set(status, known)
    }
    if (known.text !== undefined) {
      res.statusCode = status
      headed._header = `${known.text}${lines}\r\n`
      return
    }
  }
  res.writeHead(status, [...pairsOf(lines), ...(last ? ['Connection', 'close'] : [])])
}
