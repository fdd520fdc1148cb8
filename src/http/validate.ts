import { z } from 'zod'
import { inSlices } from '../clock.ts'
import { wantedOf } from '../contract/plain-words.ts'
import { Failure, type FailureCode, type Fault } from '../errors.ts'

// A longer name may be a secret in the wrong place, so it is not repeated.
const nameMax = 64

/** JSON Pointer to a place in the input, or to its parent where the name is not to be repeated. */
export const pointerTo = (prefix: string, path: readonly PropertyKey[]): string => {
  const names = path.map(String)
  const long = names.findIndex((name) => name.length > nameMax)
  const shown = long === -1 ? names : names.slice(0, long)
  return prefix + shown.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

const codes: Record<string, string> = {
  invalid_type: 'type',
  invalid_value: 'value',
  invalid_union: 'type',
  invalid_format: 'format',
  too_small: 'range',
  too_big: 'range',
}

/** Every fault that zod found, with its place. Values are never repeated. */
const faultsOf = (prefix: string, issues: readonly z.core.$ZodIssue[]): Fault[] =>
  issues.flatMap((issue): Fault[] => {
    if (issue.code === 'unrecognized_keys')
      // The known names once, so that the answer to a large body stays small.
      return issue.keys.slice(0, faultsMax + 1).map((key, at) => ({
        pointer: pointerTo(prefix, [...issue.path, key]),
        code: 'unknown',
        detail: at === 0 ? `Not known here. ${issue.message}` : 'Not known here.',
      }))
    const missing = issue.code === 'invalid_type' && issue.input === undefined
    const code = missing
      ? 'required'
      : issue.code === 'custom'
        ? String(issue.params?.['code'] ?? 'invalid')
        : (codes[issue.code] ?? 'invalid')
    return [{ pointer: pointerTo(prefix, issue.path), code, detail: missing ? 'Required.' : sentence(issue) }]
  })

const sentence = (issue: z.core.$ZodIssue): string =>
  issue.message.endsWith('.') ? issue.message : `${issue.message}.`

/** The value may be used when there are no faults. */
export type Checked<T> = { value: T; faults: Fault[] }

// A body of 1 MiB can have 700,000 faults.
const faultsMax = 1000
// A shorter array is checked at once.
const slicedFrom = 100

const wording: z.core.ParseContext<z.core.$ZodIssue> = {
  reportInput: true,
  error: (issue) => `Wanted: ${wantedOf(issue)}.`,
}

/** The parsed value and every fault. */
export const check = <S extends z.ZodType>(
  schema: S | undefined,
  given: unknown,
  prefix: string,
): Checked<z.output<S>> => {
  const parsed = schema?.safeParse(given, wording)
  return {
    value: parsed?.data as z.output<S>,
    faults: parsed?.error ? faultsOf(prefix, parsed.error.issues) : [],
  }
}

/** The same for a body. A long array is checked in slices, and only until there are more faults than are shown. */
export const checkBody = async <S extends z.ZodType>(
  schema: S | undefined,
  given: unknown,
): Promise<Checked<z.output<S>>> => {
  if (!(schema instanceof z.ZodArray && Array.isArray(given) && given.length > slicedFrom))
    return check(schema, given, '')
  const values: unknown[] = []
  const faults: Fault[] = []
  const entries = function* () {
    for (const entry of given.entries()) if (faults.length <= faultsMax) yield entry
  }
  await inSlices(entries(), ([index, entry]) => {
    const checked = check(schema.element as z.ZodType, entry, `/${index}`)
    values.push(checked.value)
    faults.push(...checked.faults)
  })
  return { value: values as z.output<S>, faults }
}

/** @throws Failure `code` with the first 1,000 faults, if there are any */
export const refuseFaults = (code: FailureCode, faults: Fault[]): void => {
  if (faults.length === 0) return
  const errors = faults.slice(0, faultsMax)
  if (faults.length > faultsMax)
    errors.push({ pointer: '', code: 'more', detail: `There are more faults than these ${faultsMax}.` })
  throw new Failure(code, { errors })
}
