import { Failure } from '../errors.ts'

/** The refusal of a file that cannot be imported. `line`: where it breaks, from 1. */
export const brokenFile = (code: string, detail: string, line?: number): Failure =>
  new Failure('request.invalid-body', {
    detail: `The file cannot be imported. ${detail}`,
    errors: [{ pointer: line === undefined ? '' : `/line/${line}`, code, detail }],
  })

/** The longest time in which a file is read. */
export const timeLimitMs = 15_000

/** The refusal of a file that needs more memory or time than it may have. */
export const tooLarge = (): Failure =>
  brokenFile(
    'large',
    `It is too large: unpacked, or to be read within ${timeLimitMs / 1000} s. Copy the names to a new workbook, or save the sheet as CSV UTF-8.`,
  )

const save = 'Open it in a spreadsheet program and save it as .xlsx or as CSV UTF-8.'

/** How other files begin that people take for tables, and what they are. */
const others: [RegExp, string][] = [
  [/^%PDF-/, 'It is a PDF document. Import the table that it was made from.'],
  [/^\s*<\?xml[^>]*>\s*(<\?[^>]*>\s*)*<(\w+:)?Workbook\b/i, `It is an XML spreadsheet of 2003. ${save}`],
  [
    /^\s*<(!--|!doctype html|html\b|head\b|meta\b|body\b|table\b)/i,
    `It is an HTML page, whatever its name says. ${save}`,
  ],
  [
    /^\s*(\[\s*["{[]|\{\s*")/,
    'It is JSON. Add names as JSON with POST /v1/organizations/{id}/operators, or save the table as CSV UTF-8.',
  ],
  [/^\{\\rtf/, `It is a text document (RTF). ${save}`],
  [/^\x1f\x8b/, 'It is compressed with gzip. Unpack it first.'],
  [/^(7z\xbc\xaf|Rar!)/, 'It is an archive. Unpack it first.'],
  [/^(\x89PNG|\xff\xd8\xff|GIF8)/, 'It is an image. Import the table that it shows.'],
]

/**
 * Whether the bytes are a zip archive, as an Excel workbook is, or text.
 * @throws Failure `request.invalid-body` that says what another file is
 */
export const refuseOtherFormats = (bytes: Buffer): 'zip' | 'text' => {
  const head = bytes
    .subarray(0, 1024)
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
  if (head.startsWith('PK\x03\x04')) return 'zip'
  // The container of Microsoft's binary formats.
  if (head.startsWith('\xd0\xcf\x11\xe0'))
    throw bytes.includes(Buffer.from('EncryptedPackage', 'utf16le'))
      ? brokenFile('encrypted', 'It is protected by a password. Save it without one.')
      : brokenFile('format', `It is an old binary workbook (.xls). ${save}`)
  const other = others.find(([start]) => start.test(head))
  if (other) throw brokenFile('format', other[1])
  return 'text'
}
