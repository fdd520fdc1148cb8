import { Failure } from '../errors.ts'

const depthMax = 16
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

const malformed = (code: string, detail: string, pointer = ''): Failure =>
  new Failure('request.malformed', { errors: [{ pointer, code, detail }] })

/**
 * Strict JSON: valid UTF-8, no repeated key in an object, no `__proto__`, at most 16 levels.
 * @throws Failure `request.malformed`
 */
export const parseJson = (bytes: Buffer): unknown => {
  if (bytes.length === 0) throw malformed('empty', 'The body is empty; wanted: JSON.')
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw malformed('utf-8', 'The body is not valid UTF-8.')
  }
  scan(text)
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('syntax', 'The body is not valid JSON.')
  }
}

/** Refuses what JSON.parse accepts: depth and keys. Syntax is left to JSON.parse. */
const scan = (text: string): void => {
  const open: (Set<string> | undefined)[] = []
  // A lone quote is a token too. Otherwise an unterminated string would be scanned again from each quote, in quadratic time.
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"|["{}[\]]/gs
  for (let found = token.exec(text); found; found = token.exec(text)) {
    const [piece] = found
    if (piece === '{' || piece === '[') {
      open.push(piece === '{' ? new Set() : undefined)
      if (open.length > depthMax)
        throw malformed('depth', `The body is nested deeper than ${depthMax} levels.`)
    } else if (piece === '}' || piece === ']') open.pop()
    else if (piece === '"') throw malformed('syntax', 'The body is not valid JSON.')
    else {
      const keys = open.at(-1)
      if (keys && isKey(text, token.lastIndex)) addKey(keys, piece)
    }
  }
}

const isKey = (text: string, at: number): boolean => {
  let next = at
  while (' \t\n\r'.includes(text[next] ?? 'x')) next++
  return text[next] === ':'
}

const addKey = (keys: Set<string>, piece: string): void => {
  let key: string
  try {
    key = JSON.parse(piece) as string
  } catch {
    throw malformed('syntax', 'The body is not valid JSON.')
  }
  if (key === '__proto__') throw malformed('key', 'The key __proto__ is not allowed.')
  if (keys.has(key)) throw malformed('duplicate-key', 'An object has the same key twice.')
  keys.add(key)
}
