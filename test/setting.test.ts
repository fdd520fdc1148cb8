import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ZodError } from 'zod'
import { Secret } from '../src/secret.ts'
import {
  anyText,
  flag,
  listOf,
  oneLine,
  oneOf,
  optional,
  origin,
  seconds,
  secret,
  setting,
  url,
  wholeNumber,
} from '../src/setting.ts'

const faultOf = (read: () => unknown): string => {
  try {
    read()
    return 'no fault'
  } catch (error) {
    return (error as ZodError).issues.map(({ message }) => message).join('; ')
  }
}

describe('a setting', () => {
  it('of a whole number takes exactly the numbers within its bounds, in plain digits', () => {
    const row = setting('N', wholeNumber(1, 100), '5', 'How many.')
    expect(row).toMatchObject({ env: 'N', fallback: '5', secret: false, sentence: 'How many. (1–100)' })
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), (n) => {
        const isWithin = n >= 1 && n <= 100
        if (isWithin) expect(row.read(`${n}`)).toBe(n)
        else expect(faultOf(() => row.read(`${n}`))).toBe('a whole number from 1 to 100')
      }),
    )
    for (const text of ['', ' 5', '5 ', '+5', '5.0', '5e0', '0x5', 'five', 'Infinity', '٥', '1_0'])
      expect(faultOf(() => row.read(text))).toBe('a whole number from 1 to 100')
  })

  it('without a default is undefined when unset, and bounded otherwise', () => {
    const row = optional('OPS_PORT', wholeNumber(0, 65_535), 'A port.')
    expect(row.fallback).toBeUndefined()
    expect(row.read(undefined)).toBeUndefined()
    expect(row.read('0')).toBe(0)
    expect(faultOf(() => row.read('65536'))).toBe('a whole number from 0 to 65535')
  })

  it('in seconds gives milliseconds', () => {
    const row = setting('FRESH', seconds(1, 86_400), '60', 'How long.')
    expect(row.read(undefined)).toBe(60_000)
    expect(row.sentence).toBe('How long. (1–86400)')
    expect(faultOf(() => row.read('0'))).toBe('a whole number from 1 to 86400')
  })

  it('with few values takes only these', () => {
    const row = setting('LEVEL', oneOf('info', 'warn'), 'info', 'Level.')
    expect(row.sentence).toBe('Level. (info | warn)')
    expect(row.read('warn')).toBe('warn')
    expect(faultOf(() => row.read('WARN'))).toBe('one of info, warn')
  })

  it('that is a flag takes true and false only', () => {
    const row = setting('ALLOW', flag, 'false', 'Allows.')
    expect([row.read('true'), row.read('false'), row.read(undefined)]).toEqual([true, false, false])
    for (const text of ['1', 'yes', 'TRUE', '']) expect(faultOf(() => row.read(text))).toBe('true or false')
  })

  it('that is a list is trimmed, without empty entries, and names each wrong entry', () => {
    const row = setting('LIST', listOf(anyText), '', 'Entries.')
    expect(row.read(undefined)).toEqual([])
    expect(row.read(' a, b ,,c,')).toEqual(['a', 'b', 'c'])
    const origins = setting('ORIGINS', listOf(origin), '', 'Origins.')
    expect(() => origins.read('https://a.example, b, c')).toThrow(
      expect.objectContaining({
        issues: [expect.objectContaining({ path: [1] }), expect.objectContaining({ path: [2] })],
      }),
    )
  })

  it('that is a URL takes absolute URLs of its schemes, without user and password', () => {
    const row = optional('URL', url('https:'), 'Where.')
    expect(row.read(undefined)).toBeUndefined()
    expect(row.read('https://a.example')?.href).toBe('https://a.example/')
    for (const text of ['a.example', '/path', 'http://a.example', 'javascript:alert(1)'])
      expect(faultOf(() => row.read(text))).toBe('a URL starting with https://')
    expect(faultOf(() => row.read('https://u:p@a.example'))).toMatch(/ without user and password$/)
  })

  it('that is any text is what was given', () => {
    expect(optional('T', anyText, 'Text.').read(' as is ')).toBe(' as is ')
  })

  it('that is secret comes as a Secret, and its faults never repeat it', () => {
    const row = secret('S', oneLine(8), 'Secret.')
    expect(row.secret).toBe(true)
    expect(row.read(undefined)).toBeUndefined()
    expect(row.read('long enough')?.reveal()).toBe('long enough')
    for (const text of ['short', 'two\nlines here', 'nul\0 in the middle', 'carriage\rreturn'])
      expect(faultOf(() => row.read(text))).toBe('one line of at least 8 characters')
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
