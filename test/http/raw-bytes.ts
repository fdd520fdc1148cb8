import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestGateway } from '../support/gateway.ts'

export type RawAnswer = {
  /** Everything that came, as it came. */
  text: string
  /** Final answers, in order; 1xx are none. */
  statuses: number[]
  /** The body of the first of them, where it is JSON. */
  problem: { status?: number; code?: string }
}

/** Sends these very bytes, piece by piece, and reads until the server ends the connection. */
export const sendRaw = async (
  { url }: Pick<TestGateway, 'url'>,
  pieces: (string | Buffer)[],
  options: { finish?: boolean } = {},
): Promise<RawAnswer> => {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  socket.setEncoding('latin1').on('data', (more) => {
    text += more
  })
  socket.on('error', () => {}) // a reset after the answer is the server's right
  await once(socket, 'connect')
  const closed = once(socket, 'close')
  socket.on('end', () => socket.end())
  for (const piece of pieces) {
    if (!socket.writable) break
    socket.write(piece)
    await new Promise(setImmediate)
  }
  if (options.finish) socket.end()
  await closed
  const statuses = [...text.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => Number(status))
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  const length = Number(/^content-length: (\d+)\r$/im.exec(text)?.[1] ?? 0)
  return { text, statuses, problem: parse(body.slice(0, length)) }
}

const parse = (text: string): RawAnswer['problem'] => {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
