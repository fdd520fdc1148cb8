import type { IncomingHttpHeaders } from 'node:http'
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'

/** One form that the world sends, and what the gateway makes of it. `docs/compatibility.md` lists these columns. */
type Row = { form: string; example: string; result: string; test: string }

const row = <T>(test: string, form: string, example: string, result: string, more: T): Row & T => ({
  form,
  example,
  result,
  test,
  ...more,
})

const pause = (form: string, headers: IncomingHttpHeaders, ms: number | undefined) => {
  const result = ms === undefined ? 'ignored; a 429 pauses for 5 s' : `a pause of ${ms / 1000} s`
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return row('test/chathub/retry-after.test.ts', `Retry-After, ${form}`, lines.join(', '), result, {
    headers,
    ms,
  })
}
/** At midnight of 1 January 2026. */
export const retryAfterRows = [
  pause('seconds', { 'retry-after': '3' }, 3000),
  pause('more than a minute', { 'retry-after': '120' }, 120_000),
  pause('zero', { 'retry-after': '0' }, 1000),
  pause('more than an hour', { 'retry-after': '86400' }, 3_600_000),
  pause('a huge number', { 'retry-after': '9'.repeat(400) }, 3_600_000),
  pause('a fraction', { 'retry-after': '1.5' }, 1500),
  pause('with blanks', { 'retry-after': ' 7 ' }, 7000),
  pause('twice', { 'retry-after': '7, 9' }, 7000),
  pause('a date', { 'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT' }, 120_000),
  pause('a date of RFC 850', { 'retry-after': 'Thursday, 01-Jan-26 00:02:00 GMT' }, 120_000),
  pause('a date of C', { 'retry-after': 'Thu Jan  1 00:02:00 2026' }, 120_000),
  pause(
    'a date, by a clock 5 min ahead',
    { 'retry-after': 'Thu, 01 Jan 2026 00:05:20 GMT', date: 'Thu, 01 Jan 2026 00:05:00 GMT' },
    20_000,
  ),
  pause('a date in the past', { 'retry-after': 'Wed, 31 Dec 2025 23:59:00 GMT' }, undefined),
  pause('negative', { 'retry-after': '-5' }, undefined),
  pause('a word', { 'retry-after': 'soon' }, undefined),
  pause('a unit', { 'retry-after': '5s' }, undefined),
  pause('a date of ISO 8601', { 'retry-after': '2026-01-02' }, undefined),
  pause('empty', { 'retry-after': '' }, undefined),
  pause('none', {}, undefined),
]

export const json = Buffer.from('[{"id":7,"name":"Оксана"}]')
const coded = (form: string, header: string | undefined, body: Buffer, isRead = true) => {
  const example = header === undefined ? 'no header' : `Content-Encoding: ${header}`
  const result = isRead ? 'read' : 'chathub.invalid-response'
  return row('test/chathub/decode-body.test.ts', `Answer of ChatHub, ${form}`, example, result, {
    header,
    body,
    isRead,
  })
}
const bomb = Buffer.alloc(9 * 1024 * 1024, ' ')
const quick = { level: 1, params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
export const codingRows = [
  coded('plain', undefined, json),
  coded('plain', 'identity', json),
  coded('plain', '', json),
  coded('plain', 'utf-8', json),
  coded('plain', 'none', json),
  coded('plain', 'aws-chunked', json),
  coded('plain, though the header says gzip', 'gzip', json),
  coded('plain, though the header says deflate', 'deflate', json),
  coded('plain, though the header says br', 'br', json),
  coded('gzip', 'gzip', gzipSync(json)),
  coded('gzip', 'GZIP', gzipSync(json)),
  coded('gzip', 'x-gzip', gzipSync(json)),
  coded('gzip', 'gzip, identity', gzipSync(json)),
  coded('deflate', 'deflate', deflateSync(json)),
  coded('deflate without zlib', 'deflate', deflateRawSync(json)),
  coded('br', 'br', brotliCompressSync(json)),
  coded('two codings', 'br, gzip', gzipSync(brotliCompressSync(json))),
  coded('four codings', 'gzip, gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(gzipSync(json)))), false),
  coded('cut off', 'gzip', gzipSync(json).subarray(0, 20), false),
  coded('an unknown coding', 'zstd', Buffer.from('28b52ffd0458', 'hex'), false),
  coded('gzip of more than 8 MiB', 'gzip', gzipSync(bomb, quick), false),
  coded('deflate of more than 8 MiB', 'deflate', deflateSync(bomb, quick), false),
  coded('br of more than 8 MiB', 'br', brotliCompressSync(bomb, quick), false),
]

const exempt = (target: string, noProxy: string, isDirect: boolean) =>
  row(
    'test/outbound.test.ts',
    `NO_PROXY for ${target}`,
    `NO_PROXY=${noProxy}`,
    isDirect ? 'without a proxy' : 'through the proxy',
    { target, noProxy, isDirect },
  )
const chathub = 'https://chatapi.example.com'
export const noProxyRows = [
  exempt(chathub, '*', true),
  exempt(chathub, 'chatapi.example.com', true),
  exempt(chathub, 'CHATAPI.Example.com', true),
  exempt(chathub, 'example.com', true),
  exempt(chathub, '.example.com', true),
  exempt(chathub, '*.example.com', true),
  exempt(chathub, 'localhost, 10.0.0.0/8, example.com', true),
  exempt(chathub, 'localhost example.com', true),
  exempt(chathub, 'example.com:443', true),
  exempt(chathub, 'example.com:8443', false),
  exempt(chathub, 'ample.com', false),
  exempt(chathub, 'other.example.com', false),
  exempt('https://10.1.2.3', '10.0.0.0/8', true),
  exempt('https://10.1.2.3:8443', '10.1.2.3:8443', true),
  exempt('https://11.1.2.3', '10.0.0.0/8', false),
  exempt('https://11.1.2.3', '10.0.0.0/99', false),
  exempt('https://[fd00::7]', 'fd00::/8', true),
  exempt('https://[::1]:8443', '::1', true),
  exempt('https://[::1]:8443', '[::1]:8443', true),
  exempt('http://127.0.0.1:8090', '127.0.0.1', true),
  exempt('http://127.0.0.1:8090', '', false),
]

const proxied = (target: string, env: Record<string, string>, proxy: string | undefined) =>
  row(
    'test/outbound.test.ts',
    `Proxy for ${target.split(':')[0]}:`,
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
    proxy ?? 'no proxy',
    { target, env, proxy },
  )
export const proxyRows = [
  proxied(chathub, {}, undefined),
  proxied(chathub, { HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128'),
  proxied(chathub, { https_proxy: 'http://proxy:3128' }, 'http://proxy:3128'),
  proxied(chathub, { HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:2' }, 'http://lower:2'),
  proxied(chathub, { HTTPS_PROXY: 'proxy:3128' }, 'http://proxy:3128'),
  proxied(chathub, { HTTPS_PROXY: 'https://proxy:3129' }, 'https://proxy:3129'),
  proxied(chathub, { HTTPS_PROXY: 'http://user:p%40ss@proxy:3128' }, 'http://proxy:3128'),
  proxied(chathub, { HTTP_PROXY: 'http://proxy:3128' }, 'http://proxy:3128'),
  proxied(chathub, { HTTPS_PROXY: '', HTTP_PROXY: '' }, undefined),
  proxied('http://127.0.0.1:8090', { http_proxy: 'http://proxy:3128' }, 'http://proxy:3128'),
  proxied('http://127.0.0.1:8090', { HTTPS_PROXY: 'http://proxy:3128' }, undefined),
  proxied(chathub, { HTTPS_PROXY: 'http://proxy:3128', no_proxy: 'example.com' }, undefined),
]
