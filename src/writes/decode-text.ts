import { nextSlice } from '../clock.ts'
import { brokenFile } from './file-format.ts'
import { guessUtf16, guessWindows, windows1252 } from './guess-charset.ts'

/**
 * The text of a file in pieces, and its encoding. Joined, a large text would stop the event loop for its copy. `note`: what was
 * guessed, as a sentence.
 */
export type Decoded = { pieces: readonly string[]; charset: string; note?: string }

const pieceBytes = 64 * 1024
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
export const decodeText = async (bytes: Buffer, wanted?: string, declared?: string): Promise<Decoded> => {
  const marked = marks.find(([, mark]) => bytes.subarray(0, mark.length).equals(mark))
  if (marked) return decodeAs(marked[0], bytes)
  if (wanted !== undefined) return decodeAs(wanted, bytes)
  if (declared !== undefined && encodingOf(declared) !== 'utf-8') return decodeAs(declared, bytes)
  const utf8 = await tryDecode('utf-8', bytes)
  // Either byte fills the upper half of ASCII or of Cyrillic letters in UTF-16.
  const utf16 = bytes.includes(0) || bytes.includes(4) ? guessUtf16(bytes) : undefined
  if (!utf16 && utf8 !== undefined && !bytes.includes(0)) return { pieces: utf8, charset: 'utf-8' }
  const charset = utf16 ?? (utf8 === undefined ? await guessWindows(bytes) : undefined)
  const pieces = charset && (await tryDecode(charset, bytes))
  if (!pieces || bytes.length === 0)
    throw brokenFile(
      'encoding',
      'The encoding of the file is not known. Save it as CSV UTF-8, or name the encoding: ?charset=windows-1251.',
    )
  return {
    pieces,
    charset,
    note: `The encoding was guessed: ${charset}. If names look wrong, name the encoding with ?charset=.`,
  }
}

const decodeAs = async (label: string, bytes: Buffer): Promise<Decoded> => {
  const charset = encodingOf(label)
  if (charset === undefined)
    throw brokenFile(
      'charset',
      'The charset is not known. Known are utf-8, utf-16le, utf-16be, windows-1251, windows-1252 and others.',
    )
  const pieces = await tryDecode(charset, bytes)
  if (!pieces || pieces.some((piece) => piece.includes('\0')))
    throw brokenFile('encoding', `The file is not ${charset} text.`)
  return { pieces, charset }
}

/** The name of an encoding by any of its labels (WHATWG Encoding §4.2). */
const encodingOf = (label: string): string | undefined => {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}

/** Decodes in slices of the event loop. Undefined where the bytes are not of this encoding. */
const tryDecode = async (charset: string, bytes: Buffer): Promise<string[] | undefined> => {
  const decoder = charset === 'windows-1252' ? windows1252 : new TextDecoder(charset, { fatal: true })
  const pieces: string[] = []
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      pieces.push(decoder.decode(bytes.subarray(at, at + pieceBytes), { stream: true }))
      await nextSlice()
    }
    return [...pieces, decoder.decode()]
  } catch {
    return undefined
  }
}
