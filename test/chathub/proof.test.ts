import { afterEach, describe, expect, it } from '@jest/globals'
import type { Fault } from '../../src/apps/simulator/simulator.ts'
import { createChatHub } from '../../src/chathub/client.ts'
import { createClock } from '../support/clock.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'
import { type AtSimulator, atSimulator, failureOf } from './at-simulator.ts'

const closing: (() => Promise<void>)[] = []
const start = async (options: Parameters<typeof atSimulator>[0] = {}): Promise<AtSimulator> => {
  const started = await atSimulator(options)
  closing.push(started.close)
  return started
}
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** The failure of a write and of a read that end with this fault; undefined: it succeeded. */
const endsOf = async (fault: Fault) => {
  const { exchange, read, simulator, write } = await start()
  simulator.fault(fault)
  const writing = await failureOf(exchange(write()))
  const reading = await failureOf(exchange(read()))
  return {
    code: writing.code,
    inDoubt: writing.inDoubt,
    readCode: reading.code,
    readInDoubt: reading.inDoubt,
  }
}
const status = (code: number): Fault => ({ mode: 'status', status: code, body: '<html>page</html>' })
const bytes = (text: string): Fault => ({ mode: 'raw-socket', bytes: text, close: true })

describe('a write', () => {
  it.each([
    [400, 'chathub.rejected'],
    [401, 'chathub.credentials'],
    [403, 'chathub.forbidden'],
    [404, 'chathub.rejected'],
    [405, 'chathub.rejected'],
    [411, 'chathub.rejected'],
    [413, 'chathub.rejected'],
    [414, 'chathub.rejected'],
    [415, 'chathub.rejected'],
    [417, 'chathub.rejected'],
    [422, 'chathub.rejected'],
    [429, 'chathub.throttled'],
    [431, 'chathub.rejected'],
  ])('that is refused with %i has certainly changed nothing', async (code, failure) => {
    expect(await endsOf(status(code))).toMatchObject({ code: failure, inDoubt: false, readCode: failure })
  })

  it.each([
    402, 406, 407, 408, 409, 410, 412, 418, 421, 423, 424, 425, 426, 428, 451, 460, 499, 500, 501, 502, 503,
    504, 505, 507, 508, 511, 520, 521, 522, 523, 524, 525, 526, 527, 530, 599,
  ])('that is answered with %i may have been carried out', async (code) => {
    const expected = { code: 'chathub.unavailable', inDoubt: true, readCode: 'chathub.unavailable' }
    expect(await endsOf(status(code))).toMatchObject({ ...expected, readInDoubt: false })
    expect(await endsOf({ mode: 'status', status: code, body: '' })).toMatchObject(expected)
  })

  it.each([300, 301, 302, 303, 304, 307, 308])(
    'that is redirected with %i may have been carried out',
    async (code) => {
      const expected = { code: 'chathub.invalid-response', inDoubt: true, readInDoubt: false }
      expect(await endsOf(status(code))).toMatchObject(expected)
    },
  )

  it.each([202, 203, 205, 206, 207, 226])('that is answered with %i is not done yet', async (code) => {
    const { exchange, simulator, write } = await start()
    simulator.fault({ mode: 'status', status: code, body: [] })
    const failure = await failureOf(exchange(write()))
    expect(failure).toMatchObject({ code: 'chathub.invalid-response', inDoubt: true })
  })

  it.each<[string, Fault]>([
    ['no answer: the connection is reset', { mode: 'reset' }],
    ['no answer: the connection is closed after the work', { mode: 'drop-response' }],
    ['half an answer', { mode: 'truncate', bytes: 20 }],
    ['half an answer in chunks', { mode: 'truncate', bytes: 20, chunked: true }],
    ['no HTTP', bytes('not http at all\r\n\r\n')],
    ['a status line that is none', bytes('HTTP/1.1 what\r\n\r\n')],
    ['bad chunks', bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n')],
    ['headers without an end', bytes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n')],
    ['early hints and no answer', bytes('HTTP/1.1 103 Early Hints\r\n\r\n')],
    [
      'another protocol',
      bytes('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    ],
    ['a compressed answer that is too large', { mode: 'gzip', bytes: 32 * 1024 * 1024 }],
    ['an answer without an end', { mode: 'endless' }],
  ])('whose answer is lost may have been carried out: %s', async (_, fault) => {
    expect(await endsOf(fault)).toMatchObject({ inDoubt: true, readInDoubt: false })
  })

  it.each<[string, string, Fault]>([
    ['synchronize', 'no JSON', { mode: 'broken-2xx', bytes: 20 }],
    ['synchronize', 'an HTML page', { mode: 'raw', body: '<html></html>', apply: true }],
    ['synchronize', 'nothing', { mode: 'raw', body: '' }],
    ['synchronize', 'an object', { mode: 'raw', body: '{"error":"no"}' }],
    ['setStatus', 'an HTML page', { mode: 'raw', body: '<html></html>' }],
    ['setStatus', 'an error', { mode: 'raw', body: '{"error":"no"}' }],
    ['setStatus', 'false', { mode: 'raw', body: 'false' }],
  ])('%s that is answered 200 with %s may have been carried out', async (call, _, fault) => {
    const { exchange, simulator, write } = await start()
    const { context, token } = write()
    const chathub = createChatHub(
      (sent) => exchange({ ...sent, token: token as string }),
      () => {},
    )
    simulator.fault(fault)
    const calling =
      call === 'setStatus'
        ? chathub.setStatus(101, 0, context)
        : chathub.synchronize([{ organizationId: 24, name: 'Anna' }], context)
    await expect(calling).rejects.toMatchObject({ code: 'chathub.invalid-response', inDoubt: true })
  })

  it('may have been carried out if it times out after it was sent, but not if it could not be sent', async () => {
    const clock = createClock()
    const { exchange, simulator, write } = await start({ clock, timeoutMs: 500 })
    simulator.fault({ mode: 'hang' })
    const failure = failureOf(exchange(write()))
    await until(() => simulator.arrivals().length === 1)
    await clock.advance(500)
    expect(await failure).toMatchObject({ code: 'chathub.timeout', inDoubt: true })
    const unreachable = await start({ origin: `http://127.0.0.1:${await freePort()}` })
    const refused = await failureOf(unreachable.exchange(unreachable.write()))
    expect(refused).toMatchObject({ code: 'chathub.unavailable', inDoubt: false })
  })
})
