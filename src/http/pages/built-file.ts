import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Failure } from '../../errors.ts'
import type { Answer } from '../answer.ts'
import { type AcceptEncoding, acceptedCodings } from '../negotiate.ts'
import type { Coding } from '../prepared-body.ts'

/** Where the build leaves what the pages of /docs load. */
export const assets = new URL('../../../dist/assets/', import.meta.url)

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

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}
/** No segment begins with a dot, so that no path leads out of the folder. */
const plainPath = /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/

/** A file that a page loads. Undefined: the path has the ending of none. @throws Failure `route.unknown` */
export const fileAnswer = (folder: URL, path: string, acceptEncoding: AcceptEncoding): Answer | undefined => {
  const type = types[extname(path)]
  if (type === undefined) return undefined
  const file = plainPath.test(path) ? builtFile(new URL(path, folder), acceptEncoding) : undefined
  if (!file) throw new Failure('route.unknown')
  // The names of files in assets/ change with their content.
  const age = path.startsWith('assets/') ? 'max-age=31536000, immutable' : 'max-age=3600'
  const headers = { 'Content-Type': type, 'Cache-Control': `public, ${age}`, ...file.headers }
  return { bytes: file.bytes, headers }
}
