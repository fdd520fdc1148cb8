import { z } from 'zod'
import { parsedText, refuse } from './fault.ts'

/** An object without other fields. The OpenAPI document describes it once, under this name. */
export const component = <S extends z.ZodRawShape>(id: string, shape: S) => z.strictObject(shape).meta({ id })

export const Count = z.int().min(0)

/** One count for each of these names. */
export const countsOf = <N extends string>(names: readonly N[]) =>
  Object.fromEntries(names.map((name) => [name, Count])) as Record<N, typeof Count>

/** ChatHub's ids are 32-bit integers. */
const idMax = 2147483647

/** An id in a JSON body. */
export const Id = z.int().min(1).max(idMax)

/** Digits only: no sign, no leading zero. */
const parseWhole = (text: string, min: number, max: number): number | undefined => {
  const value = /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : undefined
}

/** The id that a path or query names; undefined when it is none. */
export const parseId = (text: string): number | undefined => parseWhole(text, 1, idMax)

/** A list in a JSON body. The entries of a list that is too long are not checked. */
export const listOf = <T extends z.ZodType>(element: T, [min, max]: [number, number]) =>
  z.preprocess(
    (value, context) =>
      Array.isArray(value) && value.length > max
        ? refuse(context, { code: 'range', detail: `Wanted: at most ${max} entries.` })
        : value,
    z.array(element).min(min).max(max),
  )

/** For `overwrite`: what is listed twice counts once. */
export const distinct = <T>(list: T[]): T[] => [...new Set(list)]

export const wholeText = (minimum: number, maximum: number, form = '') =>
  parsedText((text) => parseWhole(text, minimum, maximum), {
    code: 'integer',
    detail: `Wanted: an integer from ${minimum} to ${maximum}${form}.`,
  }).meta({ openapi: { type: 'integer', minimum, maximum } })

/** An id in a path or query. */
export const IdText = wholeText(1, idMax, ', digits only')

/** A list in a query, comma separated or by a repeated parameter, at most 1,000 entries. An empty entry is a fault. */
export const listText = <T>(parse: (text: string) => T | undefined, wanted: string, items: object) =>
  parsedText(
    (text) => {
      const values = text.split(',').map(parse)
      return values.length <= 1000 && values.every((value) => value !== undefined)
        ? (values as T[])
        : undefined
    },
    { code: 'list', detail: `Wanted: ${wanted}, comma separated.` },
  ).meta({ openapi: { type: 'array', items }, explode: false })

/** Whether a parameter is a list, so that it may be repeated. */
export const isListText = (schema: z.ZodType): boolean =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? isListText(schema.unwrap() as z.ZodType)
    : schema.meta()?.['explode'] === false

export const wordList = <const W extends string>(words: readonly W[]) =>
  listText((text) => words.find((word) => word === text), words.join(', '), { type: 'string', enum: words })

export const IdList = listText(parseId, 'ids', { type: 'integer', minimum: 1, maximum: idMax })

/** `true` or `false` in a query. */
export const BooleanText = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .meta({ openapi: { type: 'boolean' } })
