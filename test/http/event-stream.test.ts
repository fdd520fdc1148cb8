import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { Caller } from '../../src/access/caller.ts'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import type { Clock } from '../../src/clock.ts'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import type { Events } from '../../src/http/answer.ts'
import { createEventStreams } from '../../src/http/event-stream.ts'
import { beginRequest } from '../../src/http/request-context.ts'
import { createClock, settle } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'
import { sendRaw } from './raw-bytes.ts'

describe('a stream of events', () => {
  const key = makeKey('reader')
  const clock = createPacedClock({ speed: 10 })
  afterAll(clock.stop)
  let folder: string
  let gateway: TestGateway
  let events: string

  type Client = {
    id?: string
    scopes?: readonly Scope[]
    keyHash?: string
    organizations?: number[]
    expiresAt?: string
  }
  const writeKeysFile = (client: Client) =>
    writeFileSync(
      join(folder, 'keys.json'),
      JSON.stringify({
        clients: [{ id: 'reader', keyHash: hashKey(key), scopes, organizations: [24, 6], ...client }],
      }),
    )
  const ask = (path: string, method = 'GET', body?: object) =>
    gateway.ask(method, path, { key, ...(body && { body }) })
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'event-stream-'))
    writeKeysFile({ expiresAt: new Date(clock.wall() + 3_600_000).toISOString() })
    gateway = await startGateway({
      clock,
      env: { WRITE_DEADLINE_MS: '1000', API_KEYS: '', API_KEYS_FILE: join(folder, 'keys.json') },
    })
    // Logged in and loaded before, so that the write has its whole deadline.
    await ask('/v1/organizations/24/operators')
    // A write in doubt: its operation is running for ten seconds.
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const { headers } = await ask('/v1/organizations/24/operators', 'POST', { operators: [{ name: 'Anna' }] })
    events = `${gateway.url}${headers['location']}/events`
  })
  afterEach(async () => {
    await gateway.close()
    rmSync(folder, { recursive: true })
  })
  const read = (method = 'GET') => fetch(events, { method, headers: { 'X-API-Key': key } })

  const statesIn = (text: string) =>
    [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data as string).state)

  it('ends when the key of its reader has expired', async () => {
    const answer = await read()
    clock.jump(3_600_000)
    expect(statesIn(await answer.text())).toEqual(['running'])
    expect((await read()).status).toBe(401)
  })

  it.each<[string, Client, number]>([
    ['the organization is withdrawn from the key of its reader', { organizations: [6] }, 404],
    [
      'the key of its reader becomes that of another client',
      { id: 'other', scopes: ['operators:read'] },
      404,
    ],
    ['the key of its reader is revoked', { keyHash: hashKey(makeKey('reader')) }, 401],
  ])('ends when %s', async (_name, client, status) => {
    const answer = await read()
    writeKeysFile(client)
    expect(statesIn(await answer.text())).toEqual(['running'])
    expect((await read()).status).toBe(status)
  })

  it('asked for with HEAD is answered with its headers alone', async () => {
    const { status, headers, body } = await read('HEAD')
    expect([status, headers.get('content-type'), body]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      null,
    ])
  })

  it('that begins while the gateway drains ends at once, with its connection', async () => {
    gateway.gateway.drain()
    const answer = await read()
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    expect(await answer.text()).toBe('')
  })

  it('ends when its reader has ended its side of the connection', async () => {
    const head = `GET ${new URL(events).pathname} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`
    const { statuses, text } = await sendRaw(gateway, [head], { finish: true })
    expect(statuses).toEqual([200])
    expect(text).toContain('text/event-stream')
  })
})

describe('createEventStreams', () => {
  /** A server whose every answer is a stream on a hand clock. */
  const startStreams = async (isAllowed: () => Promise<boolean> = async () => true) => {
    const callerNow = async () => ((await isAllowed()) ? ({} as Caller) : undefined)
    const clock = createClock()
    const state = { sources: 0, opened: 0 }
    const sinks: Parameters<Events>[0][] = []
    const streams = createEventStreams({
      clock: clock as Clock,
      observe: () => {},
      closing: () => false,
      streamsMax: 100,
    })
    const server = createServer(async (req, res) => {
      beginRequest(req, 0)
      if (req.url === '/gone') await once(res, 'close')
      const source: Events = (sink) => {
        state.sources++
        sinks.push(sink)
        return { stop: () => void state.sources-- }
      }
      streams.open(req, res, source, callerNow)
      state.opened++
      server.emit('opened')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as { port: number }
    const send = (path: string) => {
      const socket = connect(port, '127.0.0.1')
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      return socket
    }
    const close = async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
      await settle()
    }
    return { clock, state, sinks, streams, server, send, close }
  }

  it('releases everything when the reader disconnects before the stream opens', async () => {
    const { clock, state, server, send, close } = await startStreams()
    const socket = send('/gone')
    await once(server, 'request')
    socket.destroy()
    await once(server, 'opened')
    await close()
    expect([state, clock.pending()]).toEqual([{ sources: 0, opened: 1 }, 0])
  })

  it('releases everything when the reader disconnects later', async () => {
    const { clock, state, send, close } = await startStreams()
    const socket = send('/')
    await once(socket, 'data')
    expect([state.sources, clock.pending()]).toEqual([1, 1])
    socket.destroy()
    await close()
    expect([state.sources, clock.pending()]).toEqual([0, 0])
  })

  it('checks the rights twice a second, ends the stream without them, and then stops checking', async () => {
    let checks = 0
    const { clock, state, send, close } = await startStreams(async () => ++checks < 3)
    const socket = send('/')
    await once(socket, 'data')
    const ended = once(socket.resume(), 'end')
    for (const expected of [1, 2, 3]) {
      await clock.advance(500)
      expect(checks).toBe(expected)
    }
    await ended
    expect([state.sources, clock.pending()]).toEqual([0, 0])
    await close()
  })

  it('sends a comment every 15 seconds', async () => {
    const { clock, send, close } = await startStreams()
    const socket = send('/')
    await once(socket, 'data')
    await clock.advance(14_500)
    const more = once(socket, 'data')
    await clock.advance(500)
    expect(String((await more)[0])).toContain(': still here\n\n')
    socket.destroy()
    await close()
  })

  it('disconnects a reader that leaves more than 64 KiB untaken, and buffers no more', async () => {
    const { state, sinks, send, close } = await startStreams()
    const socket = send('/')
    await once(socket, 'data')
    socket.pause()
    const closed = once(socket, 'close')
    const text = `data: ${'x'.repeat(16 * 1024)}\n\n`
    let sent = 0
    // What the kernel takes is not known, so it is filled up.
    await until(() => {
      for (let i = 0; i < 100 && state.sources > 0; i++, sent++) sinks[0]?.send(text)
      return state.sources === 0
    })
    expect(sent).toBeGreaterThan(4)
    socket.resume()
    await closed
    await close()
  })

  it('ends every open stream at once when the gateway drains', async () => {
    const { clock, state, streams, send, close } = await startStreams()
    const sockets = [send('/'), send('/')]
    await Promise.all(sockets.map((socket) => once(socket, 'data')))
    const ended = sockets.map((socket) => once(socket.resume(), 'end'))
    streams.endAll()
    await Promise.all(ended)
    expect([state.sources, clock.pending()]).toEqual([0, 0])
    await close()
  })
})
