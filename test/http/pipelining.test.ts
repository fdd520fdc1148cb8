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
    'are answered in order, 399 in one packet: GET %s',
    async (path) => {
      const { statuses, text } = await sendRaw(gateway, [
        many(398, get(path)) + get('/v1/organizations', 'Connection: close\r\n'),
      ])
      expect(statuses).toHaveLength(399)
      expect(statuses.at(-1)).toBe(200)
      expect(text.match(/^connection: close\r$/gim)).toHaveLength(1)
    },
  )

  it.each([['/livez'], ['/v1/organizations/24/operators'], ['/nothing']])(
    'end their connection with the answer to the four hundredth, and the others are not looked at: GET %s',
    async (path) => {
      const { statuses, text } = await sendUntilEnd(many(3000, get(path)))
      expect(statuses).toHaveLength(400)
      expect(new Set(statuses).size).toBe(1)
      // The last of all answers says it, and no other one.
      expect(text.split('HTTP/1.1 ').findIndex((answer) => /^connection: close\r$/im.test(answer))).toBe(400)
    },
  )

  it('are begun in full up to the four hundredth: its body is received, and what follows writes nothing', async () => {
    const { statuses } = await sendUntilEnd(
      many(399, get('/livez')) + add('The four hundredth').slice(0, -5),
      add('The four hundredth').slice(-5) + add('One too many'),
    )
    expect(statuses).toHaveLength(400)
    expect(statuses.at(-1)).toBe(201)
    const names = gateway.simulator.operators(24).map(({ name }) => name)
    expect(names).toContain('The four hundredth')
    expect(names).not.toContain('One too many')
  })

  it('are answered when what follows the four hundredth is no request', async () => {
    const { statuses } = await sendUntilEnd(`${many(400, get('/v1/me'))}gar bage\r\n\r\n`)
    expect(statuses).toEqual(Array(400).fill(200))
  })

  it('are refused by the four hundredth alone when its body is broken', async () => {
    const broken = add('Broken').replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')
    const { statuses } = await sendUntilEnd(many(399, get('/livez')) + broken.slice(0, -5), 'zz\r\n')
    expect(statuses).toEqual([...Array(399).fill(200), 400])
  })

  it('may be any number in many turns, of any number of connections in one', async () => {
    const { isLast } = createPipelining()
    const count = (socket: Socket, requests: number): number =>
      Array.from({ length: requests }, () => isLast({ socket })).indexOf(true)
    const one = {} as Socket
    for (let turn = 0; turn < 3; turn++) {
      expect(count(one, 399)).toBe(-1)
      expect(count({} as Socket, 399)).toBe(-1)
      await nextTurn()
    }
    expect(count(one, 400)).toBe(399)
  })
})
