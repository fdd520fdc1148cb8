/** How the text of a secret comes in a file, or of a setting in an env file. `docs/compatibility.md` lists these columns. */
type Row = { form: string; example: string; result: string; test: string }

const file = (form: string, example: string, bytes: Buffer): Row & { bytes: Buffer } => ({
  form: `Secret file, ${form}`,
  example,
  result: 'read',
  test: 'test/config-files.test.ts',
  bytes,
})
export const text = 'Пароль-s3cret'
const mark = '\uFEFF'
const utf16be = (value: string): Buffer => Buffer.from(value, 'utf16le').swap16()
export const fileRows = [
  file('UTF-8', 'no byte order mark', Buffer.from(text)),
  file('UTF-8', 'with a line end', Buffer.from(`${text}\n`)),
  file('UTF-8', 'with a line end of Windows', Buffer.from(`${text}\r\n`)),
  file('UTF-8', 'with a byte order mark', Buffer.from(`${mark}${text}`)),
  file('UTF-8', 'with a byte order mark and a line end', Buffer.from(`${mark}${text}\r\n`)),
  file('UTF-16 LE', 'as PowerShell 5 writes it', Buffer.from(`${mark}${text}\r\n`, 'utf16le')),
  file('UTF-16 BE', 'with a byte order mark', utf16be(`${mark}${text}`)),
]

const quoted = (value: string, isWarned: boolean): Row & { value: string; isWarned: boolean } => ({
  form: 'Setting in quotes',
  example: `CHATHUB_PASSWORD=${value}`,
  result: isWarned ? 'used as it is, with a warning at the start' : 'used as it is',
  test: 'test/config-files.test.ts',
  value,
  isWarned,
})
export const quoteRows = [
  quoted('"demo"', true),
  quoted("'demo'", true),
  quoted('`demo`', true),
  quoted('“demo”', true),
  quoted('«demo»', true),
  quoted(' "demo"', true),
  quoted('demo', false),
  quoted('de"mo', false),
  quoted('"demo', false),
  quoted('demo"', false),
]
