import { Failure, type FailureCode } from '../errors.ts'

const depthMax = 16
const keysOfOneMax = 1000
const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a]
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Bounds of the JSON of an endpoint. */
export type JsonBounds = {
  /** Keys and entries of all objects and arrays together. */
  partsMax: number
  /** Entries of the outermost array, and what a caller gets who sends more. */
  rows?: { max(): number; refusal(): Failure } | undefined
  /** Of the failure for too many parts. */
  code: FailureCode
}

/**
 * Counts the structure of JSON text in its bytes as they arrive, so that a costly body is refused before it is parsed. It
 * looks at nothing else: text that is not JSON is left to the parser.
 */
export const createJsonScan = ({ partsMax, rows, code }: JsonBounds) => {
  /** The rest of the body is not received, so the connection ends. */
  const refusal = (kind: FailureCode, fault: string, detail: string): Failure =>
    new Failure(kind, {
      errors: [{ pointer: '', code: fault, detail }],
      headers: { connection: 'close' },
    })
  const tooMany = (detail: string): Failure => refusal(code, 'range', detail)
  /** The keys so far of the object that is open at each depth. */
  const keysAt = new Uint32Array(depthMax + 1)
  let [depth, parts, keys, commas] = [0, 0, 0, 0]
  const rowsMax = rows?.max() ?? Number.POSITIVE_INFINITY
  let isInString = false
  /** Bytes at the begin of the next piece that an escape covers. */
  let skipped = 0

  const open = (): void => {
    if (depth === depthMax)
      throw refusal('request.malformed', 'depth', `The body is nested deeper than ${depthMax} levels.`)
    keysAt[++depth] = 0
    count()
  }
  const count = (): void => {
    if (++parts > partsMax) throw tooMany(`Wanted: at most ${partsMax} keys and entries.`)
  }
  const countKey = (): void => {
    keys++
    keysAt[depth] = (keysAt[depth] as number) + 1
    if ((keysAt[depth] as number) > keysOfOneMax)
      throw tooMany(`Wanted: at most ${keysOfOneMax} keys in an object.`)
    count()
  }
  const countEntry = (): void => {
    count()
    if (depth === 1 && ++commas >= rowsMax) throw rows?.refusal()
  }
  /** Takes a byte outside strings. */
  const take = (byte: number): void => {
    if (byte === quote) isInString = true
    else if (byte === comma) countEntry()
    else if (byte === colon) countKey()
    else if (byte === openArray || byte === openObject) open()
    else if (byte === closeArray || byte === closeObject) depth = Math.max(0, depth - 1)
  }
  return {
    /** The keys so far, and the keys and entries together. */
    counted: () => ({ keys, parts }),
    /** @throws Failure at the first byte that is beyond a bound */
    push: (bytes: Uint8Array): void => {
      let at = skipped
      while (at < bytes.length)
        if (!isInString) {
          at = nextMark(bytes, at)
          if (at < bytes.length) take(bytes[at++] as number)
        } else {
          at = endOfString(bytes, at)
          if (at < bytes.length) {
            isInString = false
            at++
          }
        }
      skipped = at - bytes.length
    },
  }
}

export type JsonScan = ReturnType<typeof createJsonScan>

const isMark = new Uint8Array(256)
for (const mark of [quote, comma, colon, openArray, closeArray, openObject, closeObject]) isMark[mark] = 1

/** The place of the next byte outside a string that counts; the end of the bytes if there is none. */
const nextMark = (bytes: Uint8Array, start: number): number => {
  for (let at = start; at < bytes.length; at++) if (isMark[bytes[at] as number] === 1) return at
  return bytes.length
}

/** The place of the quote that ends a string. Not less than the length: it is not there, and so many bytes are escaped. */
const endOfString = (bytes: Uint8Array, start: number): number => {
  let at = start
  for (; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === quote) return at
    if (byte === backslash) at++
  }
  return at
}
