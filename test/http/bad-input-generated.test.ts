import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { endpoints } from '../../src/contract/endpoints.ts'
import { type Ask, startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong, newSeed } from '../support/long.ts'

// Every answer is held against the OpenAPI document by `ask`: status, media type, schema, problem document, headers.

const runs = isLong ? 250_000 : 1000
const seed = newSeed('bad input')

let gateway: TestGateway
beforeAll(async () => {
  // Whatever the generator hits upon may be a real request: it is answered by ChatHub, and so it may change things there.
  gateway = await startGateway({ env: { WRITE_DEADLINE_MS: '2000', SESSION_SECRET: 's'.repeat(40) } })
})
afterAll(() => gateway.close())

const operations = Object.values(endpoints).map(({ method, path }) => ({
  method: method.toUpperCase(),
  path,
}))
const methods = ['GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'HEAD', 'OPTIONS', 'TRACE']
const oddText = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '24',
    '101',
    '-1',
    '1e3',
    'NaN',
    'null',
    '__proto__',
    '..',
    '%',
    '%00',
    "'",
    '*',
    'x:y',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.nat().map(String),
)
const segment = oddText.map((text) => {
  const kept = text.toWellFormed()
  return encodeURIComponent(kept) || '%20'
})
/** Mostly an operation of the document; at times another method of its path, at times a path that is none. */
const operation = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(...operations) },
  {
    weight: 1,
    arbitrary: fc.record({
      method: fc.constantFrom(...methods),
      path: fc.constantFrom(...operations.map(({ path }) => path)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      method: fc.constantFrom(...methods),
      path: fc.array(segment, { maxLength: 5 }).map((parts) => `/${parts.join('/')}`),
    }),
  },
)
const known = [
  'q',
  'status',
  'name',
  'sort',
  'limit',
  'cursor',
  'fields',
  'ids',
  'organizations',
  'organizationId',
]
const query = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...known), oddText), oddText), { maxLength: 3 })
  .map((pairs) =>
    pairs.map((pair) => pair.map((text) => encodeURIComponent(text.toWellFormed())).join('=')).join('&'),
  )
const fields =
  'operators name ids id status organization organizationId token expiresIn expiresAt chatId strategy exclude onDuplicate login password scopes origin ticket'.split(
    ' ',
  )
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 24, 101, 'active', 'skip', 'roundRobin', '2030-01-01T00:00:00Z'),
    fc.integer(),
    fc.double(),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string({ maxLength: 5 })), tie('any'), {
      maxKeys: 4,
    }),
  ),
})).any
/** Nearly what an endpoint takes, so that a few are taken. */
const nearly = fc.constantFrom<unknown>(
  { operators: [{ name: 'A' }] },
  { operators: [{ name: 'A' }, { name: '' }], dryRun: true },
  { ids: [101, 102], status: 'active' },
  { status: 'inactive' },
  { expiresIn: 60 },
  { token: 'abcdefgh' },
  { chatId: 7, strategy: 'modulo' },
  { organization: 24 },
  { id: 101, status: 0 },
  [{ organizationId: 24, name: 'A' }],
  { login: 'all', password: 'x'.repeat(40) },
  { organizations: [24], scopes: [], origin: 'https://a.example' },
)
const body = fc.oneof(
  fc.constant(undefined),
  nearly.map((made) => JSON.stringify(made)),
  value.map((made) => JSON.stringify(made)),
  value.map((made) => JSON.stringify(made).slice(0, -1)),
  fc.string({ unit: 'binary', maxLength: 60 }),
)
// What a header may carry at all: visible ASCII, spaces between.
const headerText = fc.string({ maxLength: 20 }).map((text) => text.replace(/[^\x20-\x7e]/g, '').trim())
const orOdd = (...usual: string[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...usual) }, headerText)
const headers = fc.record(
  {
    'Content-Type': orOdd(
      'application/json',
      'application/json',
      'text/csv',
      'application/json; charset=utf-16',
    ),
    Accept: orOdd('*/*', 'application/json', 'text/html', 'text/csv'),
    'Accept-Encoding': orOdd('identity'),
    'Idempotency-Key': headerText,
    'If-None-Match': orOdd('*'),
    'Cache-Control': orOdd('no-cache'),
    'X-Request-Id': headerText,
    Origin: orOdd('null'),
    Cookie: headerText,
    Range: headerText,
    'X-Forwarded-For': headerText,
  },
  { requiredKeys: [] },
)
const request = fc.record({
  operation,
  parts: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom('24', '101', '6') }, segment), {
    minLength: 2,
    maxLength: 2,
  }),
  query: fc.oneof({ weight: 4, arbitrary: fc.constant('') }, query),
  headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, headers),
  body,
  /** A body also where none is taken. */
  odd: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
})

describe('a generated request', () => {
  it(`is answered as the OpenAPI document says, and never with a fault of ours (${runs} requests)`, async () => {
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(request, async (made) => {
        let place = 0
        const { method, path } = made.operation
        const url = path.replace(/\{\w+\}/g, () => made.parts[place++ % 2] as string)
        const type = path.endsWith('/imports') ? 'text/csv' : 'application/json'
        const options: Ask = {
          headers: {
            ...(made.body !== undefined && { 'Content-Type': type }),
            ...(made.headers as Record<string, string>),
          },
        }
        const takesBody = !['GET', 'HEAD', 'DELETE'].includes(method) || made.odd
        if (made.body !== undefined && takesBody) options.body = made.body
        const answer = await gateway.ask(method, made.query ? `${url}?${made.query}` : url, options)
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
        expect(answer.status).toBeLessThan(500)
      }),
      { numRuns: runs, seed },
    )
    process.stderr.write(`  answers: ${JSON.stringify(Object.fromEntries([...seen].toSorted()))}\n`)
    // A generator that is refused at the first step tests nothing.
    for (const status of [200, 400, 404, 405, 422])
      expect([status, seen.get(status) ?? 0]).not.toEqual([status, 0])
    expect(gateway.logged()).not.toContain('internal error')
  }, 3_600_000)
})

describe('a generated answer of ChatHub', () => {
  const wireRow = fc.record(
    {
      id: fc.oneof(
        fc.integer(),
        fc.double(),
        fc.string({ maxLength: 4 }),
        fc.constant(null),
        fc.constantFrom(101, 102, '103'),
      ),
      name: fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constant(null), fc.integer()),
      status: fc.oneof(fc.integer(), fc.constantFrom(0, 1, 2, '0', null, 1.5)),
      organization: fc.oneof(
        fc.constantFrom(null, { id: 24, name: 'A' }, { id: 6, name: 'B' }, { id: '24' }),
        value,
      ),
    },
    { requiredKeys: [] },
  )
  const answer = fc.oneof(
    fc.array(wireRow, { maxLength: 6 }).map((rows) => JSON.stringify(rows)),
    value.map((made) => JSON.stringify(made)),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )
  const reads = [
    '/v1/organizations/24/operators',
    '/v1/organizations',
    '/v1/organizations/24',
    '/api/operator?organizationId=24',
    '/v1/operators/101',
    '/v1/statistics',
  ]
  const asks = fc.constantFrom<[string, string, unknown?]>(
    ...reads.map((each): [string, string] => ['GET', each]),
    ['POST', '/v1/organizations/24/operators/101/tokens', { expiresIn: 60 }],
    ['POST', '/v1/tokens:validate', { token: 'abcdefgh' }],
  )

  it('never causes an internal error: a usable answer is used, any other gives 502 or 503', async () => {
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(
        asks,
        answer,
        fc.constantFrom(200, 200, 200, 201, 400, 404, 500),
        async ([method, url, sent], text, status) => {
          gateway.simulator.clearFaults()
          // Nonsense may say that there are no organizations; then whatever is asked next is not found.
          await gateway.ask('GET', '/v1/organizations', { headers: { 'Cache-Control': 'no-cache' } })
          for (const route of ['list', 'organizations', 'operator-token', 'validate'] as const)
            gateway.simulator.fault({ route, mode: 'raw', body: text.toWellFormed(), status })
          const given = await gateway.ask(method, url, {
            headers: { 'Cache-Control': 'no-cache' },
            ...(sent !== undefined && { body: sent }),
          })
          seen.set(given.status, (seen.get(given.status) ?? 0) + 1)
          expect(given.status).not.toBe(500)
        },
      ),
      { numRuns: Math.ceil(runs / 5), seed },
    )
    gateway.simulator.clearFaults()
    process.stderr.write(
      `  answers to nonsense: ${JSON.stringify(Object.fromEntries([...seen].toSorted()))}\n`,
    )
    expect(seen.get(502) ?? 0).toBeGreaterThan(0)
    expect(seen.get(200) ?? 0).toBeGreaterThan(0)
    expect(gateway.logged()).not.toContain('internal error')
  }, 3_600_000)
})
