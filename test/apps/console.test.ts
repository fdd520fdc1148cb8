import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { linesOf } from '../../src/apps/console/activity/lines-of.ts'
import { byName } from '../../src/apps/console/words/by-name.ts'
import { plainClock, plainClocks } from '../../src/apps/console/words/clock.ts'
import type { AuditRecord, Operation } from '../../src/client/client.ts'
import { changeKinds } from '../../src/contract/audit.ts'

const console_ = fileURLToPath(new URL('../../src/apps/console/', import.meta.url))
const built = fileURLToPath(new URL('../../dist/console/', import.meta.url))
const mantine = fileURLToPath(new URL('../../node_modules/@mantine/core/', import.meta.url))

type Words = { [name: string]: string | Words }
const flat = (words: Words, path = ''): [string, string][] =>
  Object.entries(words).flatMap(([name, value]) =>
    typeof value === 'string' ? [[path + name, value] as [string, string]] : flat(value, `${path}${name}.`),
  )
const languages = ['en', 'fr', 'uk']
const wordsOf = (language: string): Map<string, string> =>
  new Map(flat(JSON.parse(readFileSync(join(console_, `words/${language}.json`), 'utf8'))))
/** Without the form of a plural. */
const base = (key: string): string => key.replace(/_(zero|one|two|few|many|other)$/, '')
const sources = readdirSync(console_, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(join(console_, name), 'utf8'))
  .join('\n')

describe('the words of the console', () => {
  const keys = new Set([...wordsOf('en').keys()].map(base))

  it.each(languages)(
    'in %s are the same as in English, with every form of its plurals and the same values',
    (language) => {
      const words = wordsOf(language)
      expect([...new Set([...words.keys()].map(base))]).toEqual([...keys])
      const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories
      const counted = new Set([...words.keys()].filter((key) => key !== base(key)).map(base))
      expect([...counted]).toEqual([
        ...new Set([...wordsOf('en').keys()].filter((key) => key !== base(key)).map(base)),
      ])
      for (const key of counted)
        expect([key, forms.filter((form) => !words.has(`${key}_${form}`))]).toEqual([key, []])
      const valuesIn = (text: string) => [...text.matchAll(/\{\{(\w+)/g)].map(([, name]) => name).toSorted()
      for (const [key, text] of words) {
        const english = wordsOf('en').get(key) ?? wordsOf('en').get(`${base(key)}_other`) ?? ''
        expect([key, valuesIn(text)]).toEqual([key, valuesIn(english)])
        expect([key, text.trim()]).not.toEqual([key, ''])
      }
    },
  )

  it('name every change of the audit log', () => {
    expect(changeKinds.filter((kind) => !keys.has(`record.${kind}`))).toEqual([])
  })

  it('are all there, and all used', () => {
    const literal = [...sources.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key as string)
    expect(literal.length).toBeGreaterThan(200)
    expect(literal.filter((key) => !keys.has(key))).toEqual([])
    // Such as `status.${status}`, and keys that are chosen before.
    const patterns = [...sources.matchAll(/`([a-z][A-Za-z]*\.[^`\s]*\$\{[^`]*)`/g)].map(
      ([, text]) =>
        new RegExp(`^${(text as string).replaceAll('.', '\\.').replaceAll(/\$\{[^}]*\}/g, '.+')}$`),
    )
    const mentioned = new Set(
      [...sources.matchAll(/'([a-z][A-Za-z]*(?:\.[A-Za-z0-9-]+)+)'/g)].map(([, key]) => key),
    )
    const unused = [...keys].filter((key) => !mentioned.has(key) && !patterns.some((each) => each.test(key)))
    expect(unused).toEqual([])
  })
})

describe('the built console', () => {
  const html = readFileSync(join(built, 'index.html'), 'utf8')
  const kB = (names: string[]): number =>
    names.reduce((sum, name) => sum + gzipSync(readFileSync(join(built, name))).length, 0) / 1000

  it('loads at most 70 kB of scripts before its first screen, gzipped', () => {
    const first = [...html.matchAll(/(?:src|href)="\.\/([^"]+\.js)"/g)].map(([, name]) => name as string)
    expect(first.length).toBeGreaterThan(0)
    process.stderr.write(`First screen of the console: ${kB(first).toFixed(1)} kB of scripts.\n`)
    expect(kB(first)).toBeLessThanOrEqual(70)
    // Charts and the import come when they are asked for.
    const lazy = readdirSync(join(built, 'assets')).filter((name) => /^(chart|import)-.*\.js$/.test(name))
    expect(lazy.length).toBe(2)
    expect(lazy.filter((name) => html.includes(name))).toEqual([])
  })

  it('has the hint for the compiler at the very start of its first script', () => {
    const [, first = ''] =
      /src="\.\/(assets\/index-[^"]+)"/.exec(readFileSync(join(built, 'index.html'), 'utf8')) ?? []
    expect(readFileSync(join(built, first), 'utf8').slice(0, 28)).toBe('//# allFunctionsCalledOnLoad')
  })

  it('has the styles of all components of Mantine that its scripts have', () => {
    const inFiles = (ending: string): string =>
      readdirSync(join(built, 'assets'))
        .filter((name) => name.endsWith(ending))
        .map((name) => readFileSync(join(built, 'assets', name), 'utf8'))
        .join('\n')
    const classesIn = (text: string) => new Set(text.match(/\bm_[0-9a-f]{6,8}\b/g))
    const known = classesIn(readFileSync(join(mantine, 'styles.css'), 'utf8'))
    const styled = classesIn(inFiles('.css'))
    const named = [...classesIn(inFiles('.js'))].filter((name) => known.has(name))
    expect(named.length).toBeGreaterThan(50)
    expect(named.filter((name) => !styled.has(name))).toEqual([])
  })

  it('has relative addresses alone, one script within it, no styles, and a place for the nonce', () => {
    expect(html).toContain('<meta name="csp-nonce" content="">')
    expect(html.match(/<script>/g)).toHaveLength(1)
    expect(html).not.toMatch(/<style|style=| on\w+=|<script (?![^>]*src=)|(?:src|href)="(?!\.\/)/)
  })
})

describe('the styles of the console', () => {
  const all = readdirSync(console_, { recursive: true, encoding: 'utf8' })
  const read = (name: string) => readFileSync(join(console_, name), 'utf8')
  const sheets = all.filter((name) => name.endsWith('.css'))
  const folderOf = (name: string) => name.split('/').slice(0, -1).join('/')
  const classesOf = (names: string[]) =>
    new Set(names.flatMap((name) => read(name).match(/(?<=\.)[a-z][\w-]*(?=[^;]*\{)/g) ?? []))

  it('of a screen are for that screen alone, since another may be opened without it', () => {
    const shared = classesOf(sheets.filter((name) => ['', 'states', 'shell'].includes(folderOf(name))))
    const faults = all
      .filter((name) => name.endsWith('.tsx'))
      .flatMap((name) => {
        const here = classesOf(sheets.filter((sheet) => folderOf(sheet) === folderOf(name)))
        const foreign = classesOf(sheets.filter((sheet) => folderOf(sheet) !== folderOf(name)))
        const used = [...read(name).matchAll(/className="([^"]+)"/g)].flatMap(([, text]) =>
          `${text}`.split(' '),
        )
        return used.filter((each) => foreign.has(each) && !shared.has(each) && !here.has(each))
      })
    expect(sheets.length).toBeGreaterThan(10)
    expect(faults).toEqual([])
  })
})

describe('names in order', () => {
  const wordOf = (letters: string) =>
    fc
      .array(fc.constantFrom(...letters, ...letters.toUpperCase(), ...'0189 '), {
        minLength: 1,
        maxLength: 6,
      })
      .map((all) => all.join(''))
  it.each([
    ['uk', 'абвгґдеєжзиіїйклмнопрстуфхцчшщьюя'],
    ['en', 'abcdefghijklmnopqrstuvwxyz'],
  ])('are in %s where a collator puts them', (language, letters) => {
    const { compare } = new Intl.Collator(language, { sensitivity: 'base' })
    fc.assert(
      fc.property(wordOf(letters), wordOf(letters), (a, b) => {
        expect([a, b, Math.sign(byName([a, b])(a, b))]).toEqual([a, b, Math.sign(compare(a, b))])
      }),
      { numRuns: 2000 },
    )
  })

  it('are put there by the collator itself, where one has other letters or two scripts', () => {
    const names = ['Zoë', 'Éva', 'Zebra', 'Апрель', 'Ёлка', "Кам'янець"]
    expect(names.toSorted(byName(names))).toEqual(names.toSorted((a, b) => a.localeCompare(b)))
  })
})

describe('the clock of the console', () => {
  it.each([...plainClocks])('is in %s what Intl makes of the same time', (language) => {
    const format = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' })
    for (const [hour, minute] of [
      [0, 0],
      [9, 5],
      [12, 30],
      [23, 59],
    ] as const) {
      const at = new Date(2026, 10, 30, hour, minute)
      expect(plainClock(at)).toBe(format.format(at))
    }
  })
})

describe('the lines of the activity', () => {
  const ids = fc.constantFrom('a', 'b', 'c', null)
  const record = fc.record({
    id: fc.uuid(),
    at: fc.integer({ min: 0, max: 9 }).map((n) => `2026-11-30T00:00:0${n}Z`),
    operation: ids,
    kind: fc.constantFrom('added', 'statusChanged', 'tokenIssued', 'undoRequested'),
    client: fc.constant('crm/12345678'),
    subject: fc.constantFrom('Olena', null),
  })
  const operations = fc
    .subarray(['a', 'b'])
    .map((list) =>
      list.map(
        (id) => ({ id, startedAt: '2026-11-30T00:00:05Z', client: 'crm', subject: null }) as Operation,
      ),
    )

  it('hold each operation once, each other record once, and the newest first', () => {
    fc.assert(
      fc.property(fc.uniqueArray(record, { selector: ({ id }) => id }), operations, (records, known) => {
        const lines = linesOf(records as unknown as AuditRecord[], known)
        expect(lines.map(({ at }) => at)).toEqual(
          lines
            .map(({ at }) => at)
            .toSorted()
            .toReversed(),
        )
        expect(lines.filter(({ operation }) => operation).length).toBe(known.length)
        const told = lines.reduce((sum, line) => sum + (line.record ? line.count : 0), 0)
        const isOf = ({ kind, operation }: (typeof records)[number]) =>
          (kind === 'added' || kind === 'statusChanged') && known.some(({ id }) => id === operation)
        expect(told).toBe(records.filter((each) => !isOf(each)).length)
      }),
    )
  })
})
