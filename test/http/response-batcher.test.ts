import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createConnectionBurst } from '../../src/http/connection-burst.ts'
import { beginRequest } from '../../src/http/request-context.ts'
import { createResponseBatcher, type Observe } from '../../src/http/response-batcher.ts'
import { createClock } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './raw-bytes.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

const path = '/v1/organizations/24/operators'
const get = (...fields: string[]): string =>
  `${[`GET ${path} HTTP/1.1`, 'Host: x', `X-API-Key: ${gateway.key}`, ...fields].join('\r\n')}\r\n\r\n`

describe('answers of one turn of the event loop', () => {
  beforeAll(() => sendRaw(gateway, [get('Connection: close')])) // from here on they are answered from memory, at once

  it('are sent in the order of their requests, also when 99 arrive in one packet', async () => {
    const ids = Array.from({ length: 98 }, (_, index) => `request-${index}`)
    const asked = ids.map((id) => get(`X-Request-Id: ${id}`)).join('')
    const { text, statuses } = await sendRaw(gateway, [asked + get('Connection: close')])
    expect(statuses).toEqual(Array(99).fill(200))
    const answered = [...text.matchAll(/^X-Request-Id: (request-\d+)\r$/gm)].map(([, id]) => id)
    expect(answered).toEqual(ids)
  })

  it.each([
    ['a request that is none', 'GET / nonsense\r\n\r\n', [200, 200, 400]],
    ['one whose body is broken', `POST ${path} HTTP/1.1\r\nContent-Length: x\r\n\r\n`, [200, 200, 400]],
    ['one that wants a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', [200, 200, 405]],
  ])('are sent before the connection is ended by %s', async (_name, last, expected) => {
    const { statuses } = await sendRaw(gateway, [get() + get() + last])
    expect(statuses).toEqual(expected)
  })

  it.each([
    ['a GET with a body', 'GET', 'Content-Length: 3', [200, 400]],
    ['an expectation nobody can meet', 'POST', 'Expect: foo\r\nContent-Length: 3', [200, 417]],
    ['one that waits to be told to go on', 'POST', 'Expect: 100-continue\r\nContent-Length: 3', [200, 415]],
    ['a coding nobody knows', 'GET', 'Transfer-Encoding: gzip, chunked', [200, 400]],
  ])('are not lost when garbage follows %s, which was refused', async (_name, method, fields, expected) => {
    const refused = get(...fields.split('\r\n')).replace('GET', method)
    expect((await sendRaw(gateway, [`${get()}${refused}abc gar bage\r\n\r\n`])).statuses).toEqual(expected)
    const slow = get('Cache-Control: no-cache')
    expect((await sendRaw(gateway, [`${slow}${refused}abc gar bage\r\n\r\n`])).statuses).toEqual(expected)
  })

  it('are sent before a request with a truncated body is refused', async () => {
    const slow = get('Cache-Control: no-cache')
    const broken = `${get('Transfer-Encoding: chunked', 'Content-Type: application/json').replace('GET', 'POST')}zz\r\n`
    expect((await sendRaw(gateway, [slow + broken])).statuses).toEqual([200, 400])
  })

  it('are sent before the refusal of a tunnel', async () => {
    const refused = get('Expect: foo').replace('GET', 'POST')
    const { statuses } = await sendRaw(gateway, [`${refused}CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n`])
    expect(statuses[0]).toBe(417)
  })

  it('reach a client that has ended its side, also when a packet fills the read buffer', async () => {
    const readAtOnce = 65_536
    let asked = ''
    while (asked.length < readAtOnce - 3000) asked += get(`X-Pad: ${'a'.repeat(1500)}`)
    asked += get(`X-Pad: ${'b'.repeat(readAtOnce - asked.length - get('X-Pad: ').length)}`)
    expect(asked).toHaveLength(readAtOnce)
    const { statuses } = await sendRaw(gateway, [asked], { finish: true })
    expect(statuses).toEqual(Array(asked.split('GET ').length - 1).fill(200))
    expect((await sendRaw(gateway, [get('Cache-Control: no-cache')], { finish: true })).statuses).toEqual([
      200,
    ])
  })

  it('cause no error when their client has disconnected', async () => {
    const tunnel = `${get('Cache-Control: no-cache')}CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n`
    const socket = connect({ port: Number(new URL(gateway.url).port), host: '127.0.0.1' })
    await once(socket, 'connect')
    const asked = once(gateway.gateway.server, 'connect')
    socket.write(tunnel)
    const [, served] = (await asked) as [unknown, Socket]
    const gone = new Promise((resolve) => served.on('close', resolve))
    socket.resetAndDestroy()
    await gone
    expect((await sendRaw(gateway, [get('Connection: close')])).statuses).toEqual([200])
  })

  it('have Connection: close when the gateway began to drain before they were sent', async () => {
    const own = await startGateway()
    const asked = get().replaceAll(gateway.key, own.key)
    await sendRaw(own, [asked.replace('Host', 'Connection: close\r\nHost')])
    own.gateway.server.on('request', () => own.gateway.drain())
    const { text, statuses } = await sendRaw(own, [asked])
    expect(statuses).toEqual([200])
    expect(text).toMatch(/^Connection: close\r$/im)
    await own.close()
  })
})

describe('a batch of answers', () => {
  /** Two requests on two connections, answered in one batch. What each got, and which errors were reported. */
  const answerTwo = async (observe: Observe, prepare: (res: ServerResponse) => void = () => {}) => {
    const reported: string[] = []
    const batcher = createResponseBatcher({
      observe,
      closing: () => false,
      clock: createClock(),
      connectionBurst: createConnectionBurst(createClock()),
      onInternal: (error, requestId) => reported.push(`${requestId}: ${(error as Error).message}`),
    })
    const requests: [IncomingMessage, ServerResponse][] = []
    const server = createServer((req, res) => {
      beginRequest(req, 0)
      requests.push([req, res])
      if (requests.length < 2) return
      for (const [each, response] of requests) {
        if (each.requestContext.requestId === 'the-first') prepare(response)
        batcher.send(each, response, { status: 200, lines: 'Content-Length: 2\r\n', body: Buffer.from('ok') })
      }
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as { port: number }
    const textOf = (id: string) =>
      fetch(`http://127.0.0.1:${port}/`, { headers: { 'X-Request-Id': id } }).then(
        (answer) => answer.text(),
        () => 'cut off',
      )
    const answers = await Promise.all([textOf('the-first'), textOf('the-second')])
    server.closeAllConnections()
    server.close()
    return { answers, reported }
  }

  it('is sent completely when one answer cannot be written; only its own connection ends', async () => {
    const { answers, reported } = await answerTwo(
      () => {},
      (res) => {
        res.end = () => {
          throw new Error('cannot be written')
        }
      },
    )
    expect(answers).toEqual(['cut off', 'ok'])
    expect(reported).toEqual(['the-first: cannot be written'])
  })

  it('is sent completely when one answer cannot be counted', async () => {
    const { answers, reported } = await answerTwo(({ requestId }) => {
      if (requestId === 'the-first') throw new Error('cannot be counted')
    })
    expect(answers).toEqual(['ok', 'ok'])
    expect(reported).toEqual(['the-first: cannot be counted'])
  })
})
