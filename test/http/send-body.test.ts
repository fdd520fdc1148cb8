import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from '@jest/globals'
import { sendBody } from '../../src/http/send-body.ts'
import { countTurns } from '../support/turns.ts'

const large = Buffer.alloc(8 * 2 ** 20, 'x')

const open: (Server | Socket)[] = []
afterEach(() => {
  for (const one of open.splice(0)) 'destroy' in one ? one.destroy() : one.close()
})

/** A server that answers with `body`, and a client that has asked it and does not read yet. */
const ask = async (body: Buffer): Promise<{ client: Socket; res: ServerResponse }> => {
  const server = createServer()
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  open.push(client)
  client.pause()
  client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const [, res] = (await once(server, 'request')) as [unknown, ServerResponse]
  res.setHeader('Content-Length', body.length)
  sendBody(res, body)
  return { client, res }
}

describe('the body of an answer', () => {
  it('goes whole if it is small', async () => {
    const { client, res } = await ask(Buffer.from('small'))
    expect(res.writableEnded).toBe(true)
    expect((await buffer(client)).toString()).toMatch(/\r\n\r\nsmall$/)
  })

  it('goes in pieces if it is large, and the event loop turns between them', async () => {
    const { client, res } = await ask(large)
    const write = res.write.bind(res)
    const turns = countTurns()
    const writtenAt: number[] = []
    res.write = ((piece: Buffer) => {
      writtenAt.push(turns.now())
      return write(piece)
    }) as typeof res.write
    const received = await buffer(client)
    turns.stop()
    expect(received.subarray(-large.length).equals(large)).toBe(true)
    expect(writtenAt.length).toBeGreaterThan(10)
    expect(new Set(writtenAt).size).toBe(writtenAt.length)
  })

  it('waits for a client that reads slowly, and is dropped when that client leaves', async () => {
    const { client, res } = await ask(large)
    await once(client, 'readable')
    // The kernel holds some of it; the rest has not been handed on.
    expect(res.writableEnded).toBe(false)
    const closed = once(res, 'close')
    client.destroy()
    await closed
    expect(res.writableEnded).toBe(false)
    expect(res.listenerCount('drain')).toBe(0)
  })
})
