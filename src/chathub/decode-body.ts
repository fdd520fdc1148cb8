import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'

type Decode = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const unzip: Decode = promisify(gunzip)
const decodeZlib: Decode = promisify(inflate)
const decodeRaw: Decode = promisify(inflateRaw)
const decoders: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', unzip],
  ['x-gzip', unzip],
  // The low nibble of a zlib stream is 8 (RFC 1950). « deflate » without that wrapper is common too.
  ['deflate', (body, options) => (((body[0] ?? 0) & 15) === 8 ? decodeZlib : decodeRaw)(body, options)],
  ['br', promisify(brotliDecompress)],
])
const codingsMax = 3

/** A body is larger than allowed after decoding, or coded too often. */
class BodyTooLarge extends Error {}

const isJson = (body: Buffer): boolean => {
  try {
    JSON.parse(body.toString())
    return true
  } catch {
    return false
  }
}

/**
 * The body without its codings (RFC 9110, section 8.4), although the gateway asks for `identity`: proxies compress anyway.
 * `identity`, empty and unknown names change nothing. A body that is not coded as its header says stays as it is, and its
 * parser judges it. Decoding stops at `max` bytes.
 * @throws BodyTooLarge
 */
export const decodeBody = async (
  body: Buffer,
  header: string | string[] | undefined,
  max: number,
): Promise<Buffer> => {
  const names = [header ?? []].flat().flatMap((value) => value.toLowerCase().split(','))
  const codings = names.flatMap((name) => decoders.get(name.trim()) ?? [])
  if (codings.length > codingsMax) throw new BodyTooLarge(`coded ${codings.length} times`)
  // Not every coding is recognized by its bytes, and some JSON would decode to other bytes.
  if (codings.length === 0 || isJson(body)) return body
  let decoded = body
  for (const decode of codings.reverse())
    decoded = await decode(decoded, { maxOutputLength: max }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_BUFFER_TOO_LARGE')
        throw new BodyTooLarge(`more than ${max} bytes after decoding`)
      return decoded
    })
  return decoded
}
