import { isUtf8 } from 'node:buffer'

const byteOrderMark = 0xfeff

/** The text of valid UTF-8, without a byte order mark; otherwise undefined. A fatal `TextDecoder` takes twice as long. */
export const decodeUtf8 = (bytes: Buffer): string | undefined => {
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString()
  return text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text
}
