import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'

/** A request that a gateway should refuse, or serve, at little cost. */
export type Costly = {
  name: string
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer
}

const MiB = 2 ** 20
const filled = (size: number, piece: string, before = '', after = ''): string =>
  before + piece.repeat(Math.floor((size - before.length - after.length) / piece.length)) + after
const numbered = (count: number, make: (index: number) => string, before: string, after: string): string =>
  before + Array.from({ length: count }, (_, index) => make(index)).join(',') + after

/** Bodies of a megabyte, each made to be costly in its own way. */
const megabytes: Record<string, string> = {
  'arrays in arrays': filled(MiB, '['),
  'objects in objects': filled(MiB, '{"a":'),
  'empty objects': filled(MiB, '{},', '{"operators":[', '{}]}'),
  'empty objects, outermost': filled(MiB, '{},', '[', '{}]'),
  'empty names': filled(MiB, '{"name":""},', '{"operators":[', '{}]}'),
  'zeros for operators': filled(MiB, '0,', '{"operators":[', '0]}'),
  'ids of the wrong type': filled(MiB, '"",', '{"status":"active","ids":[', '""]}'),
  'unknown keys': numbered(90_000, (index) => `"k${index}":1`, '{', '}'),
  'equal keys': filled(MiB, '"a":1,', '{', '"a":1}'),
  'one long name': filled(MiB, 'a', '{"operators":[{"name":"', '"}]}'),
  'one name of escapes': filled(MiB, '\\u0041', '{"operators":[{"name":"', '"}]}'),
  'a long number': filled(MiB, '9', '{"operators":[', ']}'),
  'many long numbers': filled(MiB, '1e308888888,', '[', '1]'),
  'a string without an end': filled(MiB, '\\"', '"'),
  'quotes alone': filled(MiB, '"'),
  'spaces alone': filled(MiB, ' '),
  'colons alone': filled(MiB, ':'),
  'names with marks': filled(MiB, `{"name":"${'a\u0301'.repeat(40)}\u0000"},`, '{"operators":[', '{}]}'),
  'rows of ChatHub without a name': filled(MiB, '{"organizationId":24},', '[', '{}]'),
  'rows of ChatHub, the last is wrong': filled(MiB, '{"organizationId":24,"name":"a"},', '[', '{}]'),
  'not UTF-8': `${filled(MiB - 2, 'a', '"')}`,
}

const json = { 'Content-Type': 'application/json' }

/** Paths with a JSON body, and the most bytes that each takes. */
const paths: [string, string, number][] = [
  ['POST', '/v1/organizations/24/operators', MiB],
  ['POST', '/v1/organizations/24/operators:onboard', MiB],
  ['POST', '/v1/organizations/24/operators:setStatus', 65_536],
  ['POST', '/v1/organizations/24/assignments', 65_536],
  ['POST', '/v1/organizations/24/operators/101/tokens', 65_536],
  ['PATCH', '/v1/organizations/24/operators/101', 65_536],
  ['POST', '/v1/tokens:validate', 65_536],
  ['POST', '/v1/cache:purge', 65_536],
  ['POST', '/v1/sessions', 65_536],
  ['POST', '/v1/session', 65_536],
  ['POST', '/api/company/get-token', 65_536],
  ['POST', '/api/operator/synchronize', MiB],
  ['POST', '/api/operator/status', 65_536],
  ['POST', '/api/operator/get-token', 65_536],
  ['POST', '/api/operator/validate-token', 65_536],
]

const boundary = 'x'
const form = (parts: string): Costly => ({
  name: 'a form',
  method: 'POST',
  path: '/v1/organizations/24/imports',
  headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
  body: Buffer.from(`${parts}--${boundary}--\r\n`),
})
const bomb = (path: string, size: number): Costly => ({
  name: 'a gzip bomb',
  method: 'POST',
  path,
  headers: { ...json, 'Content-Encoding': 'gzip' },
  body: gzipSync(Buffer.alloc(size, '[')),
})
const file = (name: string, body: Buffer, type = 'text/csv'): Costly => {
  return {
    name,
    method: 'POST',
    path: '/v1/organizations/24/imports',
    headers: { 'Content-Type': type },
    body,
  }
}

/** An archive of files that compress well. */
const workbook = (files: Record<string, Uint8Array>): Buffer => Buffer.from(zipSync(files, { level: 1 }))

/** Every body on every path that takes it, cut to the size that the path takes; then files, forms and bombs. */
export const costlyRequests = (): Costly[] => [
  ...paths.flatMap(([method, path, max]) =>
    Object.entries(megabytes).map(([name, text]) => {
      const body = Buffer.from(text).subarray(0, max)
      if (name === 'not UTF-8') body.fill(0xff, body.length - 2)
      return { name, method, path, headers: json, body }
    }),
  ),
  bomb('/v1/organizations/24/operators', 64 * MiB),
  bomb('/api/operator/synchronize', MiB),
  {
    ...bomb('/v1/organizations/24/imports', 512 * MiB),
    headers: { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' },
  },
  { ...form(filled(8 * MiB - 100, `--${boundary}\r\n\r\na\r\n`)), name: 'a form of 600,000 parts' },
  {
    ...form(`--${boundary}\r\n${filled(7 * MiB, 'X-A: b\r\n')}\r\na\r\n`),
    name: 'a form with 900,000 headers',
  },
  {
    ...form(`--${boundary}\r\nContent-Disposition: form-data; name="${'a'.repeat(7 * MiB)}"\r\n\r\na\r\n`),
    name: 'a form with one header of 7 MiB',
  },
  {
    ...form(`--${boundary}\r\n\r\n${filled(7 * MiB, `\r\n--${boundary}`.slice(0, -1))}\r\n`),
    name: 'a form of near boundaries',
  },
  file('a file of line ends', Buffer.alloc(8 * MiB, '\n')),
  file('a file of quotes', Buffer.alloc(8 * MiB, '"')),
  file('a file of delimiters', Buffer.alloc(8 * MiB, ',')),
  file('a file of zeros', Buffer.alloc(8 * MiB)),
  file('a file of odd bytes', Buffer.alloc(8 * MiB, 0xfe)),
  file('a file of short rows', Buffer.from(filled(8 * MiB, 'a\n'))),
  file(
    'a file that is no workbook',
    Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(8 * MiB - 4, 'P')]),
    'application/octet-stream',
  ),
  file('a workbook of 60 MiB of zeros', workbook({ 'xl/workbook.xml': new Uint8Array(60 * MiB) })),
  file(
    'a workbook that unpacks to 600 MiB',
    workbook(
      Object.fromEntries(
        Array.from({ length: 10 }, (_, index) => [`${index}.xml`, new Uint8Array(60 * MiB)]),
      ),
    ),
  ),
  file(
    'a workbook of 50,000 files',
    workbook(
      Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`${index}.xml`, new Uint8Array(0)])),
    ),
  ),
]

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwtOf = (padding: number): string =>
  `${part({ alg: 'RS256', kid: 'x' })}.${part({ sub: 'a'.repeat(padding) })}.${'A'.repeat(342)}`
const list = '/v1/organizations/24/operators'
const get = (name: string, headers: Record<string, string>, path = list): Costly => {
  return { name, method: 'GET', path, headers, body: Buffer.alloc(0) }
}
const headMax = 15_000

/** Heads that are nearly as large as a head may be, each made to be costly in its own way. */
export const costlyHeads = (): Costly[] => [
  get('a token of 15 kB', { Authorization: `Bearer ${jwtOf(10_500)}` }),
  get('a token of 8 kB', { Authorization: `Bearer ${jwtOf(5500)}` }),
  get('a token of dots', { Authorization: `Bearer ${'.'.repeat(headMax)}` }),
  get('cookies', { Cookie: filled(headMax, 'a=b; ') }),
  get('session cookies', { Cookie: filled(headMax, '__Host-chathub-session=a; ') }),
  get('media types', { Accept: filled(headMax, 'a/a;q=0.1,') }),
  get('codings', { 'Accept-Encoding': filled(headMax, 'a;q=0.1,') }),
  get('entity tags', { 'If-None-Match': filled(headMax, '"a",') }),
  get('cache directives', { 'Cache-Control': filled(headMax, ' , no-cach') }),
  get('spaces in a directive', { 'Cache-Control': `,${' '.repeat(headMax)}x` }),
  get('addresses', { 'X-Forwarded-For': filled(headMax, '1.2.3.4, ') }),
  get(
    'many headers',
    Object.fromEntries(Array.from({ length: 95 }, (_, index) => [`X-${index}`, 'a'.repeat(150)])),
  ),
  get('parameters', {}, `${list}?${filled(4000, 'a=b&')}`),
  get('a name of escapes', {}, `${list}?q=${'%D0%BE'.repeat(600)}`),
  get('a sort of many keys', {}, `${list}?sort=${filled(4000, 'name,')}`),
  get('a cursor', {}, `${list}?cursor=${'A'.repeat(4000)}`),
  get('ids', {}, `/v1/operators?organizations=${filled(4000, '1,')}1`),
]
