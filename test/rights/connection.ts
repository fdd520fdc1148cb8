import { Duplex } from 'node:stream'

export type Sent = { method: string; path: string; headers: Record<string, string>; body?: string }
export type Got = { status: number; headers: Record<string, string>; text: string }

/** Two ends of one connection without a network. */
export const duplexPair = (): [Duplex, Duplex] => {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      read: () => {},
      write: (chunk, _encoding, done) => {
        other().push(chunk)
        done()
      },
      final: (done) => {
        other().push(null)
        done()
      },
    })
  const one: Duplex = end(() => two)
  const two: Duplex = end(() => one)
  return [one, two]
}

const bodiless = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304

/** The body of a chunked answer when its last chunk has come. */
const unchunked = (text: string): { body: string; end: number } | undefined => {
  let body = ''
  let at = 0
  for (;;) {
    const line = text.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(text.slice(at, line), 16)
    if (text.length < line + size + 4) return undefined
    body += text.slice(line + 2, line + 2 + size)
    at = line + size + 4
    if (size === 0) return { body, end: at }
  }
}

/** The first answer in these bytes, read as Latin-1, once it is whole. Of a stream of events, which may not end, the head. */
const answerIn = (text: string, method: string): (Got & { isStream: boolean }) | undefined => {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return undefined
  const [first = '', ...lines] = text.slice(0, head).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const status = Number(first.split(' ')[1])
  const rest = text.slice(head + 4)
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true
  const done = (body: string) => ({
    status,
    headers,
    text: Buffer.from(body, 'latin1').toString(),
    isStream,
  })
  if (isStream || bodiless(method, status)) return done('')
  if (headers['transfer-encoding'] === 'chunked') {
    const whole = unchunked(rest)
    return whole && done(whole.body)
  }
  const length = Number(headers['content-length'] ?? 0)
  return rest.length >= length ? done(rest.slice(0, length)) : undefined
}

/**
 * One HTTP connection over any stream, one request at a time. It costs a tenth of a client library, so a table of many
 * thousand requests is affordable. A connection that ended is opened again.
 */
export const createConnection = (open: () => Duplex) => {
  let stream: Duplex | undefined
  let text = ''
  let waiting: { method: string; resolve(got: Got): void; reject(error: Error): void } | undefined
  const fail = (): void => {
    stream = undefined
    text = ''
    waiting?.reject(new Error('the connection ended without an answer'))
    waiting = undefined
  }
  const read = (chunk: Buffer): void => {
    text += chunk.toString('latin1')
    const answer = waiting && answerIn(text, waiting.method)
    if (!waiting || !answer) return
    const { resolve } = waiting
    waiting = undefined
    text = ''
    if (answer.isStream || answer.headers['connection'] === 'close') {
      stream?.removeAllListeners('close').destroy()
      stream = undefined
    }
    resolve(answer)
  }
  const connected = (): Duplex => {
    if (stream && !stream.destroyed && stream.writable) return stream
    const opened = open()
    opened.on('data', read)
    opened.on('error', () => {})
    opened.on('end', () => opened === stream && fail())
    opened.on('close', () => opened === stream && fail())
    stream = opened
    return opened
  }
  return {
    /** The answer to one request. @throws when the connection ends before */
    ask: ({ method, path, headers, body }: Sent): Promise<Got> =>
      new Promise((resolve, reject) => {
        waiting = { method, resolve, reject }
        const lines = Object.entries({ Host: 'x', ...headers }).map(([name, value]) => `${name}: ${value}`)
        if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
        connected().write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body ?? ''}`)
      }),
    close: (): void => {
      stream?.removeAllListeners('close').destroy()
      stream = undefined
    },
  }
}

export type Connection = ReturnType<typeof createConnection>
