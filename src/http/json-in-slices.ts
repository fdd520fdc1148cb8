import { inSlices } from '../clock.ts'

const entriesAtOnce = 100

/** The bytes of `JSON.stringify(value)`, with the entries of its arrays made in slices of the event loop. */
export const jsonInSlices = async (value: object): Promise<Buffer> => {
  const pieces: Buffer[] = []
  const add = (text: string): void => void pieces.push(Buffer.from(text))
  let before = '{'
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined) continue
    const name = `${before}${JSON.stringify(key)}:`
    before = ','
    if (!Array.isArray(part)) {
      add(name + JSON.stringify(part))
      continue
    }
    add(`${name}[`)
    await inSlices(starts(part.length), (at) => {
      add((at > 0 ? ',' : '') + JSON.stringify(part.slice(at, at + entriesAtOnce)).slice(1, -1))
    })
    add(']')
  }
  add(before === '{' ? '{}' : '}')
  return Buffer.concat(pieces)
}

function* starts(length: number): Generator<number> {
  for (let at = 0; at < length; at += entriesAtOnce) yield at
}
