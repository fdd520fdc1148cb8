import { z } from 'zod'
import { type Endpoint, endpoints } from '../../contract/endpoints.ts'
import type { SentFile } from '../../contract/import.ts'
import { type Json, schemaOf } from '../../contract/json-schema.ts'
import { Failure } from '../../errors.ts'
import type { Given } from '../address.ts'
import { pointerTo } from '../validate.ts'

type Values = Record<string, unknown>

/** An endpoint as a tool. Its arguments are those of path, query and body. */
export type Tool = {
  name: string
  endpoint: Endpoint
  /** Default: the summary of the endpoint. */
  description?: string
  /** Arguments that are not the caller's to choose. */
  fixed?: Values
  defaults?: Values
  /** The argument that is the text of the file, where the body is a file. */
  file?: string
}

export const tools: readonly Tool[] = [
  { name: 'list_operators', endpoint: endpoints.listOperators, defaults: { limit: 100 } },
  { name: 'find_operators', endpoint: endpoints.searchOperators },
  { name: 'get_statistics', endpoint: endpoints.getAllStatistics },
  { name: 'diagnose_organization', endpoint: endpoints.diagnose },
  {
    name: 'add_operators',
    endpoint: endpoints.addOperators,
    description:
      'Add operators to an organization. Names that exist are skipped, so a repetition adds nothing.',
    fixed: { onDuplicate: 'skip', onDeleted: 'report' },
  },
  { name: 'set_status', endpoint: endpoints.setStatus },
  {
    name: 'preview_import',
    endpoint: endpoints.startImport,
    description: 'Show what an import of this CSV text would do, and how it was read. Nothing is written.',
    fixed: { dryRun: true },
    file: 'csv',
  },
  { name: 'get_operation', endpoint: endpoints.getOperation },
]

/** What a client may tell its user before a call. It follows from the endpoint, so it cannot say less than the call does. */
const hintsOf = ({ endpoint, fixed = {} }: Tool) => {
  const { method, scope, keyRequired } = endpoint
  const readOnlyHint = method === 'get' || fixed['dryRun'] === true
  return {
    readOnlyHint,
    // What can be posted without the right to add changes what exists.
    destructiveHint: !readOnlyHint && (method !== 'post' || scope === 'operators:status'),
    idempotentHint: readOnlyHint || !keyRequired?.(fixed as never, fixed as never),
    openWorldHint: false,
  }
}

type Shape = Record<string, z.ZodType>
const shapeOf = (schema: z.ZodType | undefined): Shape => (schema instanceof z.ZodObject ? schema.shape : {})

/** The arguments of a tool as JSON Schema, from the schemas with which the endpoint checks them. */
const argumentsOf = ({ endpoint, fixed = {}, defaults = {}, file }: Tool): Json => {
  const { params, query, body } = endpoint
  const all = { ...shapeOf(params), ...shapeOf(query), ...shapeOf(body) }
  const shape = Object.fromEntries(Object.entries(all).filter(([name]) => !(name in fixed)))
  if (file) shape[file] = z.string().min(1).describe('The text of the file.')
  const definitions: Json = {}
  const schema = schemaOf(z.strictObject(shape), 'input', definitions)
  const properties = schema['properties'] as Record<string, Json>
  for (const [name, value] of Object.entries(defaults))
    Object.assign(properties[name] as Json, { default: value })
  const whole = Object.keys(definitions).length > 0 ? { ...schema, $defs: definitions } : schema
  return JSON.parse(JSON.stringify(whole).replaceAll('"#/components/schemas/', '"#/$defs/')) as Json
}

/** The tool as clients see it. */
export const describe = (tool: Tool) => ({
  name: tool.name,
  description: tool.description ?? tool.endpoint.summary,
  inputSchema: argumentsOf(tool),
  annotations: hintsOf(tool),
})

const textOf = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value))

/** The arguments of a call where the endpoint looks for them: path and query as text, as in a URL. @throws Failure `request.invalid` for an unknown one */
export const givenTo = (tool: Tool, args: Values): Given => {
  const { endpoint, fixed = {}, defaults, file } = tool
  const [params, query, body] = [shapeOf(endpoint.params), shapeOf(endpoint.query), shapeOf(endpoint.body)]
  const known = new Set([...Object.keys({ ...params, ...query, ...body }), ...(file ? [file] : [])])
  for (const name of Object.keys(fixed)) known.delete(name)
  const unknown = Object.keys(args).filter((name) => !known.has(name))
  if (unknown.length > 0) {
    const detail = `Not known here. Wanted: only ${[...known].join(', ')}.`
    const errors = unknown
      .slice(0, 100)
      .map((name) => ({ pointer: pointerTo('', [name]), code: 'unknown', detail }))
    throw new Failure('request.invalid', { errors })
  }
  const all = { ...defaults, ...args, ...fixed }
  const within = (shape: Shape) =>
    Object.entries(all).filter(([name, value]) => Object.hasOwn(shape, name) && value !== undefined)
  const inText = (shape: Shape) =>
    Object.fromEntries(within(shape).map(([name, value]) => [name, textOf(value)]))
  return {
    params: inText(params),
    query: inText(query),
    body: file ? fileOf(file, args[file]) : endpoint.body && Object.fromEntries(within(body)),
  }
}

const fileOf = (name: string, text: unknown): SentFile => {
  if (typeof text === 'string' && text !== '')
    return { bytes: Buffer.from(text), contentType: 'text/csv; charset=utf-8' }
  const errors = [{ pointer: `/${name}`, code: 'required', detail: 'Wanted: the text of the file.' }]
  throw new Failure('request.invalid', { errors })
}
