import fc from 'fast-check'
import type { Dice } from './dice.ts'
import { type OpenApi, resolved, type Schema } from './document.ts'
import type { Pool } from './pool.ts'

/** Where a value is wanted: the pool may know one of this name. */
export type Place = { dice: Dice; pool: Pool; document: OpenApi; path: string }

const latin = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_'
/** Texts that broke some program once. */
const oddTexts = [
  '',
  ' ',
  '0',
  '-1',
  '1e3',
  'NaN',
  'null',
  'undefined',
  'true',
  '[]',
  '{}',
  '__proto__',
  'constructor',
  '..',
  '../..',
  '%',
  '%00',
  "'",
  '"',
  '\\',
  '*',
  ',',
  ',,',
  ';',
  'x:y',
  '#',
  '?',
  '&a=1',
  '\u0000',
  '\u0007',
  '\r\n',
  '\r\nX-A: 1',
  '\u2028',
  '\u202e',
  '\u200b',
  '\ufeff',
  '\ud800',
  'é',
  'e\u0301',
  'ﬁ',
  'İ',
  'ß',
  '👩‍👩‍👧',
  '=1+1',
  '@a',
  '24',
  '101',
  '00024',
  '２４',
  '2147483648',
  '9007199254740993',
  '2024-02-30T25:00:00Z',
  'https://a.example',
  '<script>',
  'a'.repeat(300),
  'a'.repeat(9000),
  '💥'.repeat(100),
]
const oddNumbers = [0, -0, -1, 1, 1.5, 2147483647, 2147483648, -2147483649, 2 ** 53, 1e21, 1e308, 5e-324]

export const textOf = (dice: Dice, length: number): string =>
  Array.from({ length }, () => latin[dice.below(latin.length)]).join('')

/** A text that may be anything. */
export const oddText = (dice: Dice): string =>
  dice.chance(0.7)
    ? dice.pick(oddTexts)
    : String.fromCharCode(...Array.from({ length: dice.below(12) }, () => dice.below(65_536)))

/** A JSON value that may be anything. */
export const oddValue = (dice: Dice, depth = 0): unknown => {
  const kind = dice.below(depth > 2 ? 4 : 7)
  if (kind === 0) return dice.pick([null, true, false])
  if (kind === 1) return dice.pick(oddNumbers)
  if (kind < 4) return oddText(dice)
  const size = dice.below(4)
  if (kind < 6) return Array.from({ length: size }, () => oddValue(dice, depth + 1))
  return Object.fromEntries(Array.from({ length: size }, () => [oddText(dice), oddValue(dice, depth + 1)]))
}

const samples = new Map<string, string[]>()
/** Texts that match a pattern, or none when it says what fast-check cannot make. */
const matching = (pattern: string): string[] => {
  const made = samples.get(pattern)
  if (made) return made
  let texts: string[] = []
  try {
    texts = fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: 50, seed: 1 })
  } catch {}
  samples.set(pattern, texts)
  return texts
}

/** An instant within a day, before or after now. The schemas say no more. */
const instant = (dice: Dice): string =>
  new Date(Date.now() + (dice.below(172_000) - 86_000) * 1000).toISOString()

/** A small table as a file: its lines are names. */
const file = (dice: Dice): string =>
  ['name', ...Array.from({ length: 1 + dice.below(3) }, () => textOf(dice, 1 + dice.below(12)))].join('\n')

const textFor = (schema: Schema, { dice }: Place): string => {
  const { format, pattern, minLength = 0, maxLength = 30 } = schema
  if (format === 'date-time') return instant(dice)
  if (format === 'binary') return file(dice)
  const matched = pattern === undefined ? [] : matching(pattern)
  if (matched.length > 0) return dice.pick(matched)
  const most = Math.min(maxLength, minLength + 20)
  return textOf(dice, dice.chance(0.03) ? maxLength : minLength + dice.below(most - minLength + 1))
}

const numberFor = (schema: Schema, dice: Dice): number => {
  const { minimum = -10, maximum = 1e6, type } = schema
  if (dice.chance(0.1)) return dice.pick([minimum, maximum])
  const value = minimum + dice.below(Math.min(maximum - minimum, 200) + 1)
  return type === 'number' && dice.chance(0.3) ? value + 0.5 : value
}

const objectFor = (schema: Schema, place: Place): unknown => {
  const required = new Set(schema.required)
  const made = Object.entries(schema.properties ?? {}).flatMap(([name, of]) =>
    required.has(name) || place.dice.chance(0.4) ? [[name, validValue(of, place, name)] as const] : [],
  )
  return Object.fromEntries(made)
}

const arrayFor = (schema: Schema, place: Place, name: string): unknown[] => {
  const { minItems = 0, maxItems = 3 } = schema
  const length = Math.min(maxItems, minItems + place.dice.below(3))
  return Array.from({ length }, () => validValue(schema.items ?? {}, place, name))
}

/** A value that the schema allows. Of `name`, the pool may know one that also exists. */
export const validValue = (given: Schema, place: Place, name: string): unknown => {
  const schema = resolved(given, place.document)
  const { dice, pool, path } = place
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return dice.pick(schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return validValue(dice.pick(choices), place, name)
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => validValue(part, place, name)))
  const type = Array.isArray(schema.type) ? dice.pick(schema.type) : schema.type
  const known = ['integer', 'number', 'string'].includes(type ?? '') && dice.chance(0.93)
  const seen = known ? pool.draw(dice, name, path) : undefined
  if (seen !== undefined && (typeof seen === 'string') === (type === 'string')) return seen
  if (type === 'integer' || type === 'number') return numberFor({ ...schema, type }, dice)
  if (type === 'boolean') return dice.chance(0.5)
  if (type === 'null') return null
  if (type === 'array') return arrayFor(schema, place, name)
  return type === 'string' ? textFor(schema, place) : objectFor(schema, place)
}

/** The value with one fault in some place of it: another type, a missing or an unknown field, too many items. */
export const nearly = (value: unknown, dice: Dice): unknown => {
  if (value === null || typeof value !== 'object' || dice.chance(0.15)) return oddValue(dice)
  if (Array.isArray(value)) return nearlyList(value, dice)
  const entries = Object.entries(value)
  if (entries.length === 0 || dice.chance(0.2)) return { ...value, [oddText(dice)]: oddValue(dice) }
  const place = dice.below(entries.length)
  if (dice.chance(0.2)) return Object.fromEntries(entries.toSpliced(place, 1))
  const [name, old] = entries[place] as [string, unknown]
  return { ...value, [name]: nearly(old, dice) }
}

const nearlyList = (value: unknown[], dice: Dice): unknown[] => {
  if (value.length === 0 || dice.chance(0.1)) return [...value, oddValue(dice)]
  // A list at the largest size that any schema names, or beyond.
  if (dice.chance(0.05)) return Array.from({ length: 1100 }, () => value[0])
  return value.with(dice.below(value.length), nearly(value[0], dice))
}
