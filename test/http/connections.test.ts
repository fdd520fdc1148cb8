import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** A connection that is not ended from this side, and what came on it. */
const open = async (bytes: string): Promise<{ socket: Socket; heard(): string }> => {
  const socket = connect({ port: Number(new URL(gateway.url).port), host: '127.0.0.1', allowHalfOpen: true })
  sockets.push(socket)
  let heard = ''
  socket.setEncoding('utf8').on('data', (text) => {
    heard += text
  })
  socket.on('error', () => {})
  // The server takes a connection up after its client has it; before that there would be none to count.
  await Promise.all([once(gateway.gateway.server, 'connection'), once(socket, 'connect')])
  socket.write(bytes)
  return { socket, heard: () => heard }
}
const connections = (): Promise<number> =>
  new Promise((resolve) => gateway.gateway.server.getConnections((_error, count) => resolve(count)))
const allGone = (): Promise<void> => until(async () => (await connections()) === 0)

/** All that the server sent until it ended the connection. */
const ended = async ({ socket, heard }: Awaited<ReturnType<typeof open>>): Promise<string> => {
  if (!socket.readableEnded) await once(socket, 'end')
  await allGone()
  return heard()
}

const headOf = (path: string, ...fields: string[]) =>
  `${[`POST ${path} HTTP/1.1`, 'Host: x', `X-API-Key: ${gateway.key}`, ...fields].join('\r\n')}\r\n\r\n`
const operators = '/v1/organizations/24/operators'
const jsonType = 'Content-Type: application/json'

describe('a body that is too large', () => {
  it.each([
    ['by its length', 'Content-Length: 1048577', ''],
    ['by its length, on a path that takes less', 'Content-Length: 65537', '', '/v1/tokens:validate'],
    ['before it is asked for', 'Content-Length: 1048577\r\nExpect: 100-continue', ''],
    ['by what came of it', 'Transfer-Encoding: chunked', `100001\r\n${' '.repeat(0x100001)}`],
  ])('%s is refused before the rest of it is sent', async (_name, field, body, path = operators) => {
    const { socket, heard } = await open(headOf(path, jsonType, field) + body)
    while (!heard().endsWith('}')) await once(socket, 'data')
    expect(heard()).toMatch(/^HTTP\/1\.1 413 /)
    expect(heard()).toMatch(/^connection: close\r$/im)
    expect(heard()).toContain('"code":"body.too-large"')
    await allGone()
  })

  it('is refused so that a client that sends everything before reading can read the answer', async () => {
    const opened = await open(headOf(operators, jsonType, 'Content-Length: 4194304'))
    for (let sent = 0; sent < 64; sent++)
      if (!opened.socket.write(Buffer.alloc(65_536, ' '))) await once(opened.socket, 'drain')
    const heard = await ended(opened)
    expect(heard).toMatch(/^HTTP\/1\.1 413 /)
    expect(heard.match(/HTTP/g)).toHaveLength(1)
  })
})

describe('a body with Expect: 100-continue', () => {
  const waiting = [jsonType, 'Content-Length: 20', 'Expect: 100-continue']

  it('is requested when everything before it is valid', async () => {
    const { socket, heard } = await open(headOf('/v1/tokens:validate', ...waiting))
    await once(socket, 'data')
    expect(heard()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('{"token":"abcdefgh"}')
    while (!heard().endsWith('}')) await once(socket, 'data')
    expect(heard()).toContain('HTTP/1.1 200 OK')
    socket.end()
    await allGone()
  })

  it('is not requested where the request is refused without it, and later bytes are not parsed as a request', async () => {
    const wrong = headOf('/v1/tokens:validate', ...waiting).replace(gateway.key, 'wrong')
    const heard = await ended(await open(wrong + headOf('/v1/me').replace('POST', 'GET')))
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401'])
    expect(heard).toMatch(/^connection: close\r$/im)
  })
})

describe('the body of a request that is refused without it', () => {
  const wrong = (...fields: string[]) =>
    headOf('/v1/tokens:validate', jsonType, ...fields).replace(gateway.key, 'wrong')

  it.each([
    ['of more than 64 KiB', 'Content-Length: 65537'],
    ['of unknown length', 'Transfer-Encoding: chunked'],
  ])('%s is not waited for: the connection ends', async (_name, field) => {
    const { socket, heard } = await open(wrong(field))
    while (!heard().endsWith('}')) await once(socket, 'data')
    expect(heard()).toMatch(/^HTTP\/1\.1 401 /)
    expect(heard()).toMatch(/^connection: close\r$/im)
    await allGone()
  })

  it('of less is received, and the connection stays', async () => {
    const { socket, heard } = await open(wrong('Content-Length: 65536'))
    while (!heard().endsWith('}')) await once(socket, 'data')
    expect(heard()).not.toMatch(/^connection: close\r$/im)
    socket.write(`${' '.repeat(65_536)}GET /livez HTTP/1.1\r\nHost: x\r\n\r\n`)
    while (!heard().includes('{"status":"ok"}')) await once(socket, 'data')
  })
})

describe('a connection', () => {
  it('that asked for a tunnel can be reset without an error', async () => {
    for (let round = 0; round < 20; round++) {
      const { socket } = await open('CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n')
      if (round % 2 === 0) await once(socket, 'data')
      socket.resetAndDestroy()
    }
    await allGone()
    expect((await gateway.ask('GET', '/livez')).status).toBe(200)
  })

  it.each([
    ['asked for a tunnel', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['sent no request', 'HELLO\r\n\r\n', 400],
  ])('that %s is closed by the server, although the client keeps it open', async (_name, bytes, status) => {
    const opened = await open(bytes)
    await once(opened.socket, 'data')
    for (let more = 0; more < 20; more++) opened.socket.write(bytes)
    const heard = await ended(opened)
    expect(heard).toContain(`HTTP/1.1 ${status} `)
    expect(heard).toMatch(/\}$/)
    expect(heard.match(/HTTP\//g)).toHaveLength(1)
  })

  it('that was answered without a response object is counted and logged like others', async () => {
    const heard = await ended(await open('HELLO\r\n\r\n'))
    const { requestId } = JSON.parse(heard.split('\r\n\r\n')[1] as string)
    expect(gateway.logged()).toContain(
      `"requestId":"${requestId}","method":"","route":"unknown","status":400`,
    )
    const { text } = await gateway.ask('GET', '/metrics')
    expect(text).toMatch(
      /^http_server_request_duration_seconds_count\{http_request_method="_OTHER",http_route="unknown",http_response_status_code="400"\} [1-9]/m,
    )
    expect(text).toMatch(
      /^http_server_request_duration_seconds_count\{http_request_method="_OTHER",http_route="unknown",http_response_status_code="405"\} [1-9]/m,
    )
  })

  it('whose client reads nothing is closed after a minute of silence; 10,000 idle connections are allowed', async () => {
    const { server } = gateway.gateway
    expect(server.timeout).toBe(67_000)
    expect(server.maxConnections).toBeGreaterThan(10_000)
    server.timeout = 20
    const { socket } = await open('')
    socket.pause()
    const list = `GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n`
    socket.write(list.repeat(200)) // more than the buffers on the way take
    await allGone()
    socket.destroy()
    server.timeout = 67_000
  })
})
