import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Ask, startGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from './raw-bytes.ts'

// Groups B1–B41 of the bad-input matrix: ids, paths and queries. What is refused reaches nobody and leaves nothing.

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
  await gateway.ask('GET', '/v1/organizations/24/operators')
})
afterAll(() => gateway.close())
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

const refused = async (method: string, path: string, options: Ask = {}) => {
  const { status, body, text } = await gateway.ask(method, path, options)
  return {
    answer: [status, body.code],
    errors: (body.errors ?? []).map(({ pointer, code }: { pointer: string; code: string }) => [
      pointer,
      code,
    ]),
    // Its id is random, and may look like anything.
    text: text.replaceAll(body.requestId, ''),
  }
}

const ids: [row: string, text: string][] = [
  ['B1 zero', '0'],
  ['B2 below zero', '-1'],
  ['B3 a fraction', '1.5'],
  ['B4 an exponent', '1e3'],
  ['B5 hexadecimal', '0x18'],
  ['B6 a sign', '%2B24'],
  ['B7 a leading zero', '024'],
  ['B8 spaces around', '%2024%20'],
  ['B10 NaN', 'NaN'],
  ['B11 above 32 bits', '2147483648'],
  ['B12 above 53 bits', '9007199254740993'],
  ['B13 a thousand digits', '9'.repeat(1000)],
  ['B14 other digits', encodeURIComponent('٢٤')],
  ['B14 digits of full width', encodeURIComponent('２４')],
  ['B15 a NUL', '24%00'],
  ['B16 the end of a line', '24%0d%0aX:1'],
  ['B17 a command', '24;drop'],
  ['B24 a slash', '2%2F4'],
  ['B25 the way up', '..%2f..'],
  ['B29 a dot behind', '24.'],
]

describe.each(ids)('%s', (_row, text) => {
  it.each([
    ['GET', `/v1/organizations/${text}`, '/path/org'],
    ['GET', `/v1/organizations/${text}/operators`, '/path/org'],
    ['DELETE', `/v1/organizations/24/operators/${text}`, '/path/operator'],
    ['GET', `/v1/operators/${text}`, '/path/operator'],
    ['GET', `/api/operator?organizationId=${text}`, '/query/organizationId'],
  ])('%s %s is not a valid id', async (method, path, pointer) => {
    const { answer, errors } = await refused(method, path)
    expect(answer).toEqual([400, 'request.invalid'])
    expect(errors).toEqual([[pointer, 'integer']])
  })

  it('is not valid in a list either', async () => {
    for (const [path, pointer] of [
      [`/v1/organizations?ids=24,${text}`, '/query/ids'],
      [`/v1/operators?organizations=${text},6`, '/query/organizations'],
    ] as const)
      expect(await refused('GET', path)).toMatchObject({
        answer: [400, 'request.invalid'],
        errors: [[pointer, 'list']],
      })
  })
})

describe('B9 an empty id', () => {
  it.each([
    ['/api/operator?organizationId=', [['/query/organizationId', 'integer']]],
    ['/api/operator', [['/query/organizationId', 'required']]],
    ['/v1/organizations?ids=', [['/query/ids', 'list']]],
    ['/v1/organizations?ids=24,', [['/query/ids', 'list']]],
  ])('%s', async (path, errors) => {
    expect(await refused('GET', path)).toMatchObject({ answer: [400, 'request.invalid'], errors })
  })
})

describe('ids in a body', () => {
  const fields: [string, string, (id: string) => string, string][] = [
    ['POST', '/v1/cache:purge', (id) => `{"organization":${id}}`, '/organization'],
    [
      'POST',
      '/v1/organizations/24/operators:setStatus',
      (id) => `{"ids":[101,${id}],"status":"active"}`,
      '/ids/1',
    ],
    ['POST', '/v1/organizations/24/assignments', (id) => `{"chatId":1,"exclude":[${id}]}`, '/exclude/0'],
  ]
  const headers = { 'Content-Type': 'application/json' }
  it.each<[string, string, string]>([
    ['B18 as text', '"24"', 'type'],
    ['B20 beyond every number', '1e400', 'type'],
    ['B21 true', 'true', 'type'],
    ['B22 in a list', '[24]', 'type'],
    ['B23 null', 'null', 'type'],
    ['B3 a fraction', '1.5', 'type'],
    ['B1 zero', '0', 'range'],
    ['B2 below zero', '-1', 'range'],
    ['B11 above 32 bits', '2147483648', 'range'],
    ['B12 above 53 bits', '9007199254740993', 'range'],
  ])('%s', async (_row, id, code) => {
    for (const [method, path, body, pointer] of fields) {
      const seen = await refused(method, path, { body: body(id), headers })
      expect([path, seen.answer]).toEqual([path, [422, 'request.invalid-body']])
      expect(seen.errors.map(([at]: [string]) => at)).toContain(pointer)
      expect(seen.errors.map(([, fault]: [string, string]) => fault)).toContain(code)
    }
    const wire = { body: `[{"organizationId":${id},"name":"A"}]`, headers }
    expect((await refused('POST', '/api/operator/synchronize', wire)).answer).toEqual([
      400,
      'request.invalid',
    ])
    const status = { body: `{"id":${id},"status":0}`, headers }
    expect((await refused('POST', '/api/operator/status', status)).answer).toEqual([400, 'request.invalid'])
  })
})

describe('paths', () => {
  it.each<[string, string, number, string]>([
    ['B26 %zz', '/v1/organizations/%zz', 400, 'request.malformed'],
    ['B26 half an escape', '/v1/organizations/24%2', 400, 'request.malformed'],
    ['B27 an overlong slash', '/v1/organizations/%c0%af', 400, 'request.malformed'],
    ['B27 half a character', '/v1/organizations/%e2%82', 400, 'request.malformed'],
    ['B28 two slashes', '//v1//organizations', 404, 'route.unknown'],
    ['B28 a slash behind', '/v1/organizations/', 404, 'route.unknown'],
    ['B28 dots', '/v1/./organizations', 404, 'route.unknown'],
    ['B28 the way up', '/v1/x/../organizations', 404, 'route.unknown'],
    ['B29 a dot', '/v1/organizations.', 404, 'route.unknown'],
    ['B29 a backslash', '/v1\\organizations', 404, 'route.unknown'],
    ['B29 a semicolon', '/v1/organizations;x=1', 404, 'route.unknown'],
    ['B25 the way up, encoded', '/v1/..%2f..%2fetc/passwd', 404, 'route.unknown'],
    ['B15 a NUL', '/v1/organizations%00', 404, 'route.unknown'],
    ['B30 a URL of 5 kB', `/v1/organizations?q=${'a'.repeat(5000)}`, 414, 'request.uri-too-long'],
  ])('%s', async (_row, path, status, code) => {
    // As it stands: clients would tidy it up.
    const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.key}\r\nConnection: close\r\n\r\n`
    const { statuses, problem, text } = await sendRaw(gateway, [head])
    expect([statuses, problem.code]).toEqual([[status], code])
    expect(text).not.toMatch(/passwd|%|\\\\organizations|\/v1\/\//)
  })

  it.each(['PUT', 'TRACE', 'OPTIONS', 'PROPFIND', 'PURGE'])(
    'B34 the method %s is not allowed',
    async (method) => {
      const { status, headers } = await gateway.ask(method, '/v1/organizations')
      expect([status, headers['allow']]).toEqual([405, 'GET, HEAD'])
    },
  )
})

describe('queries', () => {
  const list = '/v1/organizations/24/operators'
  it.each<[string, string, [string, string][]]>([
    ['B36 given twice', '?limit=1&limit=2', [['/query/limit', 'repeated']]],
    ['B36 given twice, once encoded', '?limit=1&l%69mit=2', [['/query/limit', 'repeated']]],
    ['B37 in brackets', '?status[]=active', [['/query/status[]', 'unknown']]],
    ['B38 __proto__', '?a[__proto__]=x', [['/query/a[__proto__]', 'unknown']]],
    ['B38 __proto__ itself', '?__proto__=x', [['/query/__proto__', 'unknown']]],
    ['B38 constructor', '?constructor=x', [['/query/constructor', 'unknown']]],
    ['B39 unknown', '?statuss=active', [['/query/statuss', 'unknown']]],
    ['B39 another case', '?Status=active', [['/query/Status', 'unknown']]],
    ['B39 a name to be escaped', '?a/b~c=1', [['/query/a~1b~0c', 'unknown']]],
    ['B41 none of these', '?status=active,gone', [['/query/status', 'list']]],
    ['B41 none of these, repeated', '?status=active&status=gone', [['/query/status', 'list']]],
    ['B41 nothing in a repeated one', '?status=active&status=', [['/query/status', 'list']]],
    ['B41 nothing between', '?status=active,,deleted', [['/query/status', 'list']]],
    ['a limit of zero', '?limit=0', [['/query/limit', 'integer']]],
    ['a limit too high', '?limit=1001', [['/query/limit', 'integer']]],
    ['a limit that is none', '?limit=1e2', [['/query/limit', 'integer']]],
    ['an order that is none', '?sort=-', [['/query/sort', 'list']]],
    ['fields that are none', '?fields=id,password', [['/query/fields', 'list']]],
    ['broken percent-encoding', '?q=%zz', [['/query/q', 'encoding']]],
    ['broken percent-encoding of a name', '?%zz=q', [['/query', 'encoding']]],
    ['bytes that are no UTF-8', '?q=%ff', [['/query/q', 'encoding']]],
    ['a name that is too long to repeat', `?${'a'.repeat(65)}=1`, [['/query', 'unknown']]],
    [
      'broken, repeated and wrong, together',
      '?limit=0&limit=%zz&q=%ff&cursor=x&cursor=y&fields=name&fields=id',
      [
        ['/query/cursor', 'repeated'],
        ['/query/limit', 'encoding'],
        ['/query/q', 'encoding'],
      ],
    ],
    ['too long to look for', `?q=${'a'.repeat(401)}`, [['/query/q', 'range']]],
    [
      'all of it at once',
      '?limit=0&sort=x&status=y&extra=1',
      [
        ['/query/extra', 'unknown'],
        ['/query/limit', 'integer'],
        ['/query/sort', 'list'],
        ['/query/status', 'list'],
      ],
    ],
  ])('%s', async (_row, query, errors) => {
    const seen = await refused('GET', list + query)
    expect(seen.answer).toEqual([400, 'request.invalid'])
    expect(seen.errors.toSorted()).toEqual(errors)
    expect(seen.text).not.toMatch(/gone|password|aaaa|1001/)
  })

  it('B40 1001 parameters', async () => {
    const seen = await refused('GET', `${list}?${Array.from({ length: 1001 }, () => 'a').join('&')}`)
    expect([seen.answer, seen.errors]).toEqual([[400, 'request.invalid'], [['/query', 'length']]])
    const many = `?${'&a='.repeat(101)}`
    expect((await refused('GET', list + many, { key: '' })).answer).toEqual([401, 'credential.missing'])
    expect((await refused('GET', `/api/operator${many}`)).errors).toEqual([['/query', 'length']])
  })

  it('an empty part between or after parameters is ignored', async () => {
    for (const query of ['?limit=1&', '?&limit=1', '?limit=1&&sort=id', '?', '?&'])
      expect([query, (await gateway.ask('GET', list + query)).status]).toEqual([query, 200])
  })

  it('are reported together with the faults of the path', async () => {
    const seen = await refused('GET', '/v1/organizations/0/operators?limit=0&limt=1')
    expect([seen.answer, seen.errors]).toEqual([
      [400, 'request.invalid'],
      [
        ['/path/org', 'integer'],
        ['/query/limit', 'integer'],
        ['/query/limt', 'unknown'],
      ],
    ])
  })

  it('where the endpoint takes none', async () => {
    for (const path of ['/v1/me', '/v1/statistics', '/v1/organizations/24', '/livez'])
      expect(await refused('GET', `${path}?verbose=1`)).toMatchObject({
        answer: [400, 'request.invalid'],
        errors: [['/query/verbose', 'unknown']],
      })
  })

  it('a cursor that the gateway did not make', async () => {
    for (const cursor of ['x', '-1', 'eyJhIjoxfQ', encodeURIComponent('\u0000'), 'a'.repeat(1001)])
      expect((await refused('GET', `${list}?limit=1&cursor=${cursor}`)).answer).toEqual([
        400,
        'request.invalid',
      ])
  })

  it('an invalid cursor, before the list is looked up; and the cursor of another list', async () => {
    const nowhere = '/v1/organizations/777777/operators'
    expect(await refused('GET', `${nowhere}?limit=1&cursor=abc&sort=x`)).toMatchObject({
      answer: [400, 'request.invalid'],
      errors: [
        ['/query/sort', 'list'],
        ['/query/cursor', 'cursor'],
      ],
    })
    const { nextCursor } = (await gateway.ask('GET', `${list}?limit=1&sort=name`)).body
    expect((await gateway.ask('GET', `${list}?limit=1&sort=name&cursor=${nextCursor}`)).status).toBe(200)
    for (const sort of ['', '&sort=-name'])
      expect(await refused('GET', `${list}?limit=1&cursor=${nextCursor}${sort}`)).toMatchObject({
        answer: [400, 'request.invalid'],
        errors: [['/query/cursor', 'cursor']],
      })
  })

  it('B35 headers and parameters that would override the method are ignored; B41 a list of statuses is accepted', async () => {
    const headers = { 'X-HTTP-Method-Override': 'DELETE', 'X-Method-Override': 'DELETE' }
    expect((await gateway.ask('GET', `${list}?status=active,deleted`, { headers })).status).toBe(200)
  })
})
