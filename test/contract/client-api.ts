import { type Endpoint, endpoints, isBodyOptional } from '../../src/contract/endpoints.ts'
import { createOpenApi } from '../../src/contract/openapi.ts'
import { failures } from '../../src/errors.ts'

type Name = keyof typeof endpoints

/** The function of the client for each endpoint. Null: it has none. */
// biome-ignore format: a table reads best one row a line
const functions: Record<Name, string | null> = {
  listOrganizations: 'organizations.list',
  getOrganization: 'organizations.get',
  getStatistics: 'organizations.statistics',
  getAllStatistics: 'organizations.allStatistics',
  diagnose: 'organizations.diagnose',
  getCoverage: 'organizations.coverage',
  listOperators: 'operators.list',
  getOperator: 'operators.get',
  findOperator: 'operators.find',
  getHistory: 'operators.history',
  searchOperators: 'operators.search',
  addOperators: 'operators.add',
  changeStatus: 'operators.update',
  deleteOperator: 'operators.delete',
  setStatus: 'operators.setStatus',
  onboard: 'operators.onboard',
  startImport: 'operators.import',
  mintOperatorToken: 'tokens.mint',
  validateOperatorToken: 'tokens.validate',
  listOperations: 'operations.list',
  getOperation: 'operations.get',
  getOperationRows: 'operations.rows',
  cancelOperation: 'operations.cancel',
  retryOperation: 'operations.retry',
  undoOperation: 'operations.undo',
  watchOperation: null, // operations.watch and operations.wait
  assignChat: 'assignments.assign',
  getAssignment: 'assignments.get',
  releaseChat: 'assignments.release',
  listEvents: 'events.list', // and events.subscribe
  listWebhooks: 'webhooks.list',
  createWebhook: 'webhooks.create',
  getWebhook: 'webhooks.get',
  deleteWebhook: 'webhooks.delete',
  testWebhook: 'webhooks.test',
  replayWebhook: 'webhooks.replay',
  rotateWebhookSecret: 'webhooks.rotateSecret',
  listDeadLetters: 'webhooks.deadLetters',
  listAudit: 'audit.list',
  eraseName: 'audit.eraseName',
  mintSession: 'sessions.mint',
  endSessions: 'sessions.endAll',
  openSession: 'sessions.open',
  getSession: 'sessions.get',
  ownOperatorToken: 'sessions.operatorToken',
  endSession: 'sessions.end',
  me: 'gateway.me',
  status: 'gateway.status',
  listClients: 'gateway.clients',
  upstream: 'gateway.upstream',
  usage: 'gateway.usage',
  switches: 'gateway.switches',
  setSwitches: 'gateway.setSwitches',
  purge: 'gateway.purge',
  // For people, probes, collectors and programs with a client of their own.
  root: null, docs: null, reference: null, problems: null, problemPage: null, guide: null, docsFile: null, console: null, consoleLogin: null, consoleCallback: null, consoleLogout: null, consoleFile: null, widgetLoader: null, llms: null, mcp: null, openapi: null, openapiYaml: null, metrics: null, livez: null, readyz: null,
  // For programs written for ChatHub.
  dropInOrganizations: null, dropInLogin: null, dropInOperators: null, dropInSynchronize: null, dropInStatus: null, dropInToken: null, dropInValidate: null,
}

type Schema = {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  format?: string
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  description?: string
  additionalProperties?: unknown
}
type Media = { schema: Schema; example?: unknown }
type Operation = {
  summary: string
  description: string
  parameters: { name: string; in: string; required: boolean; description?: string; schema: Schema }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, Media> }>
}

const document = createOpenApi(Object.values(endpoints), '1.0.0') as unknown as {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

const refName = (ref: string): string => ref.split('/').at(-1) as string

const comment = (text: string | undefined, indent: string): string =>
  text ? `${indent}/** ${text} */\n` : ''

/** A schema as a type. @throws Error for a schema that this has no case for */
const typeOf = (schema: Schema, indent: string, seen: Set<string>): string => {
  const within = (child: Schema) => typeOf(child, indent, seen)
  if (schema.$ref) {
    seen.add(refName(schema.$ref))
    return refName(schema.$ref)
  }
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value).replaceAll('"', "'")).join(' | ')
  if ('const' in schema) return JSON.stringify(schema.const).replaceAll('"', "'")
  if (schema.anyOf) return [...new Set(schema.anyOf.map(within))].join(' | ')
  if (Array.isArray(schema.type))
    return [...new Set(schema.type.map((type) => within({ ...schema, type })))].join(' | ')
  if (schema.type === 'array') {
    const item = within(schema.items as Schema)
    return / \| /.test(item) ? `(${item})[]` : `${item}[]`
  }
  if (schema.type === 'object') return objectOf(schema, indent, seen)
  if (schema.format === 'binary') return 'Blob | Uint8Array | string'
  const simple = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' }
  const found = simple[schema.type as keyof typeof simple]
  if (!found) throw new Error(`typeOf in ${import.meta.url} has no case for ${JSON.stringify(schema)}`)
  return found
}

const objectOf = (schema: Schema, indent: string, seen: Set<string>): string => {
  const fields = Object.entries(schema.properties ?? {})
  if (fields.length === 0) return 'Record<string, never>'
  const lines = fields.map(([name, child]) => {
    const mark = schema.required?.includes(name) ? '' : '?'
    return `${comment(child.description, `${indent}  `)}${indent}  ${name}${mark}: ${typeOf(child, `${indent}  `, seen)}\n`
  })
  return `{\n${lines.join('')}${indent}}`
}

const operationOf = ({ path, method }: Endpoint): Operation => document.paths[path]?.[method] as Operation
const jsonOf = (content: Record<string, Media> = {}): Media | undefined => content['application/json']

/** Answers of success. */
const successesOf = (operation: Operation) =>
  Object.entries(operation.responses).filter(([status]) => Number(status) < 300)

const isNothing = ({ body }: Endpoint): boolean =>
  body !== undefined && body === endpoints.cancelOperation.body

/** `b` JSON body, `f` file as the body, `q` query, `k` Idempotency-Key, `p` pages by cursor, `e` pages of events. */
const flagsOf = (endpoint: Endpoint, answer: string): string => {
  const body = !endpoint.body || isNothing(endpoint) ? '' : endpoint.consumes ? 'f' : 'b'
  const fields = document.components.schemas[answer]?.properties ?? {}
  const pages = 'nextCursor' in fields ? 'p' : 'hasMore' in fields ? 'e' : ''
  return `${body}${endpoint.query ? 'q' : ''}${endpoint.idempotent ? 'k' : ''}${pages}`
}

const isQueryRequired = ({ parameters }: Operation): boolean =>
  parameters.some((parameter) => parameter.in === 'query' && parameter.required)

const queryOf = ({ parameters }: Operation, seen: Set<string>): string => {
  const fields = parameters.filter((parameter) => parameter.in === 'query')
  return objectOf(
    {
      properties: Object.fromEntries(
        fields.map(({ name, schema, description }) => [
          name,
          { ...schema, ...(description && { description }) },
        ]),
      ),
      required: fields.filter(({ required }) => required).map(({ name }) => name),
    },
    '    ',
    seen,
  )
}

const signatureOf = (endpoint: Endpoint, seen: Set<string>): { line: string; flags: string } => {
  const operation = operationOf(endpoint)
  const bodies = successesOf(operation).flatMap(([, { content }]) => jsonOf(content)?.schema ?? [])
  const answers = [...new Set(bodies.map((schema) => typeOf(schema, '    ', seen)))]
  const flags = flagsOf(endpoint, answers[0] ?? '')
  const body = Object.values(operation.requestBody?.content ?? {}).at(-1)?.schema
  const mark = isBodyOptional(endpoint) ? '?' : ''
  const parameters = [
    ...operation.parameters
      .filter((parameter) => parameter.in === 'path')
      .map(
        ({ name, schema }) => `${name}: ${name === 'chatId' ? 'string | number' : typeOf(schema, '', seen)}`,
      ),
    ...(/[bf]/.test(flags) && body
      ? [`${/f/.test(flags) ? 'file' : 'body'}${mark}: ${typeOf(body, '    ', seen)}`]
      : []),
    ...(flags.includes('q')
      ? [`query${isQueryRequired(operation) ? '' : '?'}: ${queryOf(operation, seen)}`]
      : []),
    'options?: CallOptions',
  ]
  const answer = answers.join(' | ') || 'void'
  const result = /[pe]/.test(flags) ? `Pages<${answer}>` : `Call<${answer}>`
  return { line: `(${parameters.join(', ')}): ${result}`, flags }
}

/** Groups of functions, in the order of the endpoints. */
const groups = (): Map<string, { name: string; endpoint: Endpoint }[]> => {
  const found = new Map<string, { name: string; endpoint: Endpoint }[]>()
  for (const [key, endpoint] of Object.entries(endpoints)) {
    const [group, name] = functions[key as Name]?.split('.') ?? []
    if (group && name) found.set(group, [...(found.get(group) ?? []), { name, endpoint }])
  }
  return found
}

/** The named schemas of these names, and of all that they refer to. */
const typesOf = (names: Set<string>): string => {
  const texts = new Map<string, string>()
  for (const name of names) {
    // A set that grows is visited to its end.
    const schema = document.components.schemas[name] as Schema
    texts.set(name, `${comment(schema.description, '')}export type ${name} = ${typeOf(schema, '', names)}\n`)
  }
  return [...texts.keys()]
    .toSorted()
    .map((name) => texts.get(name))
    .join('\n')
}

const note = `// Made from src/contract: UPDATE=true npm test -- test/contract/client-api.test.ts writes it.\n`

/** src/client/api.ts. */
export const clientApi = (): string => {
  const seen = new Set(['Problem', 'Operation', 'Event'])
  const interfaces: string[] = []
  const routes: string[] = []
  for (const [group, members] of groups()) {
    const lines = members.map(({ name, endpoint }) => {
      const { line } = signatureOf(endpoint, seen)
      const { description } = operationOf(endpoint)
      return `    /** ${endpoint.summary} ${description.split(/(?=Scope: |Any credential|No credential|Only a browser)/).at(-1)} */\n    ${name}${line}\n`
    })
    interfaces.push(`  ${group}: {\n${lines.join('')}  }\n`)
    const rows = members.map(({ name, endpoint }) => {
      const { flags } = signatureOf(endpoint, seen)
      return `    ${name}: ['${endpoint.method.toUpperCase()}', '${endpoint.path}', '${flags}'],\n`
    })
    routes.push(`  ${group}: {\n${rows.join('')}  },\n`)
  }
  const codes = Object.keys(failures).map((code) => `  | '${code}'\n`)
  return `${note}import type { Call, CallOptions, Pages } from './call.ts'

/** The functions of a client that each send one request. */
export type Api = {
${interfaces.join('')}}

/** The \`code\` of a problem document. */
export type ProblemCode =
${codes.join('')}
${typesOf(seen)}
/**
 * Method and path of each function. \`b\`: JSON body, \`f\`: file as the body, \`q\`: query, \`k\`: Idempotency-Key, \`p\`: pages by
 * cursor, \`e\`: pages of events.
 */
export const routes = {
${routes.join('')}} as const
`
}

/** src/client/fake-answers.ts: an example of each answer, for the fake client. */
export const fakeAnswers = (): string => {
  const rows = [...groups().values()].flat().map(({ endpoint }) => {
    const [status, { content }] = successesOf(operationOf(endpoint))[0] as [
      string,
      { content?: Record<string, Media> },
    ]
    const { method, path } = endpoint
    return `  '${method.toUpperCase()} ${path}': ${JSON.stringify({ status: Number(status), body: jsonOf(content)?.example ?? null })},\n`
  })
  const codes = Object.entries(failures).map(
    ([code, { status, detail }]) => `  '${code}': [${status}, ${JSON.stringify(detail)}],\n`,
  )
  return `${note}import type { ProblemCode } from './api.ts'

/** Status and sentence of each problem. */
export const fakeProblems: Record<ProblemCode, [status: number, detail: string]> = {
${codes.join('')}}

/** The examples of the OpenAPI document, by method and path. */
export const fakeAnswers: Record<string, { status: number; body: unknown }> = {
${rows.join('')}}
`
}
