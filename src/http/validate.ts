import type { z } from 'zod'
import { Failure, type FailureCode, type Fault } from '../errors.ts'

const pointer = (prefix: string, path: readonly PropertyKey[]): string =>
  prefix + path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

const codes: Record<string, string> = {
  invalid_type: 'type',
  invalid_value: 'value',
  invalid_union: 'type',
  invalid_format: 'format',
  too_small: 'range',
  too_big: 'range',
}

/** Every fault that zod found, with its place; a value is never repeated. */
const faultsOf = (prefix: string, issues: readonly z.core.$ZodIssue[]): Fault[] =>
  issues.flatMap((issue): Fault[] => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        pointer: pointer(prefix, [...issue.path, key]),
        code: 'unknown',
        detail: 'Not known here.',
      }))
    const missing = issue.code === 'invalid_type' && issue.input === undefined
    const code = missing
      ? 'required'
      : issue.code === 'custom'
        ? String(issue.params?.code ?? 'invalid')
        : (codes[issue.code] ?? 'invalid')
    return [{ pointer: pointer(prefix, issue.path), code, detail: missing ? 'Required.' : sentence(issue) }]
  })

const sentence = (issue: z.core.$ZodIssue): string =>
  issue.message.endsWith('.') ? issue.message : `${issue.message}.`

/** The parsed value, or every fault. @throws Failure `code` with `errors` */
export const validate = <S extends z.ZodType>(
  schema: S,
  value: unknown,
  prefix: string,
  code: FailureCode,
): z.output<S> => {
  const parsed = schema.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  throw new Failure(code, { errors: faultsOf(prefix, parsed.error.issues) })
}

const parametersMax = 100

/** The query of a URL as an object; a parameter given twice, or broken percent-encoding, is a fault. */
export const queryOf = (url: string): Record<string, string> => {
  const at = url.indexOf('?')
  const query: Record<string, string> = Object.create(null)
  if (at === -1 || at === url.length - 1) return query
  const faults: Fault[] = []
  const parts = url.slice(at + 1).split('&')
  if (parts.length > parametersMax)
    throw new Failure('request.invalid', {
      errors: [{ pointer: '/query', code: 'length', detail: `At most ${parametersMax} parameters.` }],
    })
  for (const part of parts) {
    const equals = part.indexOf('=')
    const name = decode(equals === -1 ? part : part.slice(0, equals))
    const value = decode(equals === -1 ? '' : part.slice(equals + 1))
    if (name === undefined || value === undefined)
      faults.push({ pointer: '/query', code: 'encoding', detail: 'Not valid percent-encoded UTF-8.' })
    else if (Object.hasOwn(query, name))
      faults.push({ pointer: pointer('/query', [name]), code: 'repeated', detail: 'Given more than once.' })
    else query[name] = value
  }
  if (faults.length > 0) throw new Failure('request.invalid', { errors: faults })
  return query
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
