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

/** What a text must be like, and how to say so. */
export type Shape = { valid(text: string): boolean; wanted: string }
const anyText: Shape = { valid: () => true, wanted: 'a text' }

const make = <T>(
  env: string,
  fallback: string | undefined,
  sentence: string,
  read: (text: string | undefined) => T,
): Setting<T> => ({ env, sentence, fallback, secret: false, read })

/** A whole number in `min…max`, both included. */
export const whole = (
  env: string,
  fallback: number,
  [min, max]: [number, number],
  sentence: string,
): Setting<number> =>
  make(env, String(fallback), `${sentence} (${min}–${max})`, (text) => {
    const value = Number(text)
    if (!/^\d{1,12}$/.test(text ?? '') || value < min || value > max)
      throw new Error(`a whole number from ${min} to ${max}`)
    return value
  })

/** Like `whole`, unset without a value. */
export const optionalWhole = (
  env: string,
  [min, max]: [number, number],
  sentence: string,
): Setting<number | undefined> => {
  const inner = whole(env, min, [min, max], sentence)
  return make(env, undefined, inner.sentence, (text) => (text === undefined ? undefined : inner.read(text)))
}

/** Whole seconds, handed on in milliseconds. */
export const seconds = (
  env: string,
  fallback: number,
  bounds: [number, number],
  sentence: string,
): Setting<number> => {
  const inner = whole(env, fallback, bounds, sentence)
  return { ...inner, read: (text) => inner.read(text) * 1000 }
}

export const text = (
  env: string,
  fallback: string,
  sentence: string,
  { valid, wanted }: Shape = anyText,
): Setting<string> =>
  make(env, fallback, sentence, (value) => {
    if (!valid(value as string)) throw new Error(wanted)
    return value as string
  })

export const optionalText = (env: string, sentence: string): Setting<string | undefined> =>
  make(env, undefined, sentence, (value) => value)

export const oneOf = <const T extends string>(
  env: string,
  fallback: T,
  values: readonly T[],
  sentence: string,
): Setting<T> =>
  make(env, fallback, `${sentence} (${values.join(' | ')})`, (value) => {
    if (!values.includes(value as T)) throw new Error(`one of ${values.join(', ')}`)
    return value as T
  })

export const flag = (env: string, sentence: string): Setting<boolean> =>
  make(env, 'false', `${sentence} (true | false)`, (value) => {
    if (value !== 'true' && value !== 'false') throw new Error('true or false')
    return value === 'true'
  })

/** Comma separated, trimmed, empty entries dropped. */
export const list = (env: string, sentence: string): Setting<string[]> =>
  make(env, undefined, sentence, (value) =>
    (value ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )

/** An absolute URL of one of `schemes` (with their colon). */
export const url = (
  env: string,
  fallback: string | undefined,
  schemes: string[],
  sentence: string,
): Setting<URL | undefined> =>
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
export const secret = (
  env: string,
  sentence: string,
  { valid, wanted }: Shape = oneLine(1),
): Setting<Secret | undefined> => {
  const read = (value: string | undefined): Secret | undefined => {
    if (value === undefined) return undefined
    if (!valid(value)) throw new Error(wanted)
    return new Secret(value)
  }
  return { ...make(env, undefined, sentence, read), secret: true }
}
