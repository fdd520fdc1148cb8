import { inSlices } from '../clock.ts'

const entriesAtOnce = 100

/** The bytes of texts that are made one after the other, in slices of the event loop. */
export const bytesInSlices = async (texts: Iterable<string>): Promise<Buffer> => {
  const pieces: Buffer[] = []
  await inSlices(texts, (text) => void pieces.push(Buffer.from(text)))
  return joinInSlices(pieces)
}

/** The bytes of all pieces. Joined at once, a large body would stop the event loop for its copy. */
export const joinInSlices = async (pieces: readonly Buffer[]): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafe(pieces.reduce((size, piece) => size + piece.length, 0))
  let at = 0
  await inSlices(pieces, (piece) => {
    at += piece.copy(bytes, at)
  })
  return bytes
}

/** The bytes of `JSON.stringify(value)`, with the entries of its arrays made in slices of the event loop. */
export const jsonInSlices = (value: object): Promise<Buffer> => bytesInSlices(jsonTexts(value))

function* jsonTexts(value: object): Generator<string> {
  let before = '{'
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined) continue
    yield `${before}${JSON.stringify(key)}:`
    before = ','
    if (Array.isArray(part)) yield* arrayTexts(part)
    else yield JSON.stringify(part)
  }
  yield before === '{' ? '{}' : '}'
}

function* arrayTexts(entries: readonly unknown[]): Generator<string> {
  yield '['
  for (let at = 0; at < entries.length; at += entriesAtOnce) {
    const text = JSON.stringify(entries.slice(at, at + entriesAtOnce)).slice(1, -1)
    yield at > 0 ? `,${text}` : text
  }
  yield ']'
}
