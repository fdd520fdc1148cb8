import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseClients } from '../../src/access/keys.ts'
import { type Endpoint, endpoints } from '../../src/contract/endpoints.ts'
import { floorsText } from '../../src/events/floors-text.ts'
import { check } from '../../src/http/validate.ts'

const zodWords = /\binvalid\b|unrecognized|expected|received|too (small|big)|>=|<=|undefined|NaN/i
const schemas = Object.values<Endpoint>(endpoints).flatMap(({ body, query }) =>
  [body, query].filter((one) => one !== undefined),
)
const keysOf = (schema: unknown): string[] => Object.keys((schema as { shape?: object }).shape ?? {})

describe('messages', () => {
  it('say what is wanted without words of the validator, for any body and query', () => {
    expect(schemas.length).toBeGreaterThan(20)
    for (const schema of schemas) {
      const named = fc.dictionary(fc.constantFrom('other', ...keysOf(schema)), fc.jsonValue({ maxDepth: 2 }))
      fc.assert(
        fc.property(fc.oneof(named, fc.jsonValue({ maxDepth: 1 })), (given) => {
          for (const { detail, code } of check(schema, given, '').faults) {
            expect(detail).not.toMatch(zodWords)
            expect([detail, code]).toEqual([expect.stringMatching(/^[A-Z].*\.$/s), expect.any(String)])
          }
        }),
        { numRuns: 15 },
      )
    }
  })

  it('name what came, the known names and the bounds', () => {
    const detailsOf = (schema: Parameters<typeof check>[0], given: unknown) =>
      check(schema, given, '').faults.map(({ pointer, detail }) => `${pointer} ${detail}`)
    const { addOperators, listOperators } = endpoints
    expect(detailsOf(addOperators.body, { operators: 'Alex', onDuplicate: 1, dryrun: true })).toEqual([
      '/operators Wanted: an array; came: a string.',
      '/onDuplicate Wanted: one of skip, allow, fail; came: a number.',
      '/dryrun Not known here. Wanted: only operators, onDuplicate, onDeleted, dryRun.',
    ])
    expect(detailsOf(addOperators.body, { operators: [] })).toEqual(['/operators Wanted: at least 1 entry.'])
    expect(detailsOf(listOperators.query, { state: 'active' })).toEqual([
      '/state Not known here. Wanted: only status, name, q, sort, limit, cursor, fields.',
    ])
    expect(detailsOf(addOperators.body, [])).toEqual([' Wanted: an object; came: an array.'])
  })

  it('for the file of callers and for settings, too', () => {
    const faultsOf = (file: unknown) => parseClients(JSON.stringify(file), false, 0).faults
    expect(faultsOf([])).toEqual(['/: wanted: an object; came: an array'])
    expect(faultsOf({ clients: { id: 'crm' } })).toEqual(['/clients: wanted: an array; came: an object'])
    const keyHash = `sha256:${'0'.repeat(64)}`
    expect(faultsOf({ clients: [{ id: 7, keyHash, scope: [] }] })).toEqual([
      '/clients/0/id: wanted: a string; came: a number',
      '/clients/0/scope: not known; wanted: only id, keyHash, scopes, organizations, requestsPerMinute, shadowRequestsPerMinute, expiresAt',
    ])
    const { error } = floorsText.safeParse('{"24":{"least":2}}')
    expect(error?.issues[0]?.message).toBe(
      'only floor, forMinutes, zone, hours at 24, in JSON such as {"24":{"floor":2}}',
    )
  })
})
