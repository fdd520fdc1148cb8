import { brokenFile } from './file-format.ts'
import { guessUtf16, guessWindows, windows1252 } from './guess-charset.ts'

/** The text of a file, and its encoding. `note`: what was guessed, as a sentence. */
export type Decoded = { text: string; charset: string; note?: string }

const marks: [string, Buffer][] = [
  ['utf-8', Buffer.of(0xef, 0xbb, 0xbf)],
  ['utf-16le', Buffer.of(0xff, 0xfe)],
  ['utf-16be', Buffer.of(0xfe, 0xff)],
]

/**
 * Decodes a text file. A byte order mark decides, then `wanted` (the query), then `declared` (the media type), then the
 * content. Many programs declare UTF-8 without looking at the file, so a declared UTF-8 that is false is ignored.
 * @throws Failure `request.invalid-body` where no encoding fits
 */
export const decodeText = (bytes: Buffer, wanted?: string, declared?: string): Decoded => {
  const marked = marks.find(([, mark]) => bytes.subarray(0, mark.length).equals(mark))
  if (marked) return decodeAs(marked[0], bytes)
  if (wanted !== undefined) return decodeAs(wanted, bytes)
  if (declared !== undefined && encodingOf(declared) !== 'utf-8') return decodeAs(declared, bytes)
  const utf8 = tryDecode('utf-8', bytes)
  // Either byte fills the upper half of ASCII or of Cyrillic letters in UTF-16.
  const utf16 = bytes.includes(0) || bytes.includes(4) ? guessUtf16(bytes) : undefined
  if (!utf16 && utf8 !== undefined && !bytes.includes(0)) return { text: utf8, charset: 'utf-8' }
  const charset = utf16 ?? (utf8 === undefined ? guessWindows(bytes) : undefined)
  const text = charset && tryDecode(charset, bytes)
  if (!text)
    throw brokenFile(
      'encoding',
      'The encoding of the file is not known. Save it as CSV UTF-8, or name the encoding: ?charset=windows-1251.',
    )
  return {
    text,
    charset,
    note: `The encoding was guessed: ${charset}. If names look wrong, name the encoding with ?charset=.`,
  }
}

const decodeAs = (label: string, bytes: Buffer): Decoded => {
  const charset = encodingOf(label)
  if (charset === undefined)
    throw brokenFile(
      'charset',
      'The charset is not known. Known are utf-8, utf-16le, utf-16be, windows-1251, windows-1252 and others.',
    )
  const text = tryDecode(charset, bytes)
  if (text === undefined || text.includes('\0'))
    throw brokenFile('encoding', `The file is not ${charset} text.`)
  return { text, charset }
}

/** The name of an encoding by any of its labels (WHATWG Encoding §4.2). */
const encodingOf = (label: string): string | undefined => {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}

/** Undefined where the bytes are not of this encoding. */
const tryDecode = (charset: string, bytes: Buffer): string | undefined => {
  const decoder = charset === 'windows-1252' ? windows1252 : new TextDecoder(charset, { fatal: true })
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
