import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

/** A connection that is not ended from this side, and what came on it. */
const open = async (bytes: string): Promise<{ socket: Socket; heard(): string }> => {
  const socket = connect({ port: Number(new URL(gateway.url).port), host: '127.0.0.1', allowHalfOpen: true })
  let heard = ''
  socket.setEncoding('utf8').on('data', (text) => {
    heard += text
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(bytes)
  return { socket, heard: () => heard }
}
const connections = (): Promise<number> =>
  new Promise((resolve) => gateway.gateway.server.getConnections((_error, count) => resolve(count)))
const allGone = async (): Promise<void> => {
  while ((await connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('a connection', () => {
  it('that asked for a tunnel may be reset without harm', async () => {
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
  ])('that %s is ended by the server, though the other side keeps it open', async (_name, bytes, status) => {
    const { heard } = await open(bytes)
    await allGone()
    expect(heard()).toContain(`HTTP/1.1 ${status} `)
    expect(heard()).toMatch(/\}$/)
  })

  it('that was answered without a response object is counted and logged as others are', async () => {
    const { heard } = await open('HELLO\r\n\r\n')
    await allGone()
    const { requestId } = JSON.parse(heard().split('\r\n\r\n')[1] as string)
    expect(gateway.logged()).toContain(
      `"requestId":"${requestId}","method":"","route":"unknown","status":400`,
    )
    const { text } = await gateway.ask('GET', '/metrics')
    expect(text).toMatch(/^gw_requests_total\{method="OTHER",route="unknown",status="400"\} [1-9]/m)
    expect(text).toMatch(/^gw_requests_total\{method="OTHER",route="unknown",status="405"\} [1-9]/m)
  })

  it('whose reader takes nothing ends when it has been silent for a minute; there is room for 10,000 idle ones', async () => {
    const { server } = gateway.gateway
    expect(server.timeout).toBe(60_000)
    expect(server.maxConnections).toBeGreaterThan(10_000)
    server.timeout = 20
    const { socket } = await open('')
    socket.pause()
    const list = `GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n`
    socket.write(list.repeat(200)) // more than the buffers on the way take
    await allGone()
    socket.destroy()
    server.timeout = 60_000
  })
})
