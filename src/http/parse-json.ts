import { decodeUtf8 } from '../decode-utf8.ts'
import { Failure } from '../errors.ts'

/**
 * Strict JSON: valid UTF-8, no repeated key in an object, no `__proto__`. Its depth and size must be bounded already.
 * @param keys the number of keys in the text, as a scan of its bytes counts them
 * @throws Failure `request.malformed`
 */
export const parseJson = (bytes: Buffer, keys: number): unknown => {
  if (bytes.length === 0) throw malformed('empty', 'The body is empty; wanted: JSON.')
  const text = decodeUtf8(bytes)
  if (text === undefined) throw malformed('utf-8', 'The body is not valid UTF-8.')
  const value = parse(text)
  // `JSON.parse` keeps the last of equal keys.
  if (countKeys(value) !== keys) throw malformed('duplicate-key', 'An object has the same key twice.')
  return value
}

const malformed = (code: string, detail: string): Failure =>
  new Failure('request.malformed', { errors: [{ pointer: '', code, detail }] })

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('syntax', 'The body is not valid JSON.')
  }
}

/** The number of keys of all objects in a value. */
const countKeys = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) for (const part of value) count += countKeys(part)
  else
    for (const [key, part] of Object.entries(value)) {
      if (key === '__proto__') throw malformed('key', 'The key __proto__ is not allowed.')
      count += 1 + countKeys(part)
    }
  return count
}
