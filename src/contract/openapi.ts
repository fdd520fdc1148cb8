import type { z } from 'zod'
import { type Endpoint, isBodyOptional } from './endpoints.ts'
import { exampleOf } from './example-of.ts'
import { parameterExamples } from './examples.ts'
import { formMedia } from './import.ts'
import { type Json, schemaOf } from './json-schema.ts'
import { answersOf, type Components } from './openapi-answers.ts'
import { responseHeaders } from './response-headers.ts'
import { sessionCookie, sessionHeader } from './session.ts'
import { Problem } from './system.ts'
import { tags } from './tags.ts'
import { WebhookMessage } from './webhook.ts'

const header = (name: string, description: string, schema: object = {}): Json => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string', ...schema },
})
/** Headers of a request, by the property of the endpoints that take them. */
// biome-ignore format: a table reads best one row a line
const requestHeaders: Record<'idempotent' | 'conditional' | 'lastEventId', Json> = {
  idempotent: { ...header('Idempotency-Key', 'The same key and body get the same answer for 24 hours, marked `Idempotency-Replayed: true`. Nothing is done twice.', { minLength: 1, maxLength: 255 }), example: '6f1c2b9e-create-alex' },
  conditional: header('If-Match', 'The ETag of the operator as the caller read it. If the operator has changed by now, nothing is changed. An operator that has the status already is no failure, so a change can be repeated after a lost answer.'),
  lastEventId: header('Last-Event-ID', 'Goes on behind this event. EventSource sends it by itself. It counts before `after`.'),
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
        ...(name in parameterExamples && { example: parameterExamples[name] }),
      }
    })
  return [
    ...from('path', params),
    ...from('query', query),
    ...Object.entries(requestHeaders)
      .filter(([taken]) => endpoint[taken as keyof typeof requestHeaders])
      .map(([, parameter]) => parameter),
  ]
}

/** The body of a request under each of its media types. A form has it as a file. */
const bodyOf = (endpoint: Endpoint, body: z.ZodType, components: Json): Json => {
  const shape = schemaOf(body, 'input', components)
  const form = { type: 'object', properties: { file: shape }, required: ['file'] }
  const content = (endpoint.consumes ?? ['application/json']).map((type) => {
    const schema = type === formMedia ? form : shape
    return [type, { schema, ...exampleOf(endpoint, type, schema) }]
  })
  return { required: !isBodyOptional(endpoint), content: Object.fromEntries(content) }
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
  key: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key, as `chathub-gateway keys create` shows it once.' },
  chathubKey: { type: 'apiKey', in: 'header', name: 'X-Authorization-Key', description: 'A key or a gateway token, where a program sends the bare token of ChatHub.' },
  session: { type: 'apiKey', in: 'cookie', name: sessionCookie, description: 'A browser session, where the gateway has SESSION_SECRET. The request must come from the page’s own origin.' },
  sessionHeader: { type: 'apiKey', in: 'header', name: sessionHeader, description: 'Any value, such as `1`. Required with the session cookie: other sites cannot send it.' },
}

/** What a caller needs, in one or two sentences. */
const rightsOf = ({ scope, scopeToo, scopeOr, scopeOfValue, sessionOnly }: Endpoint): string => {
  if (scope === 'open') return 'No credential is needed.'
  if (scope === 'any') return sessionOnly ? 'Only a browser session may call it.' : 'Any credential will do.'
  const scopes = [scope, scopeToo].flatMap((each) => (each ? [`\`${each}\``] : []))
  const more = scopeOfValue && ` \`${scopeOfValue.scope}\` includes it, and is needed ${scopeOfValue.what}.`
  const or = scopeOr && ` \`${scopeOr}\` includes it here.`
  return `Scope: ${scopes.join(' and ')}.${more ?? or ?? ''}`
}

const operationOf = (endpoint: Endpoint, components: Components): Json => {
  const { schemas } = components
  // The first sentence is the title of the operation.
  const [, summary = endpoint.summary, more = ''] =
    /^(.*?)\.(?: (?=[A-Z`])(.*))?$/s.exec(endpoint.summary) ?? []
  return {
    operationId: endpoint.id,
    tags: [endpoint.tag],
    summary,
    description: [more, rightsOf(endpoint)].filter(Boolean).join(' '),
    security: securityOf(endpoint),
    parameters: parametersOf(endpoint, schemas),
    ...(endpoint.body && { requestBody: bodyOf(endpoint, endpoint.body, schemas) }),
    responses: answersOf(endpoint, components),
  }
}

const receivedHeader = (name: string, description: string): Json => ({
  ...header(name, description),
  required: true,
})
/** The requests that the gateway sends, as the `webhooks` of the OpenAPI document. */
const webhooksOf = (body: Json) => ({
  event: {
    post: {
      operationId: 'receiveEvent',
      tags: ['webhooks'],
      summary: 'Receive an event',
      description: 'Signed by Standard Webhooks. `webhook.test` comes from `:test`, with other data.',
      security: [], // the signature proves the sender
      parameters: [
        receivedHeader(
          'webhook-id',
          'The id of the event; the same for each attempt. Keep it to know repetitions.',
        ),
        receivedHeader('webhook-timestamp', 'Seconds since 1970 of this attempt.'),
        receivedHeader(
          'webhook-signature',
          '`v1,` and HMAC-SHA256 of id, timestamp and body as base64; one for each secret.',
        ),
      ],
      requestBody: { required: true, content: { 'application/json': body } },
      responses: {
        '2XX': { description: 'Taken.' },
        '410': { description: 'Send nothing more.' },
        default: { description: 'Sent again later. Retry-After counts, up to an hour.' },
      },
    },
  },
})

/** The OpenAPI 3.1 document of these endpoints. */
export const createOpenApi = (endpoints: readonly Endpoint[], version: string): Json => {
  const components: Components = { schemas: {}, examples: {} }
  schemaOf(Problem, 'output', components.schemas) // adds its definition
  const paths: Record<string, Json> = {}
  for (const endpoint of endpoints) {
    const item = paths[endpoint.path] ?? {}
    paths[endpoint.path] = item
    item[endpoint.method] = operationOf(endpoint, components)
  }
  const message = schemaOf(WebhookMessage, 'output', components.schemas)
  const used = new Set<string>(endpoints.map(({ tag }) => tag))
  return {
    openapi: '3.1.0',
    info: {
      title: 'ChatHub gateway',
      version,
      summary: 'A backend-for-frontend for SMSBAT ChatHub.',
      description:
        'It keeps the company token, caches the operator lists and limits the requests to ChatHub. A list in a query is comma separated, or its parameter is repeated. Errors are problem documents (RFC 9457), whose `type` is a page that says what to do.',
      contact: { name: 'The operators of this gateway' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The gateway that answered this document.' }],
    tags: Object.entries(tags)
      .filter(([name]) => used.has(name))
      .map(([name, description]) => ({ name, description })),
    paths,
    webhooks: webhooksOf({
      schema: message,
      ...exampleOf({ id: 'receiveEvent' }, 'application/json', message),
    }),
    components: { ...components, headers: responseHeaders, securitySchemes },
  }
}
