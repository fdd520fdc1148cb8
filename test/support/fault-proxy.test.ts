import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { type FaultProxy, type Mode, startProxy } from './fault-proxy.ts'

describe('fault-proxy', () => {
  const cleanups: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  /** A server that answers every piece with itself, upper case, twenty times over. */
  const open = async (): Promise<FaultProxy> => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}))
      socket.on('data', (bytes) => socket.write(bytes.toString().toUpperCase().repeat(20)))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = await startProxy({
      to: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    })
    cleanups.push(async () => {
      await proxy.close()
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    return proxy
  }
  const dial = (proxy: FaultProxy) => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' })
    let heard = ''
    let failure = ''
    const ended = new Promise<string>((resolve) => {
      socket.on('end', () => resolve('FIN'))
      socket.on('error', (error: NodeJS.ErrnoException) => {
        failure = String(error.code)
        resolve(failure)
      })
    })
    socket.on('data', (bytes) => {
      heard += bytes
    })
    const hears = async (length: number): Promise<string> => {
      while (heard.length < length) await Promise.race([once(socket, 'data'), ended])
      return heard
    }
    cleanups.push(() => socket.destroy())
    return { socket, hears, ended, heard: () => heard }
  }
  const answerOf = 'AB'.repeat(20)
  const silence = () => new Promise((resolve) => setTimeout(resolve, 60))

  test('passes bytes and counts connections', async () => {
    const proxy = await open()
    const { socket, hears } = dial(proxy)
    socket.write('ab')
    expect(await hears(40)).toBe(answerOf)
    expect([proxy.connections, proxy.accepted]).toEqual([1, 1])
    socket.end()
    await once(socket, 'close')
    while (proxy.connections > 0) await silence()
  })

  test('refuses new connections, keeps live ones and takes new ones again', async () => {
    const proxy = await open()
    const live = dial(proxy)
    live.socket.write('ab')
    await live.hears(40)
    await proxy.set('refuse')
    expect(await dial(proxy).ended).toBe('ECONNREFUSED')
    live.socket.write('ab')
    await live.hears(80)
    await proxy.set('pass')
    const again = dial(proxy)
    again.socket.write('ab')
    expect(await again.hears(40)).toBe(answerOf)
  })

  test('resets new connections, and live ones on cut', async () => {
    const proxy = await open()
    const live = dial(proxy)
    live.socket.write('ab')
    await live.hears(40)
    await proxy.set('reset')
    const reset = dial(proxy)
    reset.socket.write('ab')
    expect(['ECONNRESET', 'EPIPE']).toContain(await reset.ended)
    await proxy.set('cut')
    expect(await live.ended).toBe('ECONNRESET')
  })

  test('holds bytes of a live connection and delivers them after', async () => {
    const proxy = await open()
    const { socket, hears, heard } = dial(proxy)
    await once(socket, 'connect')
    await proxy.set('hold')
    socket.write('ab')
    await silence()
    expect(heard()).toBe('')
    await proxy.set('pass')
    expect(await hears(40)).toBe(answerOf)
  })

  test('swallows bytes of live and new connections, and resets these afterwards', async () => {
    const proxy = await open()
    const live = dial(proxy)
    live.socket.write('ab')
    await live.hears(40)
    await proxy.set('blackhole')
    const fresh = dial(proxy)
    for (const { socket } of [live, fresh]) socket.write('ab')
    await silence()
    expect([live.heard().length, fresh.heard().length]).toEqual([40, 0])
    await proxy.set('pass')
    expect([await live.ended, await fresh.ended]).toEqual(['ECONNRESET', 'ECONNRESET'])
  })

  test.each<[Mode, string]>([
    [{ resetAfter: 10 }, 'ECONNRESET'],
    [{ truncateAfter: 10 }, 'FIN'],
    ['half-close', 'FIN'],
  ])('%j ends the answer', async (mode, end) => {
    const proxy = await open()
    await proxy.set(mode)
    const { socket, ended, heard } = dial(proxy)
    socket.write('ab')
    expect(await ended).toBe(end)
    expect(heard()).toBe(mode === 'half-close' ? '' : answerOf.slice(0, 10))
  })

  test.each<[Mode, number]>([
    [{ latency: 50 }, 50],
    [{ drip: { bytes: 10, everyMs: 10 } }, 15],
  ])('%j is slow and whole', async (mode, leastMs) => {
    const proxy = await open()
    const { socket, hears } = dial(proxy)
    await once(socket, 'connect')
    await proxy.set(mode)
    const start = performance.now()
    socket.write('ab')
    expect(await hears(40)).toBe(answerOf)
    // A timer may fire up to 1 ms early, and on a busy machine those of the drip come closer together.
    expect(performance.now() - start).toBeGreaterThan(leastMs - 5)
  })
})
