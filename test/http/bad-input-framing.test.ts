import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './raw-bytes.ts'

// Groups B30–B33, B80, B81, B85 by bytes: one request is seen, or 400 and the end; what comes behind is never a request.

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
  await gateway.ask('GET', '/v1/organizations/24/operators')
})
afterAll(() => gateway.close())
beforeEach(() => gateway.simulator.clearArrivals())
afterEach(() => expect(gateway.simulator.arrivals()).toEqual([]))

const post = 'POST /v1/organizations/24/operators HTTP/1.1'
/** Would be seen by ChatHub, were it ever taken for a request. */
const smuggled = () =>
  `DELETE /v1/organizations/24/operators/101 HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.key}\r\n\r\n`
const head = (line: string, fields: string[], host = ['Host: x']) =>
  [line, ...host, `X-API-Key: ${gateway.key}`, 'Content-Type: application/json', ...fields, '', ''].join(
    '\r\n',
  )

type Case = [name: string, fields: string[], body: string]
const broken: Case[] = [
  ['both a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'],
  ['two lengths', ['Content-Length: 2', 'Content-Length: 30'], '{}'],
  ['two lengths that agree', ['Content-Length: 2', 'Content-Length: 2'], '{}'],
  ['two lengths in one field', ['Content-Length: 2, 2'], '{}'],
  ['a length below zero', ['Content-Length: -2'], '{}'],
  ['a length with a sign', ['Content-Length: +2'], '{}'],
  ['a length in hexadecimal', ['Content-Length: 0x2'], '{}'],
  ['a length with a space inside', ['Content-Length: 1 2'], '{}'],
  ['no length', ['Content-Length: '], '{}'],
  ['a length beyond every number', ['Content-Length: 99999999999999999999999'], '{}'],
  ['another coding', ['Transfer-Encoding: gzip'], '0\r\n\r\n'],
  ['a coding before chunked', ['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'],
  ['chunked twice', ['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'],
  ['chunked twice, in two fields', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['chunked before another', ['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'],
  ['identity', ['Transfer-Encoding: identity'], '0\r\n\r\n'],
  ['chunked misspelt', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
  ['chunked behind a vertical tab', ['Transfer-Encoding: \u000bchunked'], '0\r\n\r\n'],
  ['chunked in quotes', ['Transfer-Encoding: "chunked"'], '0\r\n\r\n'],
  ['a chunk size that is none', ['Transfer-Encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'],
  ['a chunk size with a sign', ['Transfer-Encoding: chunked'], '+2\r\n{}\r\n0\r\n\r\n'],
  ['a chunk size with 0x', ['Transfer-Encoding: chunked'], '0x2\r\n{}\r\n0\r\n\r\n'],
  ['a chunk size beyond every number', ['Transfer-Encoding: chunked'], 'ffffffffffffffffff\r\n{}\r\n'],
  ['a chunk longer than it says', ['Transfer-Encoding: chunked'], '1\r\n{}\r\n0\r\n\r\n'],
  ['chunks that end with a bare LF', ['Transfer-Encoding: chunked'], '2\n{}\n0\n\n'],
  ['a folded field', ['X-Folded: a', '\tb'], ''],
  ['a space before the colon', ['Content-Length : 2'], '{}'],
  ['a field without a name', [': 2'], '{}'],
  ['a field without a colon', ['Content-Length'], '{}'],
  ['a NUL in a field', ['X-A: a\u0000b'], ''],
  ['a bare CR in a field', ['X-A: a\rContent-Length: 2'], ''],
]

describe('B80: a request with ambiguous framing', () => {
  it.each(broken)('%s: 400, and the connection is closed', async (_name, fields, body) => {
    const { statuses, problem, text } = await sendRaw(gateway, [head(post, fields) + body + smuggled()])
    expect([statuses, problem.code]).toEqual([[400], 'request.malformed'])
    expect(text).toMatch(/^connection: close\r$/im)
  })

  it.each(broken)(
    '%s: the same when its bytes come one packet after the other',
    async (_name, fields, body) => {
      const { statuses } = await sendRaw(gateway, [head(post, fields), body, smuggled()])
      expect(statuses).toEqual([400])
    },
  )

  it.each(broken)(
    '%s: refused before its body is looked at, it is answered once',
    async (_name, fields, body) => {
      // No such path: the answer is ready before the body is read.
      const bytes = head('POST /v1/nothing HTTP/1.1', fields) + body + smuggled()
      const { statuses } = await sendRaw(gateway, [bytes])
      expect(statuses).toHaveLength(1)
      expect([400, 404]).toContain(statuses[0])
    },
  )
})

describe('B80: a request that is answered before its body has arrived', () => {
  it.each<[string, string, string[], number]>([
    ['of another type', post, ['Content-Type: text/plain'], 415],
    ['at an unknown path', 'POST /v1/nothing HTTP/1.1', [], 404],
    ['by another method', 'PUT /v1/organizations/24/operators HTTP/1.1', [], 405],
    ['with a body where none is taken', 'GET /v1/organizations/24/operators HTTP/1.1', [], 400],
  ])('%s: its body is never parsed as a request', async (_name, line, fields, status) => {
    const own = ['Host: x', `X-API-Key: ${gateway.key}`, ...fields]
    for (const framing of [
      [`Content-Length: ${smuggled().length}`, smuggled()],
      ['Transfer-Encoding: chunked', `${smuggled().length.toString(16)}\r\n${smuggled()}\r\n0\r\n\r\n`],
    ] as const) {
      const bytes = [line, ...own, framing[0], '', ''].join('\r\n')
      const last = 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
      const { statuses } = await sendRaw(gateway, [bytes, framing[1], last])
      expect(statuses[0]).toBe(status)
      // Either the connection ended with the answer, or the next one is that of the next request.
      expect([[], [200]]).toContainEqual(statuses.slice(1))
    }
  })
})

describe('B80: requests with valid framing', () => {
  it('are each seen as one request, also when pipelined', async () => {
    const get = `GET /v1/organizations/24/operators HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.key}\r\n\r\n`
    const { statuses } = await sendRaw(gateway, [
      get + get + get.replace('Host', 'Connection: close\r\nHost'),
    ])
    expect(statuses).toEqual([200, 200, 200])
  })
})

describe('B81: a body that never ends', () => {
  it.each<[string, string[], string]>([
    ['chunks without a last one', ['Transfer-Encoding: chunked'], '2\r\n{}\r\n'],
    ['a chunk cut short', ['Transfer-Encoding: chunked'], '20\r\n{"operators":'],
    ['fewer bytes than it says', ['Content-Length: 100'], '{"operators":[{"name":"Nobody"}]'],
  ])('%s: nothing is carried out', async (_name, fields, body) => {
    const { statuses } = await sendRaw(gateway, [head(post, fields), body], { finish: true })
    expect([[], [400], [408]]).toContainEqual(statuses)
  })
})

describe('the head of a request', () => {
  it.each<[string, string, number, string]>([
    ['B30 a URL of 17 kB', `GET /v1/me?${'a'.repeat(17_000)} HTTP/1.1`, 431, 'request.headers-too-large'],
    [
      'B31 a whole URL of another port',
      'GET http://x:81/v1/organizations HTTP/1.1',
      400,
      'request.malformed',
    ],
    ['B31 a whole URL of somebody else', 'GET https://evil.example/ HTTP/1.1', 400, 'request.malformed'],
    ['B31 an asterisk', 'OPTIONS * HTTP/1.1', 400, 'request.malformed'],
    ['another protocol', 'GET /v1/me HTTP/2.0', 400, 'request.malformed'],
    ['no protocol', 'GET /v1/me', 400, 'request.malformed'],
    ['a space in the path', 'GET /v1/ me HTTP/1.1', 400, 'request.malformed'],
    ['a control character in the path', 'GET /v1/\u0001me HTTP/1.1', 400, 'request.malformed'],
  ])('%s', async (_name, line, status, code) => {
    const { statuses, problem } = await sendRaw(gateway, [head(line, ['Connection: close'])])
    expect([statuses, problem.code]).toEqual([[status], code])
  })

  it('B32 two Host headers, or none', async () => {
    for (const host of [['Host: x', 'Host: y'], ['Host: x', 'host: x'], []]) {
      const { statuses, problem } = await sendRaw(gateway, [
        head('GET /v1/me HTTP/1.1', ['Connection: close'], host),
      ])
      expect([statuses, problem.code]).toEqual([[400], 'request.malformed'])
    }
  })

  it('B82 a header of 20 kB, or two hundred headers', async () => {
    const many = Array.from({ length: 200 }, (_, i) => `X-${i}: 1`)
    for (const fields of [[`X-Large: ${'a'.repeat(20_000)}`], many]) {
      const { statuses, problem } = await sendRaw(gateway, [
        head('GET /v1/me HTTP/1.1', [...fields, 'Connection: close']),
      ])
      expect([statuses, problem.code]).toEqual([[431], 'request.headers-too-large'])
    }
  })

  it('B85 an unsupported expectation', async () => {
    const { statuses, problem } = await sendRaw(gateway, [
      head(post, ['Expect: 200-weird', 'Content-Length: 2']),
      '{}',
    ])
    expect([statuses, problem.code]).toEqual([[417], 'request.expectation'])
  })
})
