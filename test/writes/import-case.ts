import { systemClock } from '../../src/clock.ts'
import { Failure } from '../../src/errors.ts'
import { createFairWork } from '../../src/http/fair-work.ts'
import { refuseOtherFormats } from '../../src/writes/file-format.ts'
import { createImportFileReader } from '../../src/writes/import-file.ts'
import { type FileQuery, readText } from '../../src/writes/read-table.ts'

const readFile = createImportFileReader(systemClock, createFairWork())

/** Reads a workbook in a thread, and a text of any size on the spot. */
export const read = async (content: string | Buffer, query: FileQuery = {}, contentType = 'text/csv') => {
  const file = { bytes: Buffer.from(content as string), contentType }
  return refuseOtherFormats(file.bytes) === 'text' ? readText(file, query) : readFile('client', file, query)
}

export const names = async (content: string | Buffer, query?: FileQuery, contentType?: string) =>
  (await read(content, query, contentType)).rows.map(({ name }) => name)

/** Line, name, and the outcome or its reason. */
export const shown = async (content: string | Buffer, query?: FileQuery) =>
  (await read(content, query)).rows.map(({ line, name, outcome, reason }) => [line, name, reason ?? outcome])

/** Code, place and sentence of the refusal. */
export const refusal = async (content: string | Buffer, query?: FileQuery, contentType?: string) => {
  try {
    await read(content, query, contentType)
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'request.invalid-body') throw error
    const [{ code = '', pointer = '', detail = '' } = {}] = error.errors ?? []
    return { code, pointer, detail }
  }
  throw new Error('The file was not refused.')
}

/** Code and place of the refusal. */
export const fault = async (content: string | Buffer, query?: FileQuery): Promise<string> => {
  const { code, pointer } = await refusal(content, query)
  return `${code} ${pointer}`
}

const windows = Object.fromEntries(
  (['windows-1251', 'windows-1252'] as const).map((charset) => {
    const high = charset === 'windows-1252' ? '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ' : ''
    const decoder = new TextDecoder(charset)
    const bytes = new Map<string, number>()
    for (let byte = 0; byte < 256; byte++)
      bytes.set(high[byte - 0x80] ?? decoder.decode(Uint8Array.of(byte)), byte)
    return [charset, bytes]
  }),
)

/** The characters above ASCII that an encoding of one byte has. */
export const lettersOf = (charset: string): string[] =>
  [...(windows[charset]?.keys() ?? [])].filter((char) => /\p{L}/u.test(char) && char > '\x7f')

/** Text in any of the encodings that imports read. `mark`: with a byte order mark. */
export const encode = (text: string, charset: string, mark = false): Buffer => {
  const marked = mark ? `\uFEFF${text}` : text
  if (charset === 'utf-8') return Buffer.from(marked)
  if (charset === 'utf-16le') return Buffer.from(marked, 'utf16le')
  if (charset === 'utf-16be') return Buffer.from(marked, 'utf16le').swap16()
  const bytes = windows[charset] as Map<string, number>
  return Buffer.from(
    Array.from(text, (char) => {
      const byte = bytes.get(char)
      if (byte === undefined) throw new Error(`${charset} has no ${char}.`)
      return byte
    }),
  )
}
