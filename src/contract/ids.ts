import { z } from 'zod'

/** ChatHub's ids are 32-bit integers. */
export const idMax = 2147483647

/** An id in a JSON body. */
export const Id = z.number().int().min(1).max(idMax)

/** `24` out of a path or query: digits only, no sign, no leading zero; undefined when it is not an id. */
export const parseId = (text: string): number | undefined => {
  if (!/^[1-9][0-9]{0,9}$/.test(text)) return undefined
  const value = Number(text)
  return value <= idMax ? value : undefined
}

/** A list in a JSON body. One that is too long is one fault: its entries are not looked at. */
export const listOf = <T extends z.ZodType>(element: T, [min, max]: [number, number]) =>
  z.preprocess((value, context) => {
    if (!Array.isArray(value) || value.length <= max) return value
    const message = `Wanted: at most ${max} entries.`
    context.addIssue({ code: 'custom', message, params: { code: 'range' } })
    return z.NEVER
  }, z.array(element).min(min).max(max))

const integerText = (parse: (text: string) => number | undefined, wanted: string, schema: object) =>
  z
    .string()
    .transform((text, context) => {
      const value = parse(text)
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: `Wanted: ${wanted}.`, params: { code: 'integer' } })
      return z.NEVER
    })
    .meta({ openapi: schema })

/** An id in a path or query. */
export const IdText = integerText(parseId, `an integer from 1 to ${idMax}, digits only`, {
  type: 'integer',
  minimum: 1,
  maximum: idMax,
})

/** A whole number in a query. */
export const wholeText = (min: number, max: number) =>
  integerText(
    (text) =>
      /^(0|[1-9]\d{0,9})$/.test(text) && Number(text) >= min && Number(text) <= max
        ? Number(text)
        : undefined,
    `an integer from ${min} to ${max}`,
    { type: 'integer', minimum: min, maximum: max },
  )

/** A comma separated list in a query; every entry is checked, an empty one is a fault. */
export const listText = <T>(parse: (text: string) => T | undefined, wanted: string, items: object) =>
  z
    .string()
    .transform((text, context) => {
      const values = text.split(',').map(parse)
      if (values.length <= 1000 && values.every((value) => value !== undefined)) return values as T[]
      context.addIssue({
        code: 'custom',
        message: `Wanted: ${wanted}, comma separated.`,
        params: { code: 'list' },
      })
      return z.NEVER
    })
    .meta({ openapi: { type: 'array', items }, explode: false })

export const IdList = listText(parseId, 'ids', { type: 'integer', minimum: 1, maximum: idMax })

/** `true` or `false` in a query. */
export const BooleanText = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .meta({ openapi: { type: 'boolean' } })
