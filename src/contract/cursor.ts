import { z } from 'zod'
import { Id } from './ids.ts'

/**
 * Where a page ended: the last operators before the next one, oldest first, each with a print of what it was sorted by;
 * how many came before these; and of which organization and order all this is. A name is not in it, for it goes into URLs.
 */
export type Cursor = { of: string; before: number; last: [id: number, print: string][] }

export const rememberedMax = 10
const print = z.string().max(8)
const shape = z.tuple([
  print,
  z.int().min(0),
  z
    .array(z.tuple([Id, print]))
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

export const cursorFault = { code: 'cursor', message: 'Wanted: nextCursor of the page before, and its sort.' }

/** A cursor in a query. */
export const CursorText = z
  .string()
  .max(1000)
  .transform((text, context) => {
    const cursor = decode(text)
    if (cursor) return cursor
    context.addIssue({ code: 'custom', message: cursorFault.message, params: { code: cursorFault.code } })
    return z.NEVER
  })
  .meta({ openapi: { type: 'string', maxLength: 1000 } })
