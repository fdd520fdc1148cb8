import { z } from 'zod'
import { type FailureCode, failures } from '../errors.ts'
import { dropInMedia } from './drop-in.ts'
import { type Endpoint, isBodyOptional } from './endpoints.ts'
import { formMedia } from './import.ts'
import { headersOf, responseHeaders } from './response-headers.ts'
import { Problem, sessionCookie, sessionHeader } from './system.ts'

type Json = Record<string, unknown>
const refTo = (kind: 'schemas' | 'headers', name: string) => ({ $ref: `#/components/${kind}/${name}` })

/** Failures that follow from the properties of an endpoint, in addition to those that it names. */
const impliedFailures = ({ scope, dropIn, body, idempotent, neverShed }: Endpoint): FailureCode[] => [
  'request.malformed',
  'request.invalid',
  'credential.conflict',
  ...onlyIf(!dropIn, 'credential.in-url'),
  'request.not-acceptable',
  'request.expectation',
  'request.uri-too-long',
  'request.headers-too-large',
  'request.timeout',
  ...onlyIf(scope !== 'open', 'credential.missing', 'credential.invalid'),
  ...onlyIf(scope !== 'open', 'credential.unverifiable', 'csrf.refused'),
  ...onlyIf(scope !== 'open' || body, 'limit.exceeded', 'limit.concurrency'),
  ...onlyIf(scope !== 'open' && scope !== 'any', 'scope.missing'),
  ...onlyIf(body, 'body.type', 'body.too-large'),
  ...onlyIf(body && !dropIn, 'request.invalid-body'),
  ...onlyIf(idempotent, 'idempotency.in-flight', 'idempotency.mismatch', 'quota.exceeded'),
  ...onlyIf(!neverShed, 'server.overloaded'),
  'gateway.internal',
]
const onlyIf = (condition: unknown, ...codes: FailureCode[]): FailureCode[] => (condition ? codes : [])

/**
 * The JSON Schema of a zod schema; schemas with an id become `components`. `openapi` in its metadata replaces what zod
 * cannot express, as text for a number.
 */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output', components: Json): Json => {
  const made = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      const own = jsonSchema as Json
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

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  description: 'The same key and body get the same answer for 24 hours.',
}

const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description:
    'The ETag of the operator as the caller read it. If the operator is another by now, nothing is changed.',
}

const lastEventId = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description: 'Goes on behind this event. EventSource sends it by itself. It counts before `after`.',
}

const parametersOf = (endpoint: Endpoint, components: Json): Json[] => {
  const { params, query } = endpoint
  const from = (place: 'path' | 'query', object: z.ZodObject | undefined): Json[] =>
    Object.entries((object?.shape ?? {}) as Record<string, z.ZodType>).map(([name, schema]) => {
      const { description, ...shape } = schemaOf(schema, 'input', components)
      return {
        name,
        in: place,
        required: place === 'path' || !schema.safeParse(undefined).success,
        ...(shape['type'] === 'array' && { style: 'form', explode: false }),
        ...(description ? { description } : {}),
        schema: shape,
      }
    })
  return [
    ...from('path', params),
    ...from('query', query),
    ...(endpoint.idempotent ? [idempotencyKey] : []),
    ...(endpoint.conditional ? [ifMatch] : []),
    ...(endpoint.lastEventId ? [lastEventId] : []),
  ]
}

/** The body of a request under each of its media types. A form has it as a file. */
const bodiesOf = (mediaTypes: readonly string[] = ['application/json'], schema: Json): Json => {
  const form = { type: 'object', properties: { file: schema }, required: ['file'] }
  return Object.fromEntries(mediaTypes.map((type) => [type, { schema: type === formMedia ? form : schema }]))
}

/** The bodies of one status by media type. */
const contentOf = (endpoint: Endpoint, schema: z.ZodType, components: Json): Json => {
  const { dropIn, produces = 'application/json', producesToo = [] } = endpoint
  const shape = { schema: schemaOf(schema, 'output', components) }
  const text = { schema: { type: 'string' } }
  const isStreamToo = produces === 'text/event-stream' && producesToo.length > 0
  return Object.fromEntries([
    ...(dropIn ? dropInMedia : [produces]).map((type) => [type, isStreamToo ? text : shape]),
    ...producesToo.map((type) => [type, type === 'application/json' ? shape : text]),
  ])
}

const answersOf = (endpoint: Endpoint, components: Json): Json => {
  const { answers, cached, failures: own = [] } = endpoint
  const codes = [...new Set([...impliedFailures(endpoint), ...own])]
  const answerOf = (status: number): Json => {
    const failed = codes.filter((code) => failures[code].status === status)
    const done =
      status === 304 ? 'Not changed since the ETag in If-None-Match.' : status < 300 ? 'Done.' : 'Not ready.'
    const schema = answers[status]
    const content = {
      ...(schema && contentOf(endpoint, schema, components)),
      ...(failed.length > 0 && { 'application/problem+json': { schema: refTo('schemas', 'Problem') } }),
    }
    const headers = headersOf(endpoint, status, failed).map((name) => [name, refTo('headers', name)])
    return {
      description: [
        ...(status in answers || status === 304 ? [done] : []),
        ...failed.map((code) => `\`${code}\`: ${failures[code].title}.`),
      ].join(' '),
      headers: Object.fromEntries(headers),
      ...(Object.keys(content).length > 0 && { content }),
    }
  }
  const statuses = [
    ...Object.keys(answers).map(Number),
    ...(cached ? [304] : []),
    ...codes.map((code) => failures[code].status),
  ]
  return Object.fromEntries(statuses.map((status) => [status, answerOf(status)]))
}

const securityOf = ({ scope, dropIn, sessionOnly, produces }: Endpoint): Json[] => {
  if (scope === 'open') return []
  // EventSource cannot send a header.
  const session = { session: [], ...(produces !== 'text/event-stream' && { sessionHeader: [] }) }
  if (sessionOnly) return [session]
  return [{ bearer: [] }, { key: [] }, ...(dropIn ? [{ chathubKey: [] }] : []), session]
}

// biome-ignore format: a table reads best one row a line
const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A key, a gateway token, or a JWT of the host application: `sub`, `iat` and `exp` are required.' },
  key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
  chathubKey: { type: 'apiKey', in: 'header', name: 'X-Authorization-Key' },
  session: { type: 'apiKey', in: 'cookie', name: sessionCookie, description: 'A browser session, where the gateway has SESSION_SECRET. The request must come from the page’s own origin.' },
  sessionHeader: { type: 'apiKey', in: 'header', name: sessionHeader, description: 'Any value, such as `1`. Required with the session cookie: other sites cannot send it.' },
}

/** What a caller needs, in one or two sentences. */
const rightsOf = ({ scope, scopeToo, scopeOfValue }: Endpoint): string => {
  const scopes = [scope, scopeToo].flatMap((each) => (each ? [`\`${each}\``] : []))
  const more = scopeOfValue && ` \`${scopeOfValue.scope}\` includes it, and is needed ${scopeOfValue.what}.`
  return `Scope: ${scopes.join(' and ')}.${more ?? ''}`
}

/** The OpenAPI 3.1 document of these endpoints. */
export const createOpenApi = (endpoints: readonly Endpoint[], version: string): Json => {
  const schemas: Json = {}
  schemaOf(Problem, 'output', schemas) // adds its definition to the schemas
  const paths: Record<string, Json> = {}
  for (const endpoint of endpoints) {
    const item = paths[endpoint.path] ?? {}
    paths[endpoint.path] = item
    item[endpoint.method] = {
      operationId: endpoint.id,
      tags: [endpoint.tag],
      summary: endpoint.summary,
      ...(endpoint.scope !== 'open' &&
        endpoint.scope !== 'any' && {
          description: rightsOf(endpoint),
        }),
      security: securityOf(endpoint),
      parameters: parametersOf(endpoint, schemas),
      ...(endpoint.body && {
        requestBody: {
          required: !isBodyOptional(endpoint),
          content: bodiesOf(endpoint.consumes, schemaOf(endpoint.body, 'input', schemas)),
        },
      }),
      responses: answersOf(endpoint, schemas),
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'ChatHub gateway',
      version,
      summary: 'A backend-for-frontend for SMSBAT ChatHub.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas, headers: responseHeaders, securitySchemes },
  }
}
