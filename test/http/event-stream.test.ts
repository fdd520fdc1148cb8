import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openEventStream } from '../../src/http/event-stream.ts'
import { beginRequest } from '../../src/http/request-context.ts'
import { createClock, settle } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createJumpingClock } from './jumping-clock.ts'
import { sendRaw } from './raw-bytes.ts'

const clock = createJumpingClock()
const inAnHour = () => new Date(clock.wall() + 3_600_000).toISOString()
let gateway: TestGateway
let events: string
beforeEach(async () => {
  gateway = await startGateway({
    clock,
    env: { WRITE_DEADLINE_MS: '1000' },
    clients: [{ id: 'hourly', expiresAt: inAnHour() }],
  })
  // Logged in and known before, so that the write has all its time for itself.
  await gateway.ask('GET', '/v1/organizations/24/operators')
  // A write in doubt: its operation stays as it is for ten seconds.
  gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
  const { headers } = await gateway.ask('POST', '/v1/organizations/24/operators', {
    key: gateway.keys.hourly as string,
    body: { operators: [{ name: 'Anna' }] },
  })
  events = `${gateway.url}${headers.location}/events`
})
afterEach(() => gateway.close())

const read = (method = 'GET') =>
  fetch(events, { method, headers: { 'X-API-Key': gateway.keys.hourly as string } })

describe('a stream of events', () => {
  it('ends when its reader’s key has expired', async () => {
    const answer = await read()
    clock.jump(3_600_000)
    expect(await answer.text()).toContain('"state":"running"')
    expect((await read()).status).toBe(401)
  })

  it('asked for with HEAD is its head', async () => {
    const { status, headers, body } = await read('HEAD')
    expect([status, headers.get('content-type'), body]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      null,
    ])
  })

  it('that begins while the gateway drains ends at once, and its connection with it', async () => {
    gateway.gateway.drain()
    const answer = await read()
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    expect(await answer.text()).toBe('')
  })

  it('ends when its reader says that it asks no more', async () => {
    const head = `GET ${new URL(events).pathname} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.keys.hourly}\r\n\r\n`
    const { statuses, text } = await sendRaw(gateway, [head], { finish: true })
    expect(statuses).toEqual([200])
    expect(text).toContain('text/event-stream')
  })

  it('leaves nothing behind when its reader had gone before it began, or goes later', async () => {
    const hand = createClock()
    let watching = 0
    let begun = 0
    const server = createServer(async (req, res) => {
      beginRequest(req, 0)
      if (req.url === '/gone') await once(res, 'close')
      const watch = () => {
        watching++
        return () => void watching--
      }
      openEventStream(req, res, watch, {
        clock: hand,
        observe: () => {},
        closing: false,
        allowed: async () => true,
      })
      begun++
      server.emit('begun')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as { port: number }
    for (const path of ['/gone', '/going']) {
      const socket = connect(port, '127.0.0.1')
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      if (path === '/going') await once(socket, 'data')
      else await once(server, 'request')
      if (path === '/going') expect([watching, hand.pending()]).toEqual([1, 1])
      socket.destroy()
      if (path === '/gone') await once(server, 'begun')
    }
    server.close()
    await once(server, 'close')
    await settle()
    expect([begun, watching, hand.pending()]).toEqual([2, 0, 0])
  })
})
