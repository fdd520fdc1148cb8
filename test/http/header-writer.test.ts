import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import {
  createWriteHead,
  keepAliveSeconds,
  parseHeaders,
  serializeHeaders,
} from '../../src/http/header-writer.ts'
import { createClock } from '../support/clock.ts'

const headers = { ETag: '"a"', 'Cache-Control': 'private, max-age=0', 'X-Odd': 'a: b' }

describe('header lines', () => {
  it('are what was given, and can be read back', () => {
    expect(serializeHeaders(headers)).toBe(
      'ETag: "a"\r\nCache-Control: private, max-age=0\r\nX-Odd: a: b\r\n',
    )
    expect(parseHeaders(serializeHeaders(headers))).toEqual(Object.entries(headers).flat())
    expect(parseHeaders('')).toEqual([])
  })

  it.each([
    ['X', 'a\r\nY: b'],
    ['X', 'a\nb'],
    ['X y', 'a'],
    ['', 'a'],
    ['X', 'é'],
  ])('are refused where they would be more than one header: %j %j', (name, value) => {
    expect(() => serializeHeaders({ [name]: value })).toThrow(TypeError)
  })

  const writeHead = createWriteHead(createClock())

  it('are sent as Node would have sent them, in an answer framed by Node', async () => {
    const server = createServer({ keepAliveTimeout: keepAliveSeconds * 1000 }, (req, res) => {
      const all = { 'Content-Length': '2', ...headers }
      if (req.url?.startsWith('/ours')) writeHead(res, 200, serializeHeaders(all), req.url === '/ours-last')
      else res.writeHead(200, all)
      res.end('ok')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const ask = async (path: string) => {
      const [answer] = (await once(get({ port, path, host: '127.0.0.1' }), 'response')) as [IncomingMessage]
      let text = ''
      for await (const chunk of answer) text += chunk
      const { date: _, ...received } = answer.headers
      return { headers: received, text, status: answer.statusCode }
    }
    const [ours, nodes] = [await ask('/ours'), await ask('/nodes')]
    server.close()
    expect(ours).toEqual(nodes)
    expect(ours).toMatchObject({ text: 'ok', headers: { etag: '"a"', 'x-odd': 'a: b' } })
  })
})
