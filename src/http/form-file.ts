import type { Readable, Writable } from 'node:stream'
import { Dicer } from '@fastify/busboy'
import type { z } from 'zod'
import { inSlices, nextSlice } from '../clock.ts'
import type { SentFile } from '../contract/import.ts'
import { Failure, type Fault } from '../errors.ts'
import { joinInSlices } from './bytes-in-slices.ts'
import { mediaTypeOf } from './media-type.ts'
import { piecesOf } from './pieces-of.ts'

// A form with one file needs few parts. The bound keeps a body of tiny parts cheap.
const partsMax = 50

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

const malformed = (detail: string, cause?: unknown): Failure =>
  new Failure('request.malformed', { cause, errors: [{ pointer: '', code: 'form', detail }] })

const readParts = async (bytes: Buffer, contentType: string): Promise<Part[]> => {
  const boundary = mediaTypeOf(contentType)?.boundary
  if (!boundary) throw malformed('The media type of a form must name its boundary.')
  const parts: Promise<Part>[] = []
  await refuseManyParts(bytes, boundary)
  const parser = new Dicer({ boundary })
  try {
    await new Promise<void>((resolve, reject) => {
      parser.on('part', (part) => {
        const read = readPart(part)
        // A part that breaks off fails the parser too.
        read.catch(reject)
        if (parts.push(read) > partsMax) reject(tooManyParts())
      })
      parser.on('error', reject)
      parser.once('finish', resolve)
      writeInSlices(parser, bytes, () => parts.length > partsMax).catch(reject)
    })
    return await Promise.all(parts)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw malformed('The body is not a well-formed form with the boundary that its media type names.', error)
  }
}

const readPart = async (part: Readable): Promise<Part> => {
  let head: Record<string, string[] | undefined> = {}
  part.once('header', (header) => {
    head = header
  })
  part.on('error', () => undefined) // the loop below throws it
  const chunks: Buffer[] = []
  for await (const chunk of part) chunks.push(chunk as Buffer)
  const disposition = head['content-disposition']?.[0] ?? ''
  return {
    name: /;\s*name\s*=\s*"?([^";]*)/i.exec(disposition)?.[1]?.trim() ?? '',
    isFile: /;\s*filename\*?\s*=/i.test(disposition),
    file: { bytes: await joinInSlices(chunks), contentType: head['content-type']?.[0] ?? '' },
  }
}

const tooManyParts = () => malformed(`Wanted: a form of at most ${partsMax} parts.`)

/** The parser takes long for each part, so they are counted first. A boundary is not part of a file. */
const refuseManyParts = async (bytes: Buffer, boundary: string): Promise<void> => {
  const mark = Buffer.from(`\r\n--${boundary}`)
  let ends = 0
  await inSlices(piecesOf(bytes, mark.length - 1), (piece) => {
    for (let at = piece.indexOf(mark); at !== -1; at = piece.indexOf(mark, at + mark.length))
      if (++ends > partsMax) throw tooManyParts()
  })
}

/** Between two pieces other requests are served. */
const writeInSlices = async (parser: Writable, bytes: Buffer, isEnough: () => boolean): Promise<void> => {
  for (const piece of piecesOf(bytes)) {
    if (isEnough()) break
    parser.write(piece)
    await nextSlice()
  }
  parser.end()
}
