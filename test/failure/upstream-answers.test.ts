import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { Fault } from '../../src/apps/simulator/simulator.ts'
import { type Faulty, startFaulty, tell } from './faulty-chathub.ts'

// Each answer meets a gateway of its own: list 24 is cached, list 6 is not.

const timeoutMs = 500
const waitMs = 200
let gateway: Faulty
const start = async () => {
  gateway = await startFaulty({
    env: { CHATHUB_TIMEOUT_MS: String(timeoutMs), CACHE_WAIT_MS: String(waitMs) },
  })
}
afterEach(() => gateway.close())

/** 64 MiB of spaces. */
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '))

/** `calls`: the most requests for the list that is not cached; two if the read is retried. */
type Row = [name: string, fault: Fault, status: number, code: string, calls: 1 | 2]
const rows: Row[] = [
  ['a head after a minute', { mode: 'delay', ms: 60_000 }, 504, 'chathub.timeout', 1],
  ['no answer', { mode: 'hang' }, 504, 'chathub.timeout', 1],
  ['silence in the middle of the body', { mode: 'stall-after', bytes: 40 }, 504, 'chathub.timeout', 1],
  ['a body byte by byte', { mode: 'drip', ms: 20 }, 504, 'chathub.timeout', 1],
  ['status 500', { mode: 'status', status: 500 }, 503, 'chathub.unavailable', 2],
  [
    'status 503 with its own Retry-After',
    { mode: 'status', status: 503, headers: { 'retry-after': '3' } },
    503,
    'chathub.unavailable',
    1,
  ],
  ['JSON cut in the middle', { mode: 'broken-2xx' }, 502, 'chathub.invalid-response', 1],
  ['text that is no JSON', { mode: 'raw', body: 'oops, {' }, 502, 'chathub.invalid-response', 1],
  [
    'an HTML page with status 200',
    { mode: 'raw', body: '<html>welcome</html>', contentType: 'text/html' },
    502,
    'chathub.invalid-response',
    1,
  ],
  [
    'an HTML page labelled as JSON',
    { mode: 'raw', body: '<html>welcome</html>' },
    502,
    'chathub.invalid-response',
    1,
  ],
  [
    'an HTML page of a proxy with status 502',
    { mode: 'raw', status: 502, body: '<html>Bad Gateway</html>', contentType: 'text/html' },
    503,
    'chathub.unavailable',
    2,
  ],
  ['fewer bytes than Content-Length', { mode: 'truncate', bytes: 40 }, 503, 'chathub.unavailable', 2],
  [
    'chunks without the last one',
    { mode: 'truncate', bytes: 40, chunked: true },
    503,
    'chathub.unavailable',
    2,
  ],
  ['a body that never ends', { mode: 'endless' }, 502, 'chathub.invalid-response', 1],
  [
    'a decompression bomb',
    { mode: 'raw', body: bomb, headers: { 'content-encoding': 'gzip' } },
    502,
    'chathub.invalid-response',
    1,
  ],
  [
    'a chain of content codings',
    { mode: 'headers', headers: { 'content-encoding': Array(5000).fill('gzip').join() } },
    503,
    'chathub.unavailable',
    2,
  ],
  [
    'bytes that are not UTF-8',
    { mode: 'raw', body: { base64: Buffer.from([0x5b, 0xff, 0x5d]).toString('base64') } },
    502,
    'chathub.invalid-response',
    1,
  ],
  [
    'rows of wrong types',
    {
      mode: 'rows',
      rows: [
        { id: 'x', name: 'A', status: 0 },
        { id: 1, name: null, status: 0 },
      ],
    },
    502,
    'chathub.invalid-response',
    1,
  ],
  ['null', { mode: 'raw', body: 'null' }, 502, 'chathub.invalid-response', 1],
  ['an object', { mode: 'raw', body: '{}' }, 502, 'chathub.invalid-response', 1],
  ['an empty body with status 200', { mode: 'raw', body: '' }, 502, 'chathub.invalid-response', 1],
  [
    'an empty body with status 204',
    { mode: 'raw', body: '', status: 204 },
    502,
    'chathub.invalid-response',
    1,
  ],
  [
    'a redirect',
    { mode: 'redirect', location: 'http://127.0.0.1:1/api/operator' },
    502,
    'chathub.invalid-response',
    1,
  ],
  ['a reset connection, each time', { mode: 'reset' }, 503, 'chathub.unavailable', 2],
  ['a connection closed without an answer', { mode: 'drop-response' }, 503, 'chathub.unavailable', 2],
  [
    'a protocol other than HTTP',
    { mode: 'raw-socket', bytes: 'SSH-2.0-OpenSSH_9.2\r\n', close: true },
    503,
    'chathub.unavailable',
    2,
  ],
  [
    'two different Content-Length headers',
    {
      mode: 'raw-socket',
      bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]x',
      close: true,
    },
    503,
    'chathub.unavailable',
    2,
  ],
]

describe('a wrong answer to a list never reaches a caller', () => {
  it.each(rows)('%s', async (name, fault, status, code, calls) => {
    await start()
    const good = await gateway.read(24)
    expect([good.status, good.age, good.how]).toEqual([200, 0, 'chathub-gateway; fwd=uri-miss; stored'])
    gateway.simulator.fault({ route: 'list', ...fault })

    // Not cached: the failure has its own code, comes within the time limit, and is not stored.
    gateway.simulator.clearArrivals()
    const cold = await gateway.read(6)
    expect([cold.status, cold.code, cold.how]).toEqual([status, code, undefined])
    expect(gateway.listed()).toBeGreaterThan(0)
    expect(gateway.listed()).toBeLessThanOrEqual(calls)
    if (status === 504) expect(cold.ms).toBeGreaterThan(timeoutMs - 50)
    if (status === 503) expect(cold.retryAfter).toBeGreaterThanOrEqual(name.includes('own') ? 3 : 1)
    expect(cold.answer.text).not.toMatch(/html|oops|SSH/)

    // Cached: served at once while revalidatable, later after a short wait, with the same bytes and the true age.
    gateway.clock.jump(90_000)
    const revalidated = await gateway.read(24)
    expect([revalidated.status, revalidated.how]).toEqual([
      200,
      expect.stringMatching(/^chathub-gateway; hit; ttl=-3\d$/),
    ])
    expect(revalidated.age).toBeGreaterThanOrEqual(90)
    gateway.clock.jump(110_000)
    const old = await gateway.read(24)
    expect([old.status, old.answer.text, old.answer.headers['etag']]).toEqual([
      200,
      good.answer.text,
      good.answer.headers['etag'],
    ])
    expect(old.how).toMatch(/^chathub-gateway; (fwd=stale; fwd-status=50[234]|hit; ttl=-14\d)$/)
    expect(old.age).toBeGreaterThanOrEqual(200)

    // The fault ends.
    gateway.simulator.clearFaults()
    const recovered = await gateway.msUntil(async () => (await gateway.read(6)).status === 200)
    const renewed = await gateway.msUntil(async () => Number((await gateway.read(24)).age) < 10)
    tell(
      `${name}: cold ${cold.ms.toFixed()} ms, old ${old.ms.toFixed()} ms, recovered ${recovered.toFixed()} ms`,
    )
    expect(recovered + renewed).toBeLessThan(5000)
    const { waiting } = (await gateway.see('GET', '/v1/upstream')).answer.body.queue
    expect(waiting).toEqual({ people: 0, writes: 0, imports: 0, refreshes: 0 })
  })
})

describe('one wrong answer', () => {
  it('leaves no connection on which an answer may still come, and no slot taken', async () => {
    await start()
    await gateway.read(24)
    gateway.simulator.fault({ route: 'list', mode: 'hang' })
    const held = gateway.proxy.connections
    expect((await gateway.read(6)).status).toBe(504)
    // Idle connections may stay open; the one that hangs is closed.
    await gateway.msUntil(() => gateway.proxy.connections <= held)
    await gateway.msUntil(
      async () => (await gateway.see('GET', '/v1/upstream')).answer.body.budget.usedInLastSecond === 0,
    )
  })

  it('that never ends costs at most a few times the 8 MiB that are read of it', async () => {
    await start()
    await gateway.read(24)
    const before = process.memoryUsage().rss
    gateway.simulator.fault({ route: 'list', mode: 'endless' })
    let peak = 0
    const watching = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss)
    }, 5)
    const seen = await gateway.read(6)
    clearInterval(watching)
    const grown = (Math.max(peak, process.memoryUsage().rss) - before) / 1024 / 1024
    tell(`${grown.toFixed()} MiB more, gateway and simulator together, ${seen.ms.toFixed()} ms`)
    expect(seen.status).toBe(502)
    expect(grown).toBeLessThan(64)
  })

  it('that is a reset is hidden from the caller by one retry', async () => {
    await start()
    await gateway.read(24)
    gateway.simulator.clearArrivals()
    gateway.simulator.fault({ route: 'list', mode: 'reset', times: 1 })
    expect((await gateway.read(6)).status).toBe(200)
    expect(gateway.listed()).toBe(2)
    // A connection that was closed while idle is hidden in the same way.
    await gateway.proxy.set('cut')
    expect((await gateway.read(42)).status).toBe(200)
  })
})
