import { once } from 'node:events'
import { connect } from 'node:net'
import { text as allOf } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import type { failures } from '../../src/errors.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

type Answer = { status: number; headers: Record<string, string>; body: string }

/** Sends these very bytes and reads until the server ends, as `Connection: close` or a fault makes it do. */
const speak = async (bytes: string): Promise<Answer> => {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  let heard = ''
  socket.setEncoding('utf8').on('data', (text) => {
    heard += text
  })
  socket.on('error', () => {}) // a reset after the answer is the server's right
  socket.write(bytes)
  await once(socket, 'close')
  const [head = '', ...rest] = heard.split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = fields.map((field) => field.split(': ') as [string, string])
  return {
    status: Number(line.split(' ')[1]),
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
    body: rest.join('\r\n\r\n'),
  }
}

const request = (line: string, fields: string[] = [], body = '') =>
  speak(
    `${[line, 'Host: x', 'Connection: close', `X-API-Key: ${gateway.key}`, ...fields].join('\r\n')}\r\n\r\n${body}`,
  )
const raw = (lines: string[], body = '') => speak(`${lines.join('\r\n')}\r\n\r\n${body}`)

const isProblem = ({ status, headers, body }: Answer, wanted: number, code: keyof typeof failures): void => {
  const problem = JSON.parse(body)
  expect([status, problem.status, problem.code]).toEqual([wanted, wanted, code])
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(headers['content-length']).toBe(String(Buffer.byteLength(body)))
  expect(headers['x-request-id']).toBe(problem.requestId)
  expect(headers['x-content-type-options']).toBe('nosniff')
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'/)
}

describe('requests that come faster than the process can begin them', () => {
  it('are refused with 503 before anything is done for them, and /livez is answered', async () => {
    // Each look at this clock takes longer than a turn of the event loop may work.
    let now = 0
    const clock = { ...systemClock, now: () => (now += 20) }
    const busy = await startGateway({ clock, env: { OVERLOAD_WAIT_MS: '1' } })
    const socket = connect(Number(new URL(busy.url).port), '127.0.0.1')
    const ask = (path: string, ...fields: string[]) =>
      `${[`GET ${path} HTTP/1.1`, 'Host: x', `X-API-Key: ${busy.key}`, ...fields].join('\r\n')}\r\n\r\n`
    // Each turn begins one of them, and counts for a quarter of the wait.
    socket.write(ask('/v1/me').repeat(12) + ask('/livez', 'Connection: close'))
    const heard = await allOf(socket)
    await busy.close()
    const statuses = heard.match(/(?<=HTTP\/1\.1 )\d+/g) ?? []
    expect([statuses.length, statuses.at(-1)]).toEqual([13, '200'])
    expect(statuses.slice(0, 12)).toContain('200')
    const refused = statuses.filter((status) => status === '503').length
    expect(refused).toBeGreaterThan(5)
    expect(heard.match(/"code":"server\.overloaded"/g)).toHaveLength(refused)
    expect(heard.match(/^retry-after: 1\r$/gim)).toHaveLength(refused)
  })
})

describe('an invalid request is answered with a problem document', () => {
  it('when its request line is invalid', async () => {
    for (const line of [
      'HELLO',
      'GET',
      'GET /v1/me',
      'GET /v1/me HTTP/9.9',
      'G\u0000T / HTTP/1.1',
      ' GET / HTTP/1.1',
    ])
      isProblem(await raw([line, 'Host: x']), 400, 'request.malformed')
  })

  it('when a header is invalid', async () => {
    for (const field of ['no colon here', 'X Y: 1', ': empty', 'X-A: a\u0000b', 'X-A : 1'])
      isProblem(await request('GET /v1/me HTTP/1.1', [field]), 400, 'request.malformed')
  })

  it('when it has two lengths', async () => {
    const both = ['Content-Length: 5', 'Transfer-Encoding: chunked']
    isProblem(await request('POST /v1/tokens:validate HTTP/1.1', both, '0\r\n\r\n'), 400, 'request.malformed')
    const two = ['Content-Length: 5', 'Content-Length: 6']
    isProblem(await request('POST /v1/tokens:validate HTTP/1.1', two, 'aaaaaa'), 400, 'request.malformed')
  })

  it('when its length or coding is invalid', async () => {
    for (const field of [
      'Content-Length: -1',
      'Content-Length: 1x',
      'Content-Length: +5',
      'Transfer-Encoding: gzip',
    ])
      isProblem(await request('POST /v1/tokens:validate HTTP/1.1', [field]), 400, 'request.malformed')
    const chunks = ['Transfer-Encoding: chunked', 'Content-Type: application/json']
    isProblem(
      await request('POST /v1/tokens:validate HTTP/1.1', chunks, 'zz\r\n{}\r\n'),
      400,
      'request.malformed',
    )
    const twice = ['Transfer-Encoding: gzip, chunked', 'Content-Type: application/json']
    isProblem(
      await request('POST /v1/tokens:validate HTTP/1.1', twice, '0\r\n\r\n'),
      400,
      'request.malformed',
    )
  })

  it('when it has no Host header, or two', async () => {
    isProblem(await raw(['GET /v1/me HTTP/1.1', 'Connection: close']), 400, 'request.malformed')
    isProblem(await request('GET /v1/me HTTP/1.1', ['Host: y']), 400, 'request.malformed')
  })

  it('when its headers are too large or too many', async () => {
    const large = await request('GET /v1/me HTTP/1.1', [`X-Large: ${'a'.repeat(20_000)}`])
    isProblem(large, 431, 'request.headers-too-large')
    expect(large.headers['connection']).toBe('close')
    const many = Array.from({ length: 120 }, (_, index) => `X-${index}: 1`)
    isProblem(await request('GET /v1/me HTTP/1.1', many), 431, 'request.headers-too-large')
  })

  it('when its URL is too long', async () => {
    isProblem(await request(`GET /v1/me?${'a'.repeat(5000)} HTTP/1.1`), 414, 'request.uri-too-long')
    // Beyond 16 KiB the parser itself gives up, and knows the size of the whole head only.
    isProblem(await request(`GET /v1/me?${'a'.repeat(17_000)} HTTP/1.1`), 431, 'request.headers-too-large')
  })

  it('when its target is not a path', async () => {
    for (const target of ['http://y/v1/me', 'https://evil.example/v1/me', '*', 'v1/me', '?a=1'])
      isProblem(await request(`GET ${target} HTTP/1.1`), 400, 'request.malformed')
    isProblem(await raw(['CONNECT x:443 HTTP/1.1', 'Host: x']), 405, 'route.method')
  })

  it('when its expectation is not supported', async () => {
    isProblem(await request('GET /v1/me HTTP/1.1', ['Expect: 200-ok']), 417, 'request.expectation')
  })
})

describe('an ordinary request', () => {
  const valid = '{"token":"abcdefgh"}'
  const posting = ['Content-Type: application/json', `Content-Length: ${valid.length}`]

  it('may wait for 100 Continue', async () => {
    const answer = await request(
      'POST /v1/tokens:validate HTTP/1.1',
      [...posting, 'Expect: 100-continue'],
      valid,
    )
    expect(answer.status).toBe(100)
    expect(answer.body).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it('may ask for an unsupported upgrade, which is ignored', async () => {
    const answer = await request('GET /v1/me HTTP/1.1', [
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    ])
    expect(answer.status).toBe(200)
  })

  it('may be HTTP/1.0 without a host', async () => {
    expect((await raw(['GET /livez HTTP/1.0'])).status).toBe(200)
  })

  it('is answered once, although its body breaks off after the answer', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    let heard = ''
    const answered = new Promise<void>((resolve) =>
      socket.setEncoding('utf8').on('data', (text) => {
        heard += text
        if (heard.endsWith('}')) resolve()
      }),
    )
    socket.on('error', () => {})
    // Refused for want of a key while its body is on the way; the connection would be kept.
    socket.write('POST /v1/tokens:validate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    await answered
    socket.write('zz\r\n')
    await once(socket, 'close')
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401'])
  })

  it('is not answered twice, and bytes after a fault are not parsed as a request', async () => {
    const smuggled = `GET /v1/upstream HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.key}\r\n\r\n`
    const both = ['Content-Length: 5', 'Transfer-Encoding: chunked']
    const { status, body } = await request('POST /v1/tokens:validate HTTP/1.1', both, `0\r\n\r\n${smuggled}`)
    expect(status).toBe(400)
    expect(body).not.toContain('HTTP/1.1 200')
  })

  it('causes no call to ChatHub when it is invalid', async () => {
    gateway.simulator.clearArrivals()
    await request('GET /v1/organizations/24/operators HTTP/1.1', ['Host: y'])
    await request('GET http://y/v1/organizations/24/operators HTTP/1.1')
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it('ignores headers and parameters that would override its method', async () => {
    const override = ['X-HTTP-Method-Override: DELETE', 'X-Method-Override: DELETE']
    expect((await request('GET /v1/organizations/24/operators/101 HTTP/1.1', override)).status).toBe(200)
    expect(gateway.simulator.operators(24).find(({ id }) => id === 101)?.status).toBe(0)
  })
})
