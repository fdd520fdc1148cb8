import { z } from 'zod'

export type Json = Record<string, unknown>

/** What zod adds and no reader needs: limits of numbers in JavaScript, and a pattern beside the format of a time. */
const tidy = (own: Json): void => {
  if (own['minimum'] === Number.MIN_SAFE_INTEGER) delete own['minimum']
  if (own['maximum'] === Number.MAX_SAFE_INTEGER) delete own['maximum']
  if (own['format'] === 'date-time') delete own['pattern']
}

/**
 * The JSON Schema of a zod schema; schemas with an id become `components`. `openapi` in its metadata replaces what zod
 * cannot express, as text for a number.
 */
export const schemaOf = (schema: z.ZodType, io: 'input' | 'output', components: Json): Json => {
  const made = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      const own = jsonSchema as Json
      tidy(own)
      const { openapi, description } = own
      if (!openapi) return
      for (const key of Object.keys(own)) delete own[key]
      Object.assign(own, openapi, description ? { description } : {})
    },
  })
  const text = JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/')
  const { $defs, $schema: _dialect, ...rest } = JSON.parse(text) as Json
  Object.assign(components, $defs)
  return rest
}
