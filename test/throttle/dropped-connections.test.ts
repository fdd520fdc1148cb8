import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type Call, createExchange } from '../../src/chathub/exchange.ts'
import { systemClock } from '../../src/clock.ts'
import { isFailure } from '../../src/errors.ts'
import type { Report } from '../../src/report.ts'
import { createLocalBudget } from '../../src/throttle/budget.ts'
import { createPriorityQueue } from '../../src/throttle/priority-queue.ts'
import { withRateLimit } from '../../src/throttle/rate-limit.ts'
import { isLong } from '../support/long.ts'
import { until } from '../support/until.ts'

type Drop = 'fin' | 'rst' | 'never'
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/**
 * A server of plain TCP that answers each request and drops the connection `afterMs` later. `arrived` has the first line and
 * the body of each request whose bytes arrived, even in part.
 */
const startPeer = async (drop: Drop, afterMs = 0, keepAlive = '') => {
  const arrived: string[] = []
  const sockets = new Set<Socket>()
  let accepted = 0
  const end = (socket: Socket) => (drop === 'fin' ? socket.end() : socket.resetAndDestroy())
  const server = createServer((socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.on('data', (bytes) => {
      const text = bytes.toString()
      arrived.push(`${text.split(' ')[0]} ${text.split('\r\n\r\n')[1]}`)
      socket.write(`HTTP/1.1 200 OK\r\n${keepAlive}Content-Length: 2\r\n\r\n[]`)
      if (drop !== 'never') setTimeout(() => end(socket), afterMs)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closing.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    arrived,
    port: (server.address() as AddressInfo).port,
    open: () => sockets.size,
    accepted: () => accepted,
  }
}

/** The rate limit and the exchange, as the gateway stacks them. */
const startCalls = (port: number, idleMs = 4000) => {
  const clock = systemClock
  const reports: Report[] = []
  const report = (event: Report) => void reports.push(event)
  const inner = createExchange({
    origin: new URL(`http://127.0.0.1:${port}`),
    proxy: undefined,
    authHeader: 'authorization',
    timeoutMs: 30_000,
    idleMs,
    clock,
    report,
  })
  closing.push(inner.close)
  let slots = 0
  let beforeSent = (): void => {}
  const budget = createLocalBudget({ requestsPerSecond: () => 10_000, clock })
  const queue = createPriorityQueue({ budget, queueMax: 1000, answerMs: 500, clock, report: () => {} })
  const counted = {
    ...queue,
    acquireSlot: async (given: Call['context']) => {
      slots++
      const slot = await queue.acquireSlot(given)
      beforeSent()
      return slot
    },
  }
  const exchange = withRateLimit(inner.exchange, counted, report)
  const context = () => ({ lane: 'writes' as const, client: 'crm', deadline: clock.now() + 60_000 })
  const call = (change: Partial<Call>) =>
    exchange({
      operation: 'operators',
      method: 'GET',
      path: '/',
      write: false,
      context: context(),
      ...change,
    })
  return {
    reports,
    slots: () => slots,
    /** Runs `run` once, as the next request has its slot and is about to be given to a connection. */
    justBeforeSent: (run: () => void): void => {
      beforeSent = () => {
        beforeSent = () => {}
        run()
      }
    },
    read: () => call({}),
    write: (name: string) => call({ operation: 'synchronize', method: 'POST', write: true, body: name }),
  }
}

const samples = (['fin', 'rst'] as const).flatMap((drop) =>
  (isLong ? [0, 1, 3, 10] : [0, 3]).map((afterMs) => [drop, afterMs] as const),
)

describe('when ChatHub drops each connection after its answer', () => {
  it.each(samples)('(%s after %i ms) each write arrives exactly once', async (drop, afterMs) => {
    const peer = await startPeer(drop, afterMs)
    const { read, write } = startCalls(peer.port)
    const names = Array.from({ length: isLong ? 40 : 20 }, (_, index) => `name-${index}`)
    for (const [index, name] of names.entries()) {
      // As in the gateway, a read comes just before a write and leaves a connection that is about to be dropped.
      await read().catch((error) => expect(isFailure(error, 'chathub.unavailable')).toBe(true))
      if (index % 3 > 0) await new Promise((resolve) => setTimeout(resolve, index % 5))
      await write(name)
    }
    const writes = peer.arrived.filter((line) => line.startsWith('POST'))
    expect(writes).toEqual(names.map((name) => `POST ${name}`))
  })

  it('a request that never left goes out again once, on a new connection and with its own slot', async () => {
    const peer = await startPeer('never')
    const { read, reports, slots, justBeforeSent } = startCalls(peer.port)
    const sockets: Socket[] = []
    const keep = (message: unknown) => sockets.push((message as { socket: Socket }).socket)
    subscribe('undici:client:connected', keep)
    closing.push(async () => void unsubscribe('undici:client:connected', keep))
    for (let count = 1; count <= 5; count++) {
      await read()
      // Its connection is free again.
      await setImmediate()
      // It breaks, and is given the next request before it says so.
      const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })
      justBeforeSent(() => sockets.at(-1)?.destroy(reset))
      await read()
      expect(reports.filter(({ name }) => name === 'never-sent')).toHaveLength(count)
      // Each slot is one request at ChatHub, or one that never left.
      expect([peer.arrived.length, slots()]).toEqual([2 * count, 3 * count])
    }
  })
})

describe('a write', () => {
  it.each([
    ['the connection is reset', (socket: Socket) => socket.resetAndDestroy()],
    ['the connection is closed', (socket: Socket) => socket.end()],
    [
      'the answer is cut off',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n['),
    ],
    ['the answer is no HTTP', (socket: Socket) => socket.end('what\r\n\r\n')],
  ])('that may have left is never sent again: %s', async (_name, answer) => {
    let arrived = 0
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        arrived++
        answer(socket)
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    closing.push(async () => void server.close())
    const { slots, write } = startCalls((server.address() as AddressInfo).port)
    for (let count = 1; count <= 5; count++) {
      await expect(write('Olena')).rejects.toMatchObject({ code: 'chathub.unavailable', inDoubt: true })
      expect([arrived, slots()]).toEqual([count, count])
    }
  })
})

describe('an unused connection', () => {
  it('is dropped before ChatHub drops it: after the setting', async () => {
    const peer = await startPeer('never')
    const { read } = startCalls(peer.port, 50)
    await read()
    await until(() => peer.open() === 0)
    await read()
    expect(peer.accepted()).toBe(2)
  })

  it('is dropped a second before the time of the Keep-Alive header, and not used when that leaves none', async () => {
    const peer = await startPeer('never', 0, 'Keep-Alive: timeout=1\r\n')
    const { read } = startCalls(peer.port, 600_000)
    for (let reads = 1; reads <= 3; reads++) {
      await read()
      await until(() => peer.open() === 0)
      expect(peer.accepted()).toBe(reads)
    }
    const longer = await startPeer('never', 0, 'Keep-Alive: timeout=2\r\n')
    const { read: readLonger } = startCalls(longer.port, 600_000)
    for (let reads = 0; reads < 10; reads++) await readLonger()
    expect(longer.accepted()).toBeLessThan(5)
    await until(() => longer.open() === 0)
  })
})
