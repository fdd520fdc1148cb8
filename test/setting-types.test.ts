import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Secret } from '../src/secret.ts'
import {
  flag,
  list,
  oneLine,
  oneOf,
  optionalText,
  optionalWhole,
  seconds,
  secret,
  url,
  whole,
} from '../src/setting-types.ts'

describe('a setting', () => {
  it('of a whole number takes exactly the numbers within its bounds, in plain digits', () => {
    const setting = whole('N', 5, [1, 100], 'How many.')
    expect(setting).toMatchObject({ env: 'N', fallback: '5', secret: false, sentence: 'How many. (1–100)' })
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), (n) => {
        const within = n >= 1 && n <= 100
        if (within) expect(setting.read(`${n}`)).toBe(n)
        else expect(() => setting.read(`${n}`)).toThrow('a whole number from 1 to 100')
      }),
    )
    for (const text of ['', ' 5', '5 ', '+5', '5.0', '5e0', '0x5', 'five', 'Infinity', '٥', '1_0'])
      expect(() => setting.read(text)).toThrow('a whole number')
  })

  it('of a whole number that may be missing is undefined then, and bounded otherwise', () => {
    const setting = optionalWhole('OPS_PORT', [0, 65535], 'A port.')
    expect(setting.fallback).toBeUndefined()
    expect(setting.read(undefined)).toBeUndefined()
    expect(setting.read('0')).toBe(0)
    expect(() => setting.read('65536')).toThrow()
  })

  it('in seconds is handed on in milliseconds', () => {
    const setting = seconds('FRESH', 60, [1, 86_400], 'How long.')
    expect(setting.read(setting.fallback)).toBe(60_000)
    expect(() => setting.read('0')).toThrow('from 1 to 86400')
  })

  it('with few values takes nothing but these', () => {
    const setting = oneOf('LEVEL', 'info', ['info', 'warn'], 'Level.')
    expect(setting.sentence).toBe('Level. (info | warn)')
    expect(setting.read('warn')).toBe('warn')
    expect(() => setting.read('WARN')).toThrow('one of info, warn')
  })

  it('that is a flag takes true and false only', () => {
    const setting = flag('ALLOW', 'Allows.')
    expect([setting.read('true'), setting.read('false'), setting.read(setting.fallback)]).toEqual([
      true,
      false,
      false,
    ])
    for (const text of ['1', 'yes', 'TRUE', '']) expect(() => setting.read(text)).toThrow('true or false')
  })

  it('that is a list is trimmed and without empty entries', () => {
    const setting = list('LIST', 'Entries.')
    expect(setting.read(undefined)).toEqual([])
    expect(setting.read(' a, b ,,c,')).toEqual(['a', 'b', 'c'])
  })

  it('that is a URL takes absolute ones of its schemes', () => {
    const setting = url('URL', undefined, ['https:'], 'Where.')
    expect(setting.read(undefined)).toBeUndefined()
    expect(setting.read('https://a.example')?.href).toBe('https://a.example/')
    for (const text of ['a.example', '/path', 'http://a.example', 'javascript:alert(1)'])
      expect(() => setting.read(text)).toThrow('a URL starting with https://')
  })

  it('that is optional text is what was given', () => {
    expect(optionalText('T', 'Text.').read(' as is ')).toBe(' as is ')
  })

  it('that is secret comes as a Secret, one line of enough characters, and its faults never repeat it', () => {
    const setting = secret('S', 'Secret.', oneLine(8))
    expect(setting.secret).toBe(true)
    expect(setting.read(undefined)).toBeUndefined()
    expect(setting.read('long enough')?.reveal()).toBe('long enough')
    for (const text of ['short', 'two\nlines here', 'nul\0 in the middle', 'carriage\rreturn'])
      expect(() => setting.read(text)).toThrow(/^one line of at least 8 characters$/)
  })
})

describe('a Secret', () => {
  it('prints as [redacted] wherever it is put, and is revealed only on demand', () => {
    const value = new Secret('ct_company-token')
    const shown = [
      String(value),
      `${value}`,
      JSON.stringify({ value }),
      inspect({ value }, { depth: 9, showHidden: true }),
      inspect(value),
      JSON.stringify(Object.entries(value)),
      JSON.stringify(structuredClone({ ...value })),
    ]
    expect(shown.join(' ')).not.toContain('ct_company')
    expect(shown[0]).toBe('[redacted]')
    expect(value.reveal()).toBe('ct_company-token')
  })
})
