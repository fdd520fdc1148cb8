import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { Fault } from '../../src/apps/simulator/simulator.ts'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { SlotTooOld } from '../../src/chathub/exchange.ts'
import { createClock } from '../support/clock.ts'
import { startProxy } from '../support/fault-proxy.ts'
import { until } from '../support/until.ts'
import { type AtSimulator, atSimulator, companyToken, failureOf } from './at-simulator.ts'

const closing: (() => Promise<void>)[] = []
const start = async (options: Parameters<typeof atSimulator>[0] = {}): Promise<AtSimulator> => {
  const started = await atSimulator(options)
  closing.push(started.close)
  return started
}
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

describe('an attempt at ChatHub', () => {
  it('returns the body of a 2xx answer, with the time at which its request left', async () => {
    const clock = createClock()
    const { exchange, read, reports } = await start({ clock })
    await clock.advance(500)
    const reply = await exchange(read())
    expect(reply).toMatchObject({ status: 200, sentAt: 500 })
    expect(JSON.parse(reply.body.toString())).toHaveLength(3)
    const ok = { operation: 'operators', outcome: 'ok', status: 200, ms: 0, client: 'crm' }
    expect(reports).toEqual([{ name: 'upstream', ...ok }])
  })

  it('sends the token in the configured header', async () => {
    const { exchange, read } = await start({ authHeader: 'x-authorization-key' })
    expect((await exchange(read())).status).toBe(200)
    const { exchange: bearer, read: same } = await start()
    expect((await bearer(same())).status).toBe(200)
    expect(await failureOf(bearer(same({ token: 'ct_other' })))).toMatchObject({
      code: 'chathub.credentials',
    })
  })

  it('follows no redirect, and sends the token to no other host', async () => {
    const elsewhere = await createSimulator()
    closing.push(elsewhere.close)
    const { exchange, read, simulator } = await start()
    for (const status of [301, 302, 303, 307, 308]) {
      simulator.fault({ mode: 'redirect', location: `${elsewhere.url}/api/operator`, status, times: 1 })
      expect(await failureOf(exchange(read()))).toMatchObject({ code: 'chathub.invalid-response' })
    }
    expect(simulator.arrivals()).toHaveLength(5)
    expect(elsewhere.arrivals()).toEqual([])
  })

  it('decodes compressed answers, and refuses a decompression bomb', async () => {
    const { exchange, read, simulator } = await start()
    simulator.fault({ mode: 'gzip', times: 1 })
    expect((await exchange(read())).status).toBe(200)
    simulator.fault({ mode: 'gzip', bytes: 32 * 1024 * 1024, times: 1 })
    expect(await failureOf(exchange(read()))).toMatchObject({ code: 'chathub.invalid-response' })
  })

  it('accepts bodies of at most 8 MiB', async () => {
    const { exchange, read, simulator } = await start()
    const max = 8 * 1024 * 1024
    simulator.fault({ mode: 'raw', body: Buffer.alloc(max, ' '), times: 1 })
    expect((await exchange(read())).body.length).toBe(max)
    simulator.fault({ mode: 'raw', body: Buffer.alloc(max + 1, ' '), times: 1 })
    expect(await failureOf(exchange(read()))).toMatchObject({ code: 'chathub.invalid-response' })
    simulator.fault({ mode: 'endless', times: 1 })
    expect(await failureOf(exchange(read()))).toMatchObject({ code: 'chathub.invalid-response' })
  })

  it.each<Fault>([{ mode: 'hang' }, { mode: 'stall-after', bytes: 10 }])(
    'ends as chathub.timeout at its time limit, and not before: $mode',
    async (fault) => {
      const clock = createClock()
      const { exchange, read, simulator } = await start({ clock, timeoutMs: 700 })
      simulator.fault(fault)
      let ended = false
      const failure = failureOf(exchange(read())).finally(() => (ended = true))
      await until(() => simulator.arrivals().length === 1)
      await clock.advance(699)
      expect(ended).toBe(false)
      await clock.advance(1)
      expect(await failure).toMatchObject({ code: 'chathub.timeout', inDoubt: false })
      expect(clock.pending()).toBe(0)
    },
  )

  it('ends at the deadline of its context if that comes before the time limit', async () => {
    const clock = createClock()
    const { exchange, read, simulator } = await start({ clock, timeoutMs: 3000 })
    simulator.fault({ mode: 'hang' })
    const failure = failureOf(exchange(read({ context: { lane: 'people', client: 'a', deadline: 200 } })))
    await until(() => simulator.arrivals().length === 1)
    await clock.advance(200)
    expect(await failure).toMatchObject({ code: 'chathub.timeout' })
  })

  it('ends at once when it is aborted, and sends nothing if it was aborted before', async () => {
    const { exchange, read, simulator } = await start()
    simulator.fault({ mode: 'hang' })
    const abort = new AbortController()
    const call = read()
    call.context.signal = abort.signal
    const failure = failureOf(exchange(call))
    await until(() => simulator.arrivals().length === 1)
    abort.abort()
    expect(await failure).toMatchObject({ code: 'chathub.timeout' })
    expect(await failureOf(exchange(call))).toMatchObject({ code: 'chathub.timeout' })
    simulator.clearFaults()
    await exchange(read())
    expect(simulator.arrivals()).toHaveLength(2)
  })

  it('keeps the connection when the slot expired while it was made, so that the next slot finds it ready', async () => {
    const server = createServer((_req, res) => void res.end('[]'))
    let connections = 0
    server.on('connection', () => connections++)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    closing.push(async () => void server.close())
    const { port } = server.address() as AddressInfo
    const { exchange, read } = await start({ origin: `http://127.0.0.1:${port}` })
    expect(await failureOf(exchange(read({ maySend: () => false })))).toBeInstanceOf(SlotTooOld)
    expect((await exchange(read())).status).toBe(200)
    expect(connections).toBe(1)
  })

  it('sends nothing if its slot has expired when it would leave', async () => {
    const { exchange, read, simulator } = await start()
    expect(await failureOf(exchange(read({ maySend: () => false })))).toBeInstanceOf(SlotTooOld)
    await exchange(read({ maySend: () => true }))
    expect(simulator.arrivals()).toHaveLength(1)
  })

  it('reuses the connections of refusals', async () => {
    const { simulator, close } = await atSimulator()
    const proxy = await startProxy({ to: { host: '127.0.0.1', port: simulator.port } })
    const { exchange, read } = await start({ origin: proxy.url })
    for (let i = 0; i < 10; i++) await failureOf(exchange(read({ token: 'ct_other' })))
    expect(proxy.accepted).toBeLessThanOrEqual(2)
    await proxy.close()
    await close()
  })

  it('closes a connection on which the rest of a refusal never arrives', async () => {
    const { simulator, close } = await atSimulator()
    const proxy = await startProxy({ to: { host: '127.0.0.1', port: simulator.port } })
    const { exchange, read } = await start({ origin: proxy.url, timeoutMs: 300 })
    const head = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\n{'
    simulator.fault({ mode: 'raw-socket', bytes: head, times: 1 })
    expect(await failureOf(exchange(read()))).toMatchObject({ code: 'chathub.unavailable' })
    await until(() => proxy.connections === 0)
    await proxy.close()
    await close()
  })

  it('never puts text of ChatHub or the token into a failure', async () => {
    const { exchange, read, simulator } = await start()
    simulator.fault({ mode: 'status', status: 500, body: `secret trace ${companyToken}` })
    const failure = await failureOf(exchange(read()))
    expect(JSON.stringify([failure.message, failure.detail, String(failure.cause)])).not.toMatch(
      /secret|ct_demo/,
    )
  })
})

describe('Retry-After', () => {
  it('counts for a 429 and a 503, and for nothing else', async () => {
    const { exchange, read, simulator } = await start()
    for (const [status, ms] of [
      [429, 7000],
      [503, 7000],
      [500, undefined],
    ] as const) {
      simulator.fault({ mode: 'status', status, headers: { 'retry-after': '7' }, times: 1 })
      expect((await failureOf(exchange(read()))).retryAfterMs).toBe(ms)
    }
  })
})
