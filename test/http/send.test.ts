import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { speak } from './speak.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

const path = '/v1/organizations/24/operators'
const get = (...fields: string[]): string =>
  `${[`GET ${path} HTTP/1.1`, 'Host: x', `X-API-Key: ${gateway.key}`, ...fields].join('\r\n')}\r\n\r\n`

describe('answers of one turn of the event loop', () => {
  beforeAll(() => speak(gateway, [get('Connection: close')])) // from here on they are answered from memory, at once

  it('go out in the order of their requests, however many come in one packet', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `request-${index}`)
    const asked = ids.map((id) => get(`X-Request-Id: ${id}`)).join('')
    const { text, statuses } = await speak(gateway, [asked + get('Connection: close')])
    expect(statuses).toEqual(Array(301).fill(200))
    const answered = [...text.matchAll(/^X-Request-Id: (request-\d+)\r$/gm)].map(([, id]) => id)
    expect(answered).toEqual(ids)
  })

  it.each([
    ['a request that is none', 'GET / nonsense\r\n\r\n', [200, 200, 400]],
    ['one whose body is broken', `POST ${path} HTTP/1.1\r\nContent-Length: x\r\n\r\n`, [200, 200, 400]],
    ['one that wants a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', [200, 200, 405]],
  ])('go out before the connection is ended by %s', async (_name, last, expected) => {
    const { statuses } = await speak(gateway, [get() + get() + last])
    expect(statuses).toEqual(expected)
  })

  it('are lost without harm when their reader is gone', async () => {
    const tunnel = `${get('Cache-Control: no-cache')}CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n`
    const socket = connect({ port: Number(new URL(gateway.url).port), host: '127.0.0.1' })
    await once(socket, 'connect')
    const asked = once(gateway.gateway.server, 'connect')
    socket.write(tunnel)
    const [, served] = (await asked) as [unknown, Socket]
    const gone = new Promise((resolve) => served.on('close', resolve))
    socket.resetAndDestroy()
    await gone
    expect((await speak(gateway, [get('Connection: close')])).statuses).toEqual([200])
  })

  it('say that their connection ends when the gateway was told to end before they went out', async () => {
    const own = await startGateway()
    const asked = get().replaceAll(gateway.key, own.key)
    await speak(own, [asked.replace('Host', 'Connection: close\r\nHost')])
    own.gateway.server.on('request', () => own.gateway.drain())
    const { text, statuses } = await speak(own, [asked])
    expect(statuses).toEqual([200])
    expect(text).toMatch(/^Connection: close\r$/im)
    await own.close()
  })
})
