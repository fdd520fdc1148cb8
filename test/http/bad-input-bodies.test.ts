import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Ask, startGateway, type TestGateway } from '../support/gateway.ts'
import { raw } from './raw.ts'
import { sendRaw } from './raw-bytes.ts'

// Groups B42–B79, B83–B87 of the bad-input matrix: names, JSON, headers.

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
  await gateway.ask('GET', '/v1/organizations/24/operators')
})
afterAll(() => gateway.close())

const path = '/v1/organizations/24/operators'
const json = { 'Content-Type': 'application/json' }
const post = (body: Ask['body'], headers: Record<string, string> = json) =>
  gateway.ask('POST', path, { body, headers })
const faultsOf = (body: { errors?: { pointer: string; code: string }[] }) =>
  (body.errors ?? []).map(({ pointer, code }) => [pointer, code])

describe('what is refused', () => {
  let before: unknown
  const held = async () => {
    const { lists, bytes } = (await gateway.ask('GET', '/v1/upstream')).body.cache
    return [lists, bytes, gateway.simulator.operators()]
  }
  beforeEach(async () => {
    gateway.simulator.clearArrivals()
    before = await held()
  })
  afterEach(async () => {
    expect(gateway.simulator.arrivals()).toEqual([])
    expect(await held()).toEqual(before)
  })

  const nobody: [row: string, name: string, code: string][] = [
    ['B43 101 units', 'a'.repeat(101), 'length'],
    ['B43 101 units of 102 before they are composed', `${'e\u0301'.repeat(101)}`, 'length'],
    ['B44 51 emoji', '🎧'.repeat(51), 'length'],
    ['B45 nothing', '', 'blank'],
    ['B45 spaces', '   ', 'blank'],
    ['B46 spaces that do not break', '\u00a0\u202f', 'blank'],
    ['B46 spaces of no width', '\u200b\u2060\ufeff', 'blank'],
    ['B47 a NUL', 'a\u0000b', 'chars'],
    ['B48 a control character', 'a\u001bb', 'chars'],
    ['B48 DEL', 'a\u007fb', 'chars'],
    ['B48 a control character of the upper half', 'a\u0085b', 'chars'],
    ['B49 a tab', 'a\tb', 'chars'],
    ['B49 the end of a line', 'a\r\nb', 'chars'],
    ['B51 an override', 'a\u202eb', 'chars'],
    ['B51 another', 'a\u202ab', 'chars'],
    ['B51 an isolate', 'a\u2066b', 'chars'],
    ['B51 its end', 'a\u2069b', 'chars'],
    ['B52 half a character', 'a\ud800b', 'chars'],
    ['B52 the other half', '\udc00', 'chars'],
  ]
  it.each(nobody)('%s is not a valid name', async (_row, name, code) => {
    const { status, body } = await post({ operators: [{ name: 'Fine' }, { name }] })
    expect([status, body.code, faultsOf(body)]).toEqual([
      422,
      'request.invalid-body',
      [['/operators/1/name', code]],
    ])
    expect(JSON.stringify(body.errors)).not.toMatch(/aaaa|🎧|Fine/u)
    const wire = { body: JSON.stringify([{ organizationId: 24, name }]), headers: json }
    const dropIn = await gateway.ask('POST', '/api/operator/synchronize', wire)
    expect([dropIn.status, faultsOf(dropIn.body)]).toEqual([400, [['/0/name', code]]])
  })

  it('B59 a name that is not text; every fault is reported at once, each with its place', async () => {
    const { status, body } = await post({
      operators: [{ name: {} }, { name: [] }, { name: 1 }, { name: null }, {}, 'A', { name: 'a\tb', age: 1 }],
      onDuplicate: 'maybe',
      extra: 1,
    })
    expect(status).toBe(422)
    expect(faultsOf(body).toSorted()).toEqual(
      [
        ['/operators/0/name', 'type'],
        ['/operators/1/name', 'type'],
        ['/operators/2/name', 'type'],
        ['/operators/3/name', 'type'],
        ['/operators/4/name', 'required'],
        ['/operators/5', 'type'],
        ['/operators/6/name', 'chars'],
        ['/operators/6/age', 'unknown'],
        ['/onDuplicate', 'value'],
        ['/extra', 'unknown'],
      ].toSorted(),
    )
  })

  const good = '{"operators":[{"name":"Nobody"}]}'
  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
  it.each<[string, string, number, string | undefined]>([
    ['B60 nothing', '', 400, 'empty'],
    ['B61 cut short', good.slice(0, -3), 400, 'syntax'],
    ['B62 a comma behind', '{"operators":[{"name":"Nobody"},]}', 400, 'syntax'],
    ['B62 a comment', `/* */${good}`, 400, 'syntax'],
    ['B62 two values', `${good}${good}`, 400, 'syntax'],
    ['B62 a byte order mark before a value, which is dropped', '\ufeffnull', 422, 'type'],
    ['B62 two byte order marks', '\ufeff\ufeffnull', 400, 'syntax'],
    ['B62 a byte order mark within', `{"operators":\ufeff[]}`, 400, 'syntax'],
    ['B63 a text', '"operators"', 422, 'type'],
    ['B63 null', 'null', 422, 'type'],
    ['B63 a list', '[]', 422, 'type'],
    ['B64 a key twice', '{"operators":[],"operators":[{"name":"Nobody"}]}', 400, 'duplicate-key'],
    ['B64 a key twice, once escaped', '{"operators":[],"\\u006fperators":[]}', 400, 'duplicate-key'],
    ['B65 __proto__', '{"__proto__":{"dryRun":true},"operators":[{"name":"Nobody"}]}', 400, 'key'],
    ['B65 constructor', '{"constructor":{},"operators":[{"name":"Nobody"}]}', 422, 'unknown'],
    ['B65 prototype', '{"prototype":{},"operators":[{"name":"Nobody"}]}', 422, 'unknown'],
    ['B68 17 levels', deep(17), 400, 'depth'],
    ['B68 40,000 levels', deep(40_000), 400, 'depth'],
    ['B68 40,000 levels never closed', '[{"a":'.repeat(40_000), 400, 'depth'],
    ['B69 an unknown field', '{"operators":[{"name":"Nobody"}],"dryrun":true}', 422, 'unknown'],
    ['B74 nobody', '{"operators":[]}', 422, 'range'],
    [
      'B75 an organization of its own',
      '{"operators":[{"name":"Nobody","organizationId":6}]}',
      422,
      'unknown',
    ],
    ['a number with a leading zero', '{"operators":[],"x":01}', 400, 'syntax'],
    ['NaN', '{"operators":NaN}', 400, 'syntax'],
  ])('%s', async (_row, text, status, code) => {
    const answer = await post(text)
    expect([answer.status, answer.body.code]).toEqual([
      status,
      status === 400 ? 'request.malformed' : 'request.invalid-body',
    ])
    expect(answer.body.errors.map((fault: { code: string }) => fault.code)).toContain(code)
    expect(answer.text).not.toContain('Nobody')
  })

  it.each<[string, Buffer, Record<string, string>, number]>([
    ['B66 bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), json, 400],
    ['B66 half a character', Buffer.from([0x22, 0xe2, 0x82, 0x22]), json, 400],
    ['B66 a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), json, 400],
    ['B67 UTF-16 that says nothing', Buffer.from(good, 'utf16le'), json, 400],
    [
      'B67 UTF-16 that says so',
      Buffer.from(good, 'utf16le'),
      { 'Content-Type': 'application/json; charset=utf-16' },
      415,
    ],
    [
      'B67 Latin 1 that says so',
      Buffer.from(good, 'latin1'),
      { 'Content-Type': 'application/json; charset=iso-8859-1' },
      415,
    ],
    ['B79 gzip twice', gzipSync(gzipSync(good)), { ...json, 'Content-Encoding': 'gzip, gzip' }, 415],
    ['B79 no gzip', Buffer.from(good), { ...json, 'Content-Encoding': 'gzip' }, 400],
    ['B79 deflate', deflateSync(good), { ...json, 'Content-Encoding': 'deflate' }, 415],
    ['B79 br', brotliCompressSync(good), { ...json, 'Content-Encoding': 'br' }, 415],
    ['B79 a bomb', gzipSync(Buffer.alloc(64 * 1024 * 1024)), { ...json, 'Content-Encoding': 'gzip' }, 413],
    ['B72 a byte too many', Buffer.from(good.padEnd(1024 * 1024 + 1)), json, 413],
    ['B73 a number of 3 MB', Buffer.from(`{"operators":${'9'.repeat(3_000_000)}}`), json, 413],
  ])('%s', async (_row, body, headers, status) => {
    // A 413 or 415 ends its connection; a 400 does when it is asked to.
    const fields = { Host: 'x', 'X-API-Key': gateway.key, 'Transfer-Encoding': 'chunked', ...headers }
    const ending = status === 400 ? ['Connection: close'] : []
    const head = [...Object.entries(fields).map((pair) => pair.join(': ')), ...ending].join('\r\n')
    const answer = await sendRaw(gateway, [
      `POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${body.length.toString(16)}\r\n`,
      body,
      '\r\n0\r\n\r\n',
    ])
    expect(answer.statuses).toEqual([status])
    expect(answer.text).toMatch(/^connection: close\r$/im)
  })

  it('B70 1,001 entries', async () => {
    const { status, body } = await post({ operators: Array.from({ length: 1001 }, () => ({ name: 'A' })) })
    expect([status, faultsOf(body)]).toEqual([422, [['/operators', 'range']]])
  })

  it('B71 100,000 empty entries: the answer is smaller than the request', async () => {
    const request = `{"operators":[${'{},'.repeat(100_000).slice(0, -1)}]}`
    const { status, text } = await post(request)
    expect(status).toBe(422)
    expect(text.length).toBeLessThan(1000)
  })

  it.each<[string, Record<string, string>, number, string]>([
    ['B76 no type', { 'Content-Type': '' }, 415, 'body.type'],
    ['B77 text', { 'Content-Type': 'text/plain' }, 415, 'body.type'],
    ['B77 a form', { 'Content-Type': 'application/x-www-form-urlencoded' }, 415, 'body.type'],
    ['B77 parts', { 'Content-Type': 'multipart/form-data; boundary=x' }, 415, 'body.type'],
    ['B78 a page wanted', { ...json, Accept: 'text/html' }, 406, 'request.not-acceptable'],
    ['B78 nothing wanted', { ...json, Accept: 'application/json;q=0' }, 406, 'request.not-acceptable'],
    ['B84 an empty Idempotency-Key', { ...json, 'Idempotency-Key': '' }, 400, 'request.invalid'],
    ['B84 one of 256', { ...json, 'Idempotency-Key': 'k'.repeat(256) }, 400, 'request.invalid'],
    ['B84 one with a space', { ...json, 'Idempotency-Key': 'a b' }, 400, 'request.invalid'],
    ['B84 one beyond ASCII', { ...json, 'Idempotency-Key': '\u00e9' }, 400, 'request.invalid'],
  ])('%s', async (_row, headers, status, code) => {
    const answer = await raw(gateway, path, { method: 'POST', headers, body: good })
    expect([answer.status, JSON.parse(answer.body.toString()).code]).toEqual([status, code])
  })

  it('B84 two Idempotency-Keys', async () => {
    const headers = { ...json, 'Idempotency-Key': ['one', 'two'] } as unknown as Record<string, string>
    expect((await raw(gateway, path, { method: 'POST', headers, body: good })).status).toBe(400)
  })

  it('B84 no Idempotency-Key where duplicates are allowed', async () => {
    const { status, body } = await post({ operators: [{ name: 'Twin' }], onDuplicate: 'allow' })
    expect([status, body.code]).toEqual([400, 'idempotency.required'])
  })

  it('B87 a body where the endpoint takes none', async () => {
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      const at = method === 'DELETE' ? `${path}/101` : path
      for (const headers of [{ 'Content-Length': '7' }, { 'Transfer-Encoding': 'chunked' }])
        expect((await raw(gateway, at, { method, body: '{"a":1}', headers: headers as never })).status).toBe(
          400,
        )
    }
  })
})

describe('what is accepted', () => {
  const somebody: [row: string, name: string][] = [
    ['B42 100 units', 'b'.repeat(100)],
    ['B44 50 emoji', '🎧'.repeat(50)],
    ['B50 an end of line that only some know', 'Anna\u2028Müller'],
    ['B53 a noncharacter', 'Anna\ufffe'],
    ['B55 forty marks on one letter', `Z${'\u0335'.repeat(40)}algo`],
    ['B56 a family', '👩‍👩‍👧‍👦 Коваль'],
    ['B56 Arabic', 'محمد علي'],
    ['B56 Hebrew', 'דוד כהן'],
    ['B56 Chinese', '王小明'],
    ['B56 Cyrillic', 'Олена Шевченко'],
    ['B56 an apostrophe', "Siobhán O'Neil"],
    ['B56 Polish', 'Łukasz Żółć'],
    ['B57 markup', '<script>alert(1)</script>'],
    ['B57 a template', '{{7*7}} #{7*7}'],
    ['B57 a link', 'javascript:alert(1)'],
    ['B58 a formula', '=SUM(A1:A9)'],
    ['B58 another', '@cmd'],
    ['B58 a sum', '+1-1'],
    ['quotes and backslashes', `"a\\"b' -- ; DROP TABLE`],
    ['a key of every object', '__proto__'],
  ]
  it.each(somebody)('%s is returned unchanged', async (_row, name) => {
    const added = await post({ operators: [{ name }] })
    expect([added.status, added.body.results[0].name]).toEqual([201, name])
    const { id } = added.body.results[0]
    const { body, headers } = await gateway.ask('GET', `${path}/${id}`)
    expect(body.name).toBe(name)
    expect(headers['x-content-type-options']).toBe('nosniff')
    const found = await gateway.ask('GET', `${path}?name=${encodeURIComponent(name)}`)
    expect(found.body.items.map((one: { id: number }) => one.id)).toEqual([id])
    const again = await post({ operators: [{ name: ` ${name} ` }] })
    expect([again.status, again.body.results[0]]).toEqual([200, { index: 0, name, outcome: 'exists', id }])
  })

  it('B54 a decomposed name is composed and is the same operator', async () => {
    const added = await post({ operators: [{ name: 'Rene\u0301' }, { name: 'Ren\u00e9' }] })
    expect(added.body.results.map(({ name }: { name: string }) => name)).toEqual(['Ren\u00e9', 'Ren\u00e9'])
    expect([added.body.created, added.body.exists]).toEqual([1, 1])
  })

  it('B19 an integer written with a zero fraction', async () => {
    const answer = await gateway.ask('POST', '/v1/cache:purge', {
      body: '{"organization":24.0}',
      headers: json,
    })
    expect(answer.status).toBe(204)
  })

  it('B83 an invalid request id is replaced', async () => {
    for (const given of ['short', 'x'.repeat(65), 'with space in it', 'semi;colon;semi'])
      expect(
        (await gateway.ask('GET', '/v1/me', { headers: { 'X-Request-Id': given } })).headers['x-request-id'],
      ).not.toBe(given)
  })

  it('B86 a Range header is ignored', async () => {
    const { status, text } = await gateway.ask('GET', path, { headers: { Range: 'bytes=0-9' } })
    expect([status, text.length > 100]).toEqual([200, true])
  })
})
