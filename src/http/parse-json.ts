import { Failure } from '../errors.ts'

const depthMax = 16
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Strict JSON: valid UTF-8, no repeated key in an object, no `__proto__`, at most 16 levels.
 * @throws Failure `request.malformed`
 */
export const parseJson = (bytes: Buffer): unknown => {
  if (bytes.length === 0) throw malformed('empty', 'The body is empty; wanted: JSON.')
  const text = attempt(() => decoder.decode(bytes), 'utf-8', 'The body is not valid UTF-8.')
  const value: unknown = attempt(() => JSON.parse(text), 'syntax', 'The body is not valid JSON.')
  // `JSON.parse` keeps the last of equal keys. Outside strings, each key of the text has one colon.
  const keysInText = text.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '').split(':').length - 1
  if (countKeys(value, 0) !== keysInText)
    throw malformed('duplicate-key', 'An object has the same key twice.')
  return value
}

const malformed = (code: string, detail: string): Failure =>
  new Failure('request.malformed', { errors: [{ pointer: '', code, detail }] })

const attempt = <T>(parse: () => T, code: string, detail: string): T => {
  try {
    return parse()
  } catch {
    throw malformed(code, detail)
  }
}

/** The number of keys of all objects in a value. */
const countKeys = (value: unknown, depth: number): number => {
  if (typeof value !== 'object' || value === null) return 0
  if (depth === depthMax) throw malformed('depth', `The body is nested deeper than ${depthMax} levels.`)
  if (Object.hasOwn(value, '__proto__')) throw malformed('key', 'The key __proto__ is not allowed.')
  const parts: unknown[] = Object.values(value)
  const ownKeys = Array.isArray(value) ? 0 : parts.length
  return parts.reduce((count: number, part) => count + countKeys(part, depth + 1), ownKeys)
}
