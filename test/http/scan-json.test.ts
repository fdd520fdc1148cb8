import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Failure } from '../../src/errors.ts'
import { createJsonScan } from '../../src/http/scan-json.ts'

const bounds = {
  partsMax: 1000,
  rows: { max: () => 1000, refusal: () => new Failure('body.too-large') },
  code: 'request.invalid-body' as const,
}

/** Scans text in pieces of this many bytes. */
const scan = (text: string, piece = 7, own: Partial<typeof bounds> = {}) => {
  const json = createJsonScan({ ...bounds, ...own })
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += piece) json.push(bytes.subarray(at, at + piece))
  return json.counted()
}
const refusalOf = (...given: Parameters<typeof scan>): string => {
  try {
    scan(...given)
    return 'none'
  } catch (error) {
    return (error as Failure).code
  }
}

describe('the scan of JSON text', () => {
  it('counts the keys of any JSON value, wherever its bytes are cut', () => {
    const keysOf = (value: unknown): number => {
      if (typeof value !== 'object' || value === null) return 0
      const own = Array.isArray(value) ? 0 : Object.keys(value).length
      return own + Object.values(value).reduce((sum: number, part) => sum + keysOf(part), 0)
    }
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.integer({ min: 1, max: 50 }), (value, piece) => {
        expect(scan(JSON.stringify(value), piece).keys).toBe(keysOf(value))
      }),
    )
  })

  it('takes nothing in strings for structure, whatever is escaped and wherever its bytes are cut', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 9 }), (text, piece) => {
        expect(scan(JSON.stringify([`${text}"\\[{,:`]), piece)).toEqual({ keys: 0, parts: 1 })
      }),
    )
  })

  it('refuses the seventeenth level, and allows the sixteenth', () => {
    expect(refusalOf(`${'['.repeat(16)}${']'.repeat(16)}`)).toBe('none')
    for (const open of ['[', '{', '{"a":', '[{"a":', '[1,'])
      expect([open, refusalOf(open.repeat(17))]).toEqual([open, 'request.malformed'])
  })

  it('refuses more keys and entries than its bound, together', () => {
    const partsMax = 10
    expect(refusalOf('[1,2,3,4,5,6,7,8,9,10]', 3, { partsMax })).toBe('none')
    for (const text of [
      '[1,2,3,4,5,6,7,8,9,10,11]',
      '[[],[],[],[],[],[]]',
      '{"a":1,"b":2,"c":[3,4],"d":5,"e":6}',
    ])
      expect([text, refusalOf(text, 3, { partsMax })]).toEqual([text, 'request.invalid-body'])
  })

  it('refuses more entries of the outermost array than its bound, and does not count inner ones', () => {
    const rows = { max: () => 2, refusal: () => new Failure('body.too-large') }
    expect(refusalOf('[[1,2,3],[4,5,6]]', 5, { rows })).toBe('none')
    expect(refusalOf('[1,2,3]', 5, { rows })).toBe('body.too-large')
  })

  it('leaves text that is not JSON to the parser', () => {
    for (const text of ['', ']]]]', '}{', '"', '\\', '"\\', ':::', 'nothing'])
      expect(refusalOf(text, 1)).toBe('none')
  })
})
