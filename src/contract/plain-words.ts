import type { z } from 'zod'

type Issue = z.core.$ZodRawIssue

const names: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

const typeOf = (value: unknown): string => {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a fraction'
  return typeof value === 'boolean' ? 'a boolean' : (names[typeof value] ?? 'something else')
}

const units: Record<string, string> = { string: ' characters', array: ' entries' }
/** `at least 1 entry`. */
const bound = (word: string, count: number | bigint, origin: string): string => {
  const unit = units[origin] ?? ''
  return `${word} ${count}${Number(count) === 1 ? unit.replace(/ies$/, 'y').replace(/s$/, '') : unit}`
}

const formats: Record<string, string> = {
  datetime: 'an RFC 3339 time such as 2026-01-31T09:00:00Z',
  url: 'a URL',
  json_string: 'JSON',
}

/** Completes « wanted: … » for any issue of zod in words that need no knowledge of zod. It never repeats a value. */
export const wantedOf = (issue: Issue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return `${names[issue.expected] ?? issue.expected}; came: ${typeOf(issue.input)}`
    case 'invalid_value': {
      const listed = issue.values.map(String).join(', ')
      const wanted = issue.values.length === 1 ? listed : `one of ${listed}`
      const isOtherType = issue.values.every((value) => typeof value !== typeof issue.input)
      return isOtherType ? `${wanted}; came: ${typeOf(issue.input)}` : wanted
    }
    case 'invalid_union': {
      const roots = issue.errors.flatMap((branch) =>
        branch.filter(({ path }) => path.length === 0).slice(0, 1),
      )
      const wanted = roots.map((root) => wantedOf({ ...root, input: issue.input } as Issue).split(';')[0])
      return wanted.length > 0 ? `${wanted.join(' or ')}; came: ${typeOf(issue.input)}` : 'another value'
    }
    case 'too_small':
      return bound(issue.inclusive === false ? 'more than' : 'at least', issue.minimum, issue.origin)
    case 'too_big':
      return bound(issue.inclusive === false ? 'less than' : 'at most', issue.maximum, issue.origin)
    case 'invalid_format':
      return formats[issue.format] ?? 'another form'
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`
    case 'unrecognized_keys': {
      const { shape = {} } = (issue.inst?._zod.def ?? {}) as { shape?: object }
      return `only ${Object.keys(shape).join(', ')}`.replace(/^only $/, 'nothing')
    }
    default:
      return 'another value'
  }
}
