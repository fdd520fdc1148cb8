import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  addedOf,
  codeOf,
  jsonOf,
  operatorsOf,
  organizationsOf,
  statusCode,
  statusOf,
  tokenOf,
  validityOf,
} from '../../src/chathub/wire.ts'
import { isFailure } from '../../src/errors.ts'

const body = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const sales = { id: 6, name: 'Sales' }
const row = (id: number, more: object = {}) => ({
  id,
  name: `P${id}`,
  status: 0,
  organization: sales,
  ...more,
})
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i + 1))
const invalid = expect.objectContaining({ code: 'chathub.invalid-response' })
const outcome = async (parse: () => unknown): Promise<unknown> => {
  try {
    return await parse()
  } catch (error) {
    return error
  }
}

describe('statuses', () => {
  it('are the three documented ones, and every other integer is kept in both directions', () => {
    expect([0, 1, 2].map(statusOf)).toEqual([
      { status: 'active' },
      { status: 'inactive' },
      { status: 'deleted' },
    ])
    expect((['active', 'inactive', 'deleted'] as const).map(statusCode)).toEqual([0, 1, 2])
    fc.assert(
      fc.property(fc.maxSafeInteger(), (code) => {
        const status = statusOf(code)
        expect(codeOf(status)).toBe(code)
        expect(status.status === 'unknown').toBe(code < 0 || code > 2)
      }),
    )
  })
})

describe('a list of operators', () => {
  it('keeps its order, and has the name of the organization in its rows', async () => {
    expect(await operatorsOf(body([row(3), row(1, { status: 2 }), row(2, { status: 7 })]), 6)).toEqual({
      rows: [
        { id: 3, name: 'P3', status: 'active' },
        { id: 1, name: 'P1', status: 'deleted' },
        { id: 2, name: 'P2', status: 'unknown', statusCode: 7 },
      ],
      drift: {},
      unknownFields: {},
      organizationName: 'Sales',
    })
  })

  it('may be empty, without organization, and with unknown fields', async () => {
    const empty = { rows: [], drift: {}, unknownFields: {}, organizationName: undefined }
    expect(await operatorsOf(body([]), 6)).toEqual(empty)
    const bare = [
      { id: 1, name: 'A', status: 0 },
      { id: 2, name: 'B', status: 0, organization: null, avatar: {} },
    ]
    expect((await operatorsOf(body(bare), 6)).rows).toEqual([
      { id: 1, name: 'A', status: 'active' },
      { id: 2, name: 'B', status: 'active' },
    ])
  })

  it('names fields that are not documented with their types, and no value', async () => {
    const more = {
      lastSeen: 'Olena',
      tags: ['Olena'],
      extra: null,
      'Olena Koval': 1,
      toString: true,
      constructor: {},
    }
    const { rows: kept, unknownFields, drift } = await operatorsOf(body([row(1), row(2, more)]), 6)
    expect([kept.length, drift]).toEqual([2, {}])
    const found = { lastSeen: 'string', tags: 'array', extra: 'null', 'another name': 'number' }
    expect(unknownFields).toEqual({ ...found, toString: 'boolean', constructor: 'object' })
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`field${index}`, 1]))
    expect(Object.keys((await operatorsOf(body([row(1, many)]), 6)).unknownFields)).toHaveLength(10)
    expect((await organizationsOf(body([{ id: 6, name: 'Sales', plan: 'free' }]))).unknownFields).toEqual({
      plan: 'string',
    })
  })

  it('may have ids as text, and a byte order mark', async () => {
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body([row(1, { id: '17' })])])
    expect((await operatorsOf(marked, 6)).rows).toEqual([{ id: 17, name: 'P1', status: 'active' }])
  })

  it('keeps names exactly as they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (name) => {
        expect((await operatorsOf(body([row(1, { name })]), 6)).rows[0]?.name).toBe(name)
      }),
    )
  })

  it('has no row of another organization; such rows are counted', async () => {
    const foreign = row(9, { organization: { id: 24, name: 'Support' } })
    expect(await operatorsOf(body([row(1), foreign]), 6)).toMatchObject({
      rows: [{ id: 1 }],
      drift: { 'foreign-row': 1 },
      organizationName: 'Sales',
    })
    expect(await operatorsOf(body([foreign]), 6)).toMatchObject({ rows: [], organizationName: undefined })
  })

  it('has each id once, at the place of its first row with the content of its last; differences are counted', async () => {
    const twins = [row(1), row(2), row(1, { status: 1 }), row(2)]
    expect(await operatorsOf(body(twins), 6)).toMatchObject({
      rows: [
        { id: 1, status: 'inactive' },
        { id: 2, status: 'active' },
      ],
      drift: { 'duplicate-id': 1 },
    })
  })

  it.each([
    ['no id', { id: undefined }],
    ['id 0', { id: 0 }],
    ['an id past 32 bits', { id: 2147483648 }],
    ['a fraction as id', { id: 1.5 }],
    ['an id with a leading zero', { id: '007' }],
    ['no name', { name: null }],
    ['a status in words', { status: 'active' }],
    ['no status', { status: undefined }],
    ['a fraction as status', { status: 0.5 }],
    ['an organization that is none', { organization: 6 }],
  ])('leaves one row with %s out and counts it', async (_, more) => {
    expect(await operatorsOf(body([...rows(3), row(9, more)]), 6)).toMatchObject({
      rows: [{ id: 1 }, { id: 2 }, { id: 3 }],
      drift: { 'bad-row': 1 },
    })
  })

  it('is invalid if more than a tenth of its rows are invalid, or no valid row is left', async () => {
    const bad = { id: 'x' }
    expect((await operatorsOf(body([...rows(27), bad, bad, bad]), 6)).drift).toEqual({ 'bad-row': 3 })
    expect(await outcome(() => operatorsOf(body([...rows(26), bad, bad, bad]), 6))).toEqual(invalid)
    expect(await outcome(() => operatorsOf(body([bad]), 6))).toEqual(invalid)
  })

  it.each([
    ['an object', '{"rows":[]}'],
    ['null', 'null'],
    ['a page of HTML', '<html>'],
    ['half a list', '[{"id":1,'],
    ['nothing', ''],
    ['bytes that are not UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])],
  ])('is invalid if it is %s', async (_, bytes) => {
    expect(await outcome(() => operatorsOf(Buffer.from(bytes), 6))).toEqual(invalid)
  })
})

describe('other answers', () => {
  it('organizations keep their order and have each id once', async () => {
    expect(await organizationsOf(body([sales, { id: 24, name: 'S' }, sales]))).toEqual({
      rows: [sales, { id: 24, name: 'S' }],
      drift: {},
      unknownFields: {},
    })
  })

  it('added operators may share a name, and each counts once', async () => {
    expect((await addedOf(body([row(1), row(2, { name: 'P1' })]))).rows).toHaveLength(2)
    expect((await addedOf(body([row(1), row(1)]))).rows).toHaveLength(1)
  })

  it.each([
    ['a JSON string', '"ct_0123456789"', undefined],
    ['bare text', 'ct_0123456789\r\n', undefined],
    ['an object', '{"token":"ct_0123456789","expiration":"2026-01-02T00:00:00Z"}', Date.UTC(2026, 0, 2)],
    ['an object in data', '{"data":{"token":"ct_0123456789"}}', undefined],
    ['an object with an invalid expiration', '{"token":"ct_0123456789","expiration":"soon"}', undefined],
  ])('a token may be %s', (_, text, expiresAt) => {
    expect(tokenOf(Buffer.from(text))).toEqual({ token: 'ct_0123456789', expiresAt })
  })

  it('a token that is a JWT contains its own expiry', () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const jwt = `${part({ alg: 'none' })}.${part({ exp: 1_800_000_000 })}.c2ln`
    expect(tokenOf(Buffer.from(jwt)).expiresAt).toBe(1_800_000_000_000)
  })

  it.each([
    '""',
    '"short"',
    'null',
    '{}',
    '12345678',
    '"with space inside"',
    '"line\\nbreak-in-it"',
    '<html lang="en">',
  ])('a token is invalid if it is %s', async (text) => {
    expect(await outcome(() => tokenOf(Buffer.from(text)))).toEqual(invalid)
  })

  it('a validity says whether a token is valid, or why it is not', async () => {
    const good = { isValid: true, operatorId: 101, clientId: 1, expiresAt: '2026-01-01T00:00:00Z' }
    expect(validityOf(body(good))).toEqual(good)
    expect(validityOf(body({ isValid: false, error: 'expired' }))).toEqual({
      isValid: false,
      error: 'expired',
    })
    expect(await outcome(() => validityOf(body({ valid: true })))).toEqual(invalid)
  })

  it('only chathub.invalid-response is thrown for any bytes or JSON, and it never quotes them', async () => {
    const parsers = [
      (bytes: Buffer) => operatorsOf(bytes, 6),
      organizationsOf,
      addedOf,
      tokenOf,
      validityOf,
      jsonOf,
    ]
    const rowish = fc.record(
      {
        id: fc.oneof(fc.integer(), fc.string()),
        name: fc.oneof(fc.string(), fc.jsonValue()),
        status: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    const anything = fc.oneof(
      fc.json().map((text) => Buffer.from(text)),
      fc.array(fc.oneof(rowish, fc.jsonValue())).map(body),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.string().map((text) => Buffer.from(text)),
    )
    await fc.assert(
      fc.asyncProperty(
        anything,
        fc.constantFrom<((bytes: Buffer) => unknown)[]>(...parsers),
        async (bytes, parse) => {
          const result = await outcome(() => parse(bytes))
          if (result instanceof Error) expect(isFailure(result, 'chathub.invalid-response')).toBe(true)
        },
      ),
      { numRuns: 1000 },
    )
    const failure = (await outcome(() => jsonOf(Buffer.from('[{"name":"Olena"')))) as Error
    expect(`${failure.stack} ${(failure.cause as Error).stack}`).not.toContain('Olena')
  })
})
