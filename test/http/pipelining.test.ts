import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createPipelining } from '../../src/http/pipelining.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './raw-bytes.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

const get = (path: string, close = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.key}\r\n${close}\r\n`
const add = (name: string): string => {
  const body = JSON.stringify({ operators: [{ name }] })
  const head = [
    'POST /v1/organizations/24/operators HTTP/1.1',
    'Host: x',
    `X-API-Key: ${gateway.key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
/** What comes until the gateway ends the connection from its side. */
const sendUntilEnd = async (...pieces: string[]) => {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (more) => {
    text += more
  })
  for (const piece of pieces) {
    socket.write(piece)
    await nextTurn()
  }
  await once(socket, 'end')
  socket.destroy()
  return { text, statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)) }
}
const many = (count: number, text: string): string => text.repeat(count)

describe('requests behind one another on a connection', () => {
  it.each([['/livez'], ['/v1/organizations/24/operators'], ['/v1/me'], ['/nothing']])(
    'are answered in order, 99 in one packet: GET %s',
    async (path) => {
      const { statuses, text } = await sendRaw(gateway, [
        many(98, get(path)) + get('/v1/organizations', 'Connection: close\r\n'),
      ])
      expect(statuses).toHaveLength(99)
      expect(statuses.at(-1)).toBe(200)
      expect(text.match(/^connection: close\r$/gim)).toHaveLength(1)
    },
  )

  it.each([['/livez'], ['/v1/organizations/24/operators'], ['/nothing']])(
    'end their connection with the answer to the hundredth, and the others are not looked at: GET %s',
    async (path) => {
      const { statuses, text } = await sendUntilEnd(many(3000, get(path)))
      expect(statuses).toHaveLength(100)
      expect(new Set(statuses).size).toBe(1)
      // The last of all answers says it, and no other one.
      expect(text.split('HTTP/1.1 ').findIndex((answer) => /^connection: close\r$/im.test(answer))).toBe(100)
    },
  )

  it('are begun in full up to the hundredth: its body is received, and what follows writes nothing', async () => {
    const { statuses } = await sendUntilEnd(
      many(99, get('/livez')) + add('The hundredth').slice(0, -5),
      add('The hundredth').slice(-5) + add('One too many'),
    )
    expect(statuses).toHaveLength(100)
    expect(statuses.at(-1)).toBe(201)
    const names = gateway.simulator.operators(24).map(({ name }) => name)
    expect(names).toContain('The hundredth')
    expect(names).not.toContain('One too many')
  })

  it('are answered when what follows the hundredth is no request', async () => {
    const { statuses } = await sendUntilEnd(`${many(100, get('/v1/me'))}gar bage\r\n\r\n`)
    expect(statuses).toEqual(Array(100).fill(200))
  })

  it('are refused by the hundredth alone when its body is broken', async () => {
    const broken = add('Broken').replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')
    const { statuses } = await sendUntilEnd(many(99, get('/livez')) + broken.slice(0, -5), 'zz\r\n')
    expect(statuses).toEqual([...Array(99).fill(200), 400])
  })

  it.each([
    ['requests', () => get('/livez').repeat(3000)],
    ['what is no request', () => 'gar bage\r\n\r\n'],
    ['the half of a request', () => get('/livez').slice(0, 20)],
  ])('are answered in full when %s follow a large answer to the hundredth', async (_what, rest) => {
    const large = '/openapi.json'
    const { text, statuses } = await sendUntilEnd(many(99, get('/livez')) + get(large) + rest())
    expect(statuses).toEqual(Array(100).fill(200))
    const last = text.slice(text.lastIndexOf('HTTP/1.1 '))
    const length = Number(/^content-length: (\d+)\r$/im.exec(last)?.[1])
    expect(length).toBeGreaterThan(300_000)
    expect(last.length - last.indexOf('\r\n\r\n') - 4).toBe(length)
  })

  it('are all read by a client that reads late', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    let received = 0
    // 100 answers of 40 kB are more than the kernel holds.
    socket.write(many(3000, get('/v1/organizations/6/operators?limit=200')))
    await once(socket, 'readable')
    for (let turn = 0; turn < 50; turn++) await nextTurn()
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1').split('HTTP/1.1 200').length - 1
    })
    await once(socket, 'end')
    socket.destroy()
    expect(received).toBe(100)
  })

  it('go on with a large answer when a tunnel is asked for behind it', async () => {
    const { text } = await sendRaw(gateway, [
      `${get('/openapi.json')}CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n`,
    ])
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text).toContain('HTTP/1.1 405 ')
  })

  it('may be any number in many turns, of any number of connections in one', async () => {
    const { isLast } = createPipelining()
    const count = (socket: Socket, requests: number): number =>
      Array.from({ length: requests }, () => isLast({ socket })).indexOf(true)
    const one = {} as Socket
    for (let turn = 0; turn < 3; turn++) {
      expect(count(one, 99)).toBe(-1)
      expect(count({} as Socket, 99)).toBe(-1)
      await nextTurn()
    }
    expect(count(one, 100)).toBe(99)
  })
})
