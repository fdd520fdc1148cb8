export type Schema = {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  format?: string
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}
export type Parameter = {
  name: string
  in: 'path' | 'query' | 'header' | 'cookie'
  required?: boolean
  schema: Schema
}
type Scheme = { type: string; scheme?: string; in?: string; name?: string }
type Described = {
  description?: string
  security?: Record<string, unknown>[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: { type?: string } }> }>
}
export type OpenApi = {
  paths: Record<string, Record<string, Described>>
  components: {
    schemas?: Record<string, Schema>
    headers: Record<string, { schema: object }>
    securitySchemes: Record<string, Scheme>
  }
}
export type Operation = Described & { method: string; path: string; title: string }

/** Every operation of the document. */
export const operationsOf = ({ paths }: OpenApi): Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      ...described,
      method: method.toUpperCase(),
      path,
      title: `${method.toUpperCase()} ${path}`,
    })),
  )

/** A schema with its reference followed. */
export const resolved = (schema: Schema, { components }: OpenApi): Schema => {
  const name = schema.$ref?.replace('#/components/schemas/', '')
  return name === undefined ? schema : resolved(components.schemas?.[name] ?? {}, { components, paths: {} })
}
