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

/** Node keeps the head that it will send as text here; on-headers and others build on it. */
type Headed = { _header: unknown }

/** Whether lines can be put into a head that Node has made; asked once, for a Node that keeps it otherwise. */
const grows = ((): boolean => {
  const res = new ServerResponse(new IncomingMessage(undefined as never))
  res.writeHead(200, ['Content-Length', '0'])
  const head = (res as unknown as Headed)._header
  return typeof head === 'string' && /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/.test(head)
})()

/**
 * `writeHead`, and ready lines with it. Node checks, compares and joins every header of every answer; lines of ours
 * were checked when they were made, which for a list's thirteen is a tenth of all that a hit costs.
 */
export const writeHead = (res: ServerResponse, status: number, headers: string[], lines: string): void => {
  if (!grows) return void res.writeHead(status, [...headers, ...pairsOf(lines)])
  res.writeHead(status, headers)
  const headed = res as unknown as Headed
  headed._header = `${(headed._header as string).slice(0, -2)}${lines}\r\n`
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
