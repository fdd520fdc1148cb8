import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { cleanName, fold, foldForSearch, nameFault } from '../../src/contract/names.ts'
import { anyText } from '../support/any-text.ts'

describe('two names', () => {
  it.each([
    ['José Núñez', 'José Núñez'.normalize('NFD')],
    ['anna müller', '  Anna \t MÜLLER '],
    ['Олена Шевченко', 'ОЛЕНА ШЕВЧЕНКО'],
    ['a b', 'a\u00a0b'],
    ['가', '가'],
  ])('are the same folded: %j and %j', (one, other) => {
    expect(fold(one)).toBe(fold(other))
  })

  it.each([
    ['Zolc', 'Żółć'],
    ['Jose', 'José'],
    ['ab', 'a b'],
    ['Anna', 'Аnna'],
    ['ﬁ', 'fi'],
    ['Weiß', 'Weiss'],
  ])('are not the same: %j and %j, since accents, spaces and scripts count', (one, other) => {
    expect(fold(one)).not.toBe(fold(other))
  })

  it('fold to something that folds to itself, however a name is composed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        expect(fold(name.normalize('NFD'))).toBe(fold(name.normalize('NFC')))
        expect(fold(`  ${name}\n`)).toBe(fold(name))
      }),
    )
  })
})

describe('searching', () => {
  it('finds names without their accents, in every script that writes accents as marks', () => {
    expect(foldForSearch('José NÚÑEZ')).toBe('jose nunez')
    expect(foldForSearch('Zoë Ångström'.normalize('NFD'))).toBe('zoe angstrom')
    expect(foldForSearch('Żółć')).toBe('zołc')
  })

  it('finds every name by the whole name and by each of its parts', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-zÀ-žА-я]{1,9}$/), fc.nat(5), (name, from) => {
        expect(foldForSearch(`x ${name} y`)).toContain(
          foldForSearch(name.slice(Math.min(from, name.length - 1))),
        )
      }),
    )
  })
})

describe('a name to add', () => {
  it.each([
    'O’Neil',
    '🎧 Марія',
    '=SUM(A1:A9)',
    '<script>',
    '王小明',
    'a'.repeat(100),
    '👩‍👩‍👧 x',
    ' padded ',
    'null',
    'שרה',
  ])('may be anything that somebody could be called: %j', (name) => {
    expect(nameFault(name)).toBeUndefined()
  })

  it.each<[string, string, string]>([
    ['nothing', '', 'blank'],
    ['spaces', ' \t\u00a0\u3000', 'blank'],
    ['what cannot be seen', '\u200b\u200d', 'blank'],
    ['101 units', 'a'.repeat(101), 'length'],
    ['51 characters of two units', '😀'.repeat(51), 'length'],
    ['a line break', 'a\nb', 'chars'],
    ['a null', 'a\0b', 'chars'],
    ['a C1 control', 'a\u0085b\u009f', 'chars'],
    ['an override of the writing direction', 'abc\u202etxt.exe', 'chars'],
    ['an isolate', 'a\u2066b', 'chars'],
    ['half a character', 'a\ud800', 'chars'],
    ['the other half', '\udc00a', 'chars'],
  ])('must not be %s', (_, name, code) => {
    expect(nameFault(name)?.code).toBe(code)
  })

  it('is measured after trim and NFC', () => {
    expect(nameFault(` ${'a'.repeat(100)} `)).toBeUndefined()
    expect(nameFault('é'.normalize('NFD').repeat(100))).toBeUndefined()
    expect(nameFault('é'.repeat(101))?.code).toBe('length')
  })

  it('comes out clean, and cleaning it twice changes nothing more; no text makes the check throw', () => {
    fc.assert(
      fc.property(anyText(), (name) => {
        if (nameFault(name)) return
        const clean = cleanName(name)
        expect(nameFault(clean)).toBeUndefined()
        expect(cleanName(clean)).toBe(clean)
        expect(clean.length).toBeGreaterThan(0)
        expect(clean.length).toBeLessThanOrEqual(100)
        expect(clean.isWellFormed()).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
