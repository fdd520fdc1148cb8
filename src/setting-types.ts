import { Secret } from './secret.ts'

/** One row of the settings table: a variable, what it means, and how its text becomes a value. */
export type Setting<T> = {
  env: string
  sentence: string
  /** As shown in .env.example; undefined: unset. */
  fallback: string | undefined
  /** True: the value may come from `<env>_FILE` and is never printed. */
  secret: boolean
  /** @throws an Error whose message says what is wanted, without the value. */
  read(text: string | undefined): T
}

/** Both included. */
type Bounds = [min: number, max: number]

/** What a text must be like, and how to say so. */
export type Shape = { valid(text: string): boolean; wanted: string }
const anyText: Shape = { valid: () => true, wanted: 'a text' }

const make = <T>(
  env: string,
  fallback: string | undefined,
  sentence: string,
  read: (text: string | undefined) => T,
): Setting<T> => ({ env, sentence, fallback, secret: false, read })

/** A whole number within its bounds. */
export const whole = (env: string, fallback: number, [min, max]: Bounds, sentence: string) =>
  make(env, String(fallback), `${sentence} (${min}–${max})`, (text) => {
    const value = Number(text)
    if (!/^\d{1,12}$/.test(text ?? '') || value < min || value > max)
      throw new Error(`a whole number from ${min} to ${max}`)
    return value
  })

/** Like `whole`, unset without a value. */
export const optionalWhole = (env: string, bounds: Bounds, sentence: string) => {
  const inner = whole(env, bounds[0], bounds, sentence)
  return make(env, undefined, inner.sentence, (text) => (text === undefined ? undefined : inner.read(text)))
}

/** Whole seconds, handed on in milliseconds. */
export const seconds = (env: string, fallback: number, bounds: Bounds, sentence: string) => {
  const inner = whole(env, fallback, bounds, sentence)
  return make(env, inner.fallback, inner.sentence, (text) => inner.read(text) * 1000)
}

export const text = (env: string, fallback: string, sentence: string, { valid, wanted } = anyText) =>
  make(env, fallback, sentence, (value = fallback) => {
    if (!valid(value)) throw new Error(wanted)
    return value
  })

export const optionalText = (env: string, sentence: string) =>
  make(env, undefined, sentence, (value) => value)

export const oneOf = <const T extends string>(
  env: string,
  fallback: T,
  values: readonly T[],
  sentence: string,
) =>
  make(env, fallback, `${sentence} (${values.join(' | ')})`, (value) => {
    if (!values.includes(value as T)) throw new Error(`one of ${values.join(', ')}`)
    return value as T
  })

export const flag = (env: string, sentence: string) =>
  make(env, 'false', `${sentence} (true | false)`, (value) => {
    if (value !== 'true' && value !== 'false') throw new Error('true or false')
    return value === 'true'
  })

/** Comma separated, trimmed, empty entries dropped. */
export const partsOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

export const list = (env: string, sentence: string) =>
  make(env, undefined, sentence, (value = '') => partsOf(value))

/** An absolute URL of one of `schemes` (with their colon). */
export const url = (env: string, fallback: string | undefined, schemes: string[], sentence: string) =>
  make(env, fallback, sentence, (value) => {
    if (value === undefined) return undefined
    const wanted = `a URL starting with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`
    if (!URL.canParse(value)) throw new Error(wanted)
    const parsed = new URL(value)
    if (!schemes.includes(parsed.protocol)) throw new Error(wanted)
    if (parsed.username || parsed.password) throw new Error(`${wanted}, without user and password`)
    return parsed
  })

export const oneLine = (minLength: number): Shape => ({
  valid: (value) => value.length >= minLength && !/[\r\n\0]/.test(value),
  wanted: `one line of at least ${minLength} characters`,
})

/** A value that is never printed; `<env>_FILE` names a file that holds it instead. */
export const secret = (env: string, sentence: string, { valid, wanted } = oneLine(1)) => {
  const setting = make(env, undefined, sentence, (value) => {
    if (value === undefined) return undefined
    if (!valid(value)) throw new Error(wanted)
    return new Secret(value)
  })
  return { ...setting, secret: true }
}
