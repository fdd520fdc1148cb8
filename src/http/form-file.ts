import type { z } from 'zod'
import { inSlices } from '../clock.ts'
import type { SentFile } from '../contract/import.ts'
import { Failure, type Fault } from '../errors.ts'
import { mediaTypeOf } from './media-type.ts'
import { pieceBytes, piecesOf } from './pieces-of.ts'

// A form with one file needs few parts, and a part few headers. The bounds keep a hostile form cheap.
const partsMax = 50
const headMax = 16 * 1024

type Part = { name: string; isFile: boolean; file: SentFile }

/**
 * The only file of a `multipart/form-data` body (RFC 7578). A file input that was left empty does not count. Other fields
 * are ignored, except those named as an option of `query`: ignoring `dryRun` would start a real import.
 * @throws Failure `request.malformed`, `request.invalid-body`
 */
export const readFormFile = async (
  bytes: Buffer,
  contentType: string,
  query: z.ZodObject | undefined,
): Promise<SentFile> => {
  const parts = await readParts(bytes, contentType)
  const files = parts.filter(({ isFile, file }) => isFile && file.bytes.length > 0)
  const faults: Fault[] = parts
    .filter(({ name, isFile }) => !isFile && Object.hasOwn(query?.shape ?? {}, name))
    .map(({ name }) => ({
      pointer: `/${name}`,
      code: 'field',
      detail: `Send ${name} in the query, not in the form.`,
    }))
  const [found] = files
  if (!found || files.length > 1)
    faults.push({
      pointer: '',
      code: 'file',
      detail: `The form must have exactly one file that is not empty. It has ${files.length}.`,
    })
  if (!found || faults.length > 0) throw new Failure('request.invalid-body', { errors: faults })
  return found.file
}

const malformed = (detail: string): Failure =>
  new Failure('request.malformed', { errors: [{ pointer: '', code: 'form', detail }] })

/** The parts of a form (RFC 2046 §5.1). Their bytes are those of the form, not a copy. */
const readParts = async (bytes: Buffer, contentType: string): Promise<Part[]> => {
  const boundary = mediaTypeOf(contentType)?.boundary
  if (!boundary) throw malformed('The media type of a form must name its boundary.')
  const mark = Buffer.from(`\r\n--${boundary}`)
  const places = await placesOf(mark, bytes)
  const parts: Part[] = []
  for (const [index, place] of places.entries()) {
    const start = place + mark.length
    if (bytes.toString('latin1', start, start + 2) === '--') return parts
    const content = bytes.subarray(start, places[index + 1])
    const headEnd = content.subarray(0, headMax).indexOf('\r\n\r\n')
    if (headEnd === -1 || index + 1 === places.length) break
    parts.push(partOf(content.toString('utf8', 0, headEnd), content.subarray(headEnd + 4)))
  }
  throw malformed('The body is not a well-formed form with the boundary that its media type names.')
}

const partOf = (head: string, bytes: Buffer): Part => {
  // A header may go on in the next line.
  const [, ...headers] = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')
  const header = (name: RegExp): string => headers.find((line) => name.test(line))?.replace(name, '') ?? ''
  const disposition = header(/^content-disposition[ \t]*:/i)
  return {
    name: /;\s*name\s*=\s*"?([^";]*)/i.exec(disposition)?.[1]?.trim() ?? '',
    isFile: /;\s*filename\*?\s*=/i.test(disposition),
    file: { bytes, contentType: header(/^content-type[ \t]*:[ \t]*/i) },
  }
}

/** Where the boundaries begin. The first one may have no line end before it. A boundary is not part of a file. */
const placesOf = async (mark: Buffer, bytes: Buffer): Promise<number[]> => {
  const places = bytes.subarray(0, mark.length - 2).equals(mark.subarray(2)) ? [-2] : []
  let start = 0
  await inSlices(piecesOf(bytes, mark.length - 1), (piece) => {
    for (let at = piece.indexOf(mark); at !== -1; at = piece.indexOf(mark, at + mark.length))
      if (places.push(start + at) > partsMax + 1)
        throw malformed(`Wanted: a form of at most ${partsMax} parts.`)
    start += pieceBytes
  })
  return places
}
