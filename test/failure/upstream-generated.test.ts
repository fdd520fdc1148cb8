import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { anyText } from '../support/any-text.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong, newSeed } from '../support/long.ts'

// Every answer is held against the OpenAPI document by `ask`.

const runs = isLong ? 50_000 : 200
const seed = newSeed('generated answers of ChatHub')

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

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
    anyText({ maxLength: 12 }),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string({ maxLength: 5 })), tie('any'), {
      maxKeys: 4,
    }),
  ),
})).any
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
      name: fc.oneof(anyText({ maxLength: 8 }), fc.constant(null), fc.integer()),
      status: fc.oneof(fc.integer(), fc.constantFrom(0, 1, 2, '0', null, 1.5)),
      organization: fc.oneof(
        fc.constantFrom(null, { id: 24, name: 'A' }, { id: 6, name: 'B' }, { id: '24' }),
        value,
      ),
    },
    { requiredKeys: [] },
  )
  const usableRow = fc.record({
    id: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    name: anyText({ maxLength: 8 }).map((text) => `Olena ${text}`),
    status: fc.constantFrom(0, 1, 2),
    organization: fc.constantFrom({ id: 24, name: 'A' }, { id: 6, name: 'B' }),
  })
  const answer = fc.oneof(
    fc.array(usableRow, { maxLength: 6 }).map((rows) => JSON.stringify(rows)),
    fc.array(wireRow, { maxLength: 6 }).map((rows) => JSON.stringify(rows)),
    value.map((made) => JSON.stringify(made)),
    anyText({ maxLength: 40 }),
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

  // Whatever the seed makes, there is one usable answer and one that is not.
  const usable = JSON.stringify([{ id: 101, name: 'Olena', status: 0, organization: { id: 24, name: 'A' } }])
  const askedForList = (text: string): [[string, string], string, 200] => [
    ['GET', '/v1/organizations/24/operators'],
    text,
    200,
  ]

  it('never causes an internal error: a usable answer is used, any other gives 502 or 503', async () => {
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(
        asks,
        answer,
        fc.constantFrom(200, 200, 200, 201, 400, 404, 500),
        async ([method, url, sent], text, status) => {
          gateway.simulator.clearFaults()
          // The circuit breaker, which an earlier answer may have opened, lets a request through again.
          gateway.jump(60_000)
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
      { numRuns: runs, seed, examples: [askedForList(usable), askedForList('nonsense')] },
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
