import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { type AcceptEncoding, acceptedCodings } from '../negotiate.ts'
import type { Coding } from '../prepared-body.ts'

/** The ending of a file that the build compressed. */
const endings: Record<Coding, string> = { br: '.br', gzip: '.gz', identity: '' }

/** The bytes of a file. Undefined: there is none. */
export const readIfThere = (file: URL): Buffer | undefined => {
  try {
    return readFileSync(file)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    throw error
  }
}

const kept = new Map<string, Buffer>()
/** The same, read once. */
const keptBytes = (path: string): Buffer | undefined => {
  const bytes = kept.get(path) ?? readIfThere(new URL(path))
  if (bytes) kept.set(path, bytes)
  return bytes
}

/** The content of a file that the build left only compressed. */
export const unpacked = (file: URL): Buffer | undefined => {
  const packed = keptBytes(`${file.href}.gz`)
  return packed && gunzipSync(packed)
}

/** Caches keep files. An answer names the origin of its page, so it must not be given to a page of another one. */
const vary = { Vary: 'Accept-Encoding, Origin' }

/** A file that the build made, in the coding that the client takes and the build has. Undefined: there is none. */
export const builtFile = (file: URL, acceptEncoding: AcceptEncoding) => {
  const codings = acceptedCodings(acceptEncoding)
  for (const coding of codings.includes('identity') ? codings : [...codings, 'identity' as const]) {
    const bytes = keptBytes(file.href + endings[coding])
    if (bytes)
      return { bytes, headers: { ...vary, ...(coding !== 'identity' && { 'Content-Encoding': coding }) } }
  }
  const bytes = unpacked(file)
  // Unpacked once: it takes milliseconds, and nobody needs a credential to ask for it.
  if (bytes) kept.set(file.href, bytes)
  return bytes && { bytes, headers: vary }
}
