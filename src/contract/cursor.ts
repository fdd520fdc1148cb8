import { z } from 'zod'
import { refuse } from './fault.ts'
import { Id } from './ids.ts'

/**
 * Where a page ended. `last`: its last operators in order, each with a digest of its sort values. `before`: how many came
 * before these. `of`: organization and order. It contains no name, because URLs contain it.
 */
export type Cursor = { of: string; before: number; last: [id: number, print: string][] }

export const rememberedMax = 10
const digest = z.string().max(8)
const shape = z.tuple([
  digest,
  z.int().min(0),
  z
    .array(z.tuple([Id, digest]))
    .min(1)
    .max(rememberedMax),
])

export const encodeCursor = ({ of, before, last }: Cursor): string =>
  Buffer.from(JSON.stringify([of, before, last])).toString('base64url')

const decode = (text: string): Cursor | undefined => {
  try {
    const [of, before, last] = shape.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return encodeCursor({ of, before, last }) === text ? { of, before, last } : undefined
  } catch {
    return undefined
  }
}

export const cursorFault = { code: 'cursor', detail: 'Wanted: nextCursor of the page before, and its sort.' }

export const CursorText = z
  .string()
  .max(1000)
  .transform((text, context) => decode(text) ?? refuse(context, cursorFault))
  .meta({ openapi: { type: 'string', maxLength: 1000 } })
