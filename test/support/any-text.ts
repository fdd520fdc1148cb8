import fc from 'fast-check'

const surrogates = { first: 0xd800, count: 0x800 }

const codePoint = fc.nat(0x10ffff - surrogates.count).map(
  (place) => String.fromCodePoint(place < surrogates.first ? place : place + surrogates.count),
  (value) => {
    const [one, ...more] = [...(value as string)].map((character) => character.codePointAt(0) as number)
    if (one === undefined || more.length > 0) throw new Error('not one code point')
    return one < surrogates.first ? one : one - surrogates.count
  },
)

/**
 * Texts of all code points, the same as with fast-check's unit `binary`. That one first makes a table of a million texts, which
 * takes seconds.
 */
export const anyText = (constraints: { maxLength?: number } = {}): fc.Arbitrary<string> =>
  fc.string({ ...constraints, unit: codePoint })
