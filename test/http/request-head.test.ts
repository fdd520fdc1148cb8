import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './raw-bytes.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

type Problem = { code?: string; detail?: string; errors?: { pointer: string; detail: string }[] }
/** Sends a request with these Host headers. */
const ask = async (hosts: string[], { line = 'GET /v1/me HTTP/1.1', fields = [] as string[] } = {}) => {
  const given = [...hosts.map((host) => `Host: ${host}`), `X-API-Key: ${gateway.key}`, ...fields]
  const bytes = Buffer.from([line, ...given, 'Connection: close', '', ''].join('\r\n'))
  const { statuses, problem } = await sendRaw(gateway, [bytes])
  return { statuses, problem: problem as Problem }
}

const octet = fc.integer({ min: 0, max: 255 })
const label = fc.stringMatching(/^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,20}[a-zA-Z0-9_])?$/)
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))
const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: '' })
const validHost = fc
  .tuple(
    fc.oneof(
      name,
      name.map((text) => `${text}.`),
      fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.')),
      fc.ipV6().map((address) => `[${address}]`),
    ),
    port,
  )
  .map(([host, number]) => (number === '' ? host : `${host}:${number}`))

describe('a Host header', () => {
  it.each([
    'x',
    'gateway.example.com:8080',
    'gateway.example.com.',
    'my_gateway.internal',
    'xn--80akhbyknj4f.xn--j1amh',
    '127.0.0.1:8080',
    '[::1]:8080',
    '[2001:db8::7]',
    '[::ffff:10.0.0.1]',
    'GATEWAY',
    'gateway:',
    `${'a.'.repeat(126)}a`,
  ])('%s is accepted', async (host) => {
    expect((await ask([host])).statuses).toEqual([200])
  })

  it('of any valid host and port is accepted', async () => {
    await fc.assert(
      fc.asyncProperty(validHost, async (host) => expect((await ask([host])).statuses).toEqual([200])),
      { numRuns: 50 },
    )
  })

  it.each<[string, string[], string]>([
    ['empty', [''], 'it is empty'],
    ['of spaces', ['   '], 'it is empty'],
    ['with user information', ['user@x'], 'user information'],
    ['with a user and a password', ['user:secret@x:80'], 'user information'],
    ['that is a list', ['x, y'], 'not a list'],
    ['that is a list without spaces', ['x,y'], 'not a list'],
    ['of 9 kB', ['a'.repeat(9216)], 'at most 260 characters'],
    ['of 9 kB of addresses', ['x,'.repeat(4608)], 'at most 260 characters'],
    ['with a space', ['x y'], '(RFC 9110 '],
    ['with a tab', ['x\ty'], '(RFC 9110 '],
    ['with a path', ['x/y'], '(RFC 9110 '],
    ['with a query', ['x?y'], '(RFC 9110 '],
    ['with a fragment', ['x#y'], '(RFC 9110 '],
    ['with a backslash', ['x\\y'], '(RFC 9110 '],
    ['with a scheme', ['http://x'], '(RFC 9110 '],
    ['with letters that are not ASCII', ['кеш.example'], '(RFC 9110 '],
    ['with an encoded character', ['x%2ey'], '(RFC 9110 '],
    ['in quotes', ['"x"'], '(RFC 9110 '],
    ['with an empty label', ['x..y'], '(RFC 9110 '],
    ['that begins with a dot', ['.x'], '(RFC 9110 '],
    ['of a port alone', [':80'], '(RFC 9110 '],
    ['with a port that is a word', ['x:http'], '(RFC 9110 '],
    ['with a negative port', ['x:-1'], '(RFC 9110 '],
    ['with two ports', ['x:80:81'], '(RFC 9110 '],
    ['with a space before the port', ['x: 80'], '(RFC 9110 '],
    ['with a port that is too large', ['x:65536'], 'a port from 1 to 65535'],
    ['with a port of many digits', ['x:000000080'], '(RFC 9110 '],
    ['with port 0', ['x:0'], 'a port from 1 to 65535'],
    ['with IPv6 without brackets', ['2001:db8::7'], '(RFC 9110 '],
    ['with brackets around a name', ['[x]'], '(RFC 9110 '],
    ['with a bracket that is not closed', ['[::1'], '(RFC 9110 '],
    ['with an IPv6 zone', ['[fe80::1%25eth0]'], '(RFC 9110 '],
    ['given twice', ['x', 'y'], 'exactly one Host header'],
    ['given twice with one value', ['x', 'x'], 'exactly one Host header'],
    ['given never', [], 'exactly one Host header'],
  ])('%s is refused with 400, and the problem names the rule', async (_name, hosts, rule) => {
    const { statuses, problem } = await ask(hosts)
    expect([statuses, problem.code, problem.errors?.[0]?.pointer]).toEqual([
      [400],
      'request.malformed',
      '/headers/host',
    ])
    expect(problem.errors?.[0]?.detail).toContain(rule)
    expect(JSON.stringify(problem)).not.toContain('secret')
  })

  it('is refused with any character that no host has', async () => {
    // Blanks before and after a value do not belong to it.
    const text = fc.stringMatching(/^[a-z0-9.]{1,8}[ "#$%&'()*+,/;<=>?@\\^`{|}!][a-z0-9]{1,8}$/)
    await fc.assert(
      fc.asyncProperty(text, async (host) => {
        const { statuses, problem } = await ask([host])
        expect([statuses, problem.code]).toEqual([[400], 'request.malformed'])
      }),
      { numRuns: 50 },
    )
  })

  it('may be missing in HTTP/1.0, and is checked there when it is given', async () => {
    const old = { line: 'GET /v1/me HTTP/1.0' }
    expect((await ask([], old)).statuses).toEqual([200])
    for (const hosts of [[''], ['u@x'], ['x', 'y']]) expect((await ask(hosts, old)).statuses).toEqual([400])
  })

  it('is checked on every endpoint, also without a credential', async () => {
    for (const path of ['/livez', '/metrics', '/docs', '/v1/nothing', '/api/operator'])
      expect((await ask(['u@x'], { line: `GET ${path} HTTP/1.1` })).statuses).toEqual([400])
  })
})

describe('an absolute target', () => {
  it.each([
    ['http://x/v1/me', 'x'],
    ['HTTP://X:8080/v1/me', 'x:8080'],
    ['http://x:80/v1/me', 'x'],
    ['https://x/v1/me', 'x:443'],
    ['http://[::1]:81/v1/me', '[::1]:81'],
  ])('%s is served when the Host header is %s', async (target, host) => {
    expect((await ask([host], { line: `GET ${target} HTTP/1.1` })).statuses).toEqual([200])
  })

  it.each([
    ['http://x/v1/me', 'y'],
    ['http://x/v1/me', 'x:8080'],
    ['http://x:8080/v1/me', 'x'],
    ['http://x.y/v1/me', 'x'],
    ['http://user@x/v1/me', 'x'],
    ['http://x@y/v1/me', 'x'],
    ['http:///v1/me', 'x'],
    ['ftp://x/v1/me', 'x'],
    ['http://x/v1/me#y', 'x'],
    ['http://x#/v1/me', 'x'],
  ])('%s is refused when the Host header is %s', async (target, host) => {
    const { statuses, problem } = await ask([host], { line: `GET ${target} HTTP/1.1` })
    expect([statuses, problem.code]).toEqual([[400], 'request.malformed'])
  })
})

describe('a request line', () => {
  it.each([
    'GET  /v1/me HTTP/1.1',
    'GET /v1/me  HTTP/1.1',
    'GET   /v1/me   HTTP/1.1',
    'GET\t/v1/me HTTP/1.1',
    'GET /v1/me\tHTTP/1.1',
    'GET /v1/me HTTP/1.1 ',
    'GET /v1/me\u0000 HTTP/1.1',
    'GET /v1/me\u001f HTTP/1.1',
    'GET /v1/me\u007f HTTP/1.1',
    'GET /v1/me\u000b HTTP/1.1',
    'GET /v1/me\u000c HTTP/1.1',
    'GET /v1/me\rX HTTP/1.1',
    'GET /v1/me#top HTTP/1.1',
    'GET /v1/me# HTTP/1.1',
    'GET /v1/organizations?q=a#b HTTP/1.1',
    'GET /v1/organizations?q=#?x HTTP/1.1',
    'POST  /v1/tokens:validate HTTP/1.1',
    'GET  /v1/me?x=(.*)+[a-z HTTP/1.1',
  ])('%j is refused with 400', async (line) => {
    const { statuses, problem } = await ask(['x'], { line })
    expect([statuses, problem.code]).toEqual([[400], 'request.malformed'])
  })

  it('with more than one space is refused on a connection that is in use, and ends it', async () => {
    const get = (spaces: string) =>
      `GET${spaces}/v1/me HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.key}\r\n\r\n`
    for (const pieces of [[get(' '), get(' '), get('  '), get(' ')], [get(' ') + get('  ') + get(' ')]]) {
      const { statuses, problem } = await sendRaw(gateway, pieces)
      expect(statuses.slice(0, -1).every((status) => status === 200)).toBe(true)
      expect([statuses.at(-1), problem.code ?? '']).toEqual([400, ''])
    }
  })

  it('with one space is accepted however the headers are written, behind a body, and in pieces', async () => {
    const end = `Host:x\r\nX-API-Key:   ${gateway.key}  \r\nX-Empty:\r\n\r\n`
    const post = `POST /v1/tokens:validate HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 20\r\n${end}{"token":"abcdefgh"}`
    const get = `GET /v1/organizations?q=(a+)%2B$ HTTP/1.1\r\n${end}`
    const last = get.replace('Host', 'Connection: close\r\nHost')
    for (const pieces of [
      [get + post + get + post + last],
      [get, post, get, post, last],
      [get, post, get.slice(0, 30), get.slice(30) + post.slice(0, 20), post.slice(20) + last],
      [get, post, ...get, ...post, ...last],
      [`\r\n\r\n${get}`, `\r\n${post}`, get + post, last],
    ]) {
      const { statuses } = await sendRaw(gateway, pieces)
      expect(statuses).toEqual([200, 200, 200, 200, 200])
    }
  })
})
