import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { Response } from 'supertest'
import { endpoints } from '../../src/contract/endpoints.ts'
import { createOpenApi } from '../../src/contract/openapi.ts'
import { failures } from '../../src/errors.ts'
import { version } from '../../src/version.ts'

type Media = Record<string, { schema: { type?: string } }>
type Headers = Record<string, { $ref: string }>
type Promised = { description: string; headers?: Headers; content?: Media }
type Operation = { responses: Record<string, Promised> }
type Header = { required?: boolean; schema: object }
type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { headers: Record<string, Header> }
}
/** An answer as it came. `body` is its JSON, if it is JSON. */
export type Answer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  body: Record<string, unknown>
}
/** What is wrong with an answer, in words that lead to it. */
export type Fault = string | undefined

/**
 * Holds an answer against the OpenAPI document: path, method, status, media type and body, problem documents and
 * request ids. @throws Error that says what was promised and what came
 */
export const conforms = (method: string, url: string, answer: Response): void => {
  const fault = faultOfOwn(method, url, answer)
  if (!fault) return
  const said = String(answer.text ?? '').slice(0, 500)
  throw new Error(`${method.toUpperCase()} ${url} was answered ${answer.status}: ${fault}\n${said}`)
}

/** The path of the document that an URL belongs to. Literal parts first: `/operations/{id}:cancel` is not `1:cancel`. */
export const templateFinder = (paths: readonly string[]): ((url: string) => string | undefined) => {
  const literal = (template: string): number => template.replaceAll(/\{\w+\}/g, '').length
  const templates = paths
    .toSorted((a, b) => literal(b) - literal(a))
    .map((template) => ({
      template,
      pattern: new RegExp(
        `^${template
          .replaceAll(/[.:]/g, '\\$&')
          .replace('{path}', '.*')
          .replaceAll(/\{\w+\}/g, '[^/]+')}$`,
      ),
    }))
  return (url) => templates.find(({ pattern }) => pattern.test(url.split('?')[0] as string))?.template
}

/** A function that holds answers against this document. */
export const conformanceTo = (document: Document) => {
  const templateOf = templateFinder(Object.keys(document.paths))
  // test/contract holds the document against the meta-schema. Its compilation would cost each suite 50 ms.
  const ajv = new Ajv2020({ strict: false, allErrors: true, meta: false, validateSchema: false })
  formats.default(ajv)
  const $id = 'https://gateway.example/openapi'
  ajv.addSchema({ $id, components: document.components })
  const compiled = new Map<object, ValidateFunction>()

  /** The schema as a function, with what its references point to. */
  const validatorOf = (schema: object): ValidateFunction => {
    const known = compiled.get(schema)
    if (known) return known
    // The components are compiled once for all.
    const text = JSON.stringify(schema).replaceAll('"#/components/', `"${$id}#/components/`)
    const made = ajv.compile(JSON.parse(text))
    compiled.set(schema, made)
    return made
  }

  /** What the document promises of this very operation; any method of a known path may be 405, any other path 404. */
  const faultOfContract = (verb: string, url: string, answer: Answer): Fault => {
    const template = templateOf(url)
    if (!template)
      return answer.status === 404 || isBeforeRouting(answer) ? undefined : 'no such path is documented'
    const methods = document.paths[template] ?? {}
    const operation = methods[verb === 'head' ? 'get' : verb]
    if (!operation) return isBeforeRouting(answer) ? undefined : faultOfMethod(methods, answer)
    const promised = operation.responses[answer.status]
    if (!promised) return `documented are only ${Object.keys(operation.responses).join(', ')}`
    return (
      faultOfCode(promised, answer) ??
      faultOfHeaders(promised.headers ?? {}, answer) ??
      faultOfContent(promised.content, widened(url, answer), isBodiless(verb, answer))
    )
  }

  /** Every other header of an answer is documented, has the documented form, and none that is promised is missing. */
  const faultOfHeaders = (promised: Headers, { headers }: Answer): Fault => {
    const documented = new Map(
      Object.entries(promised).map(([name, { $ref }]) => [
        name.toLowerCase(),
        document.components.headers[$ref.replace('#/components/headers/', '')] as Header,
      ]),
    )
    for (const [name, { required, schema }] of documented) {
      const value = headers[name]
      if (value === undefined && required) return `the promised header ${name} is missing`
      if (value === undefined) continue
      const text = String(value)
      const valid = validatorOf(schema)
      if (!valid(/^\d+$/.test(text) ? Number(text) : text) && !valid(text)) return `${name} is ${text}`
    }
    const extra = Object.keys(headers).filter((name) => !general.test(name) && !documented.has(name))
    return extra.length > 0 ? `the headers ${extra.join(', ')} are not documented` : undefined
  }

  const faultOfContent = (content: Media | undefined, answer: Answer, bodiless: boolean): Fault => {
    const media = mediaOf(answer)
    if (!content) return answer.text || media ? 'has a body where none is documented' : undefined
    const promised = content[media]
    if (!promised) return `labelled ${media || 'nothing'}, documented: ${Object.keys(content).join(', ')}`
    if (bodiless) return undefined
    let value: unknown = answer.text ?? String(answer.body)
    try {
      value = JSON.parse(answer.text)
    } catch {
      // Text that is no JSON, such as metrics or a page, is a string by itself.
      if (/[/+]json$/.test(media) || promised.schema.type !== 'string') return 'is not JSON'
    }
    const valid = validatorOf(promised.schema)
    return valid(value) ? undefined : ajv.errorsText(valid.errors, { dataVar: 'body' })
  }

  /** @returns undefined when the answer is as documented */
  return (method: string, url: string, answer: Answer): Fault => {
    const verb = method.toLowerCase()
    return faultOfHead(verb, answer) ?? faultOfContract(verb, url, answer)
  }
}

/** The document describes an item without `fields`. What the caller did not ask for is put there. */
const widened = (url: string, answer: Answer): Answer => {
  const fields = [...url.matchAll(/[?&]fields=([^&]+)/g)]
    .map(([, names]) => names)
    .join()
    .split(',')
  const items = answer.body?.['items']
  if (fields[0] === '' || !Array.isArray(items)) return answer
  const lacking = Object.entries({ name: '', status: 'active' }).filter(([name]) => !fields.includes(name))
  const whole = items.map((item: object) => ({ ...Object.fromEntries(lacking), ...item }))
  return { ...answer, text: JSON.stringify({ ...answer.body, items: whole }) }
}

const isBodiless = (verb: string, { status }: Answer): boolean =>
  verb === 'head' || status === 304 || status === 204

/** What no server can take to its end is refused wherever it leads. */
const isBeforeRouting = ({ status }: Answer): boolean => [400, 414, 417, 431].includes(status)

const mediaOf = ({ headers }: Answer): string => String(headers['content-type'] ?? '').split(';')[0] ?? ''

/** What holds whatever was asked. */
const faultOfHead = (verb: string, answer: Answer): Fault => {
  const { headers, status } = answer
  if (!/^[A-Za-z0-9_-]{8,64}$/.test(String(headers['x-request-id'])))
    return `X-Request-Id is ${headers['x-request-id']}`
  if ((status === 429 || status === 503) && !/^[1-9]\d*$/.test(String(headers['retry-after'])))
    return 'says not when to come back'
  if (isBodiless(verb, answer)) return answer.text ? 'has a body where none may be' : undefined
  return mediaOf(answer) === 'application/problem+json' ? faultOfProblem(answer) : undefined
}

const faultOfProblem = ({ body, headers, status }: Answer): Fault => {
  const row = failures[body['code'] as keyof typeof failures]
  if (!row) return `code ${JSON.stringify(body['code'])} is not in the table of failures`
  if (body['status'] !== status || row.status !== status) return `its document says status ${body['status']}`
  if (body['requestId'] !== headers['x-request-id']) return 'requestId is not X-Request-Id'
  if (body['instance'] !== `urn:uuid:${body['requestId']}`) return `instance is ${body['instance']}`
  if (body['type'] !== `/docs/problems/${body['code']}`) return `type is ${body['type']}`
  return undefined
}

/** Each status lists the codes of its problem documents. */
const faultOfCode = ({ description }: Promised, answer: Answer): Fault => {
  if (mediaOf(answer) !== 'application/problem+json' || answer.body['code'] === undefined) return undefined
  const documented = description.includes(`\`${answer.body['code']}\``)
  return documented ? undefined : `code ${answer.body['code']} is not documented for this status`
}

/** Headers of HTTP itself, of its security and of CORS, which the document does not repeat for each answer. */
const general =
  /^(access-control-.*|cache-control|connection|content-(encoding|length|security-policy|type)|cross-origin-resource-policy|date|keep-alive|referrer-policy|strict-transport-security|transfer-encoding|vary|x-accel-buffering|x-content-type-options)$/

/** 405 names exactly the methods of the document, and HEAD with GET. */
const faultOfMethod = (methods: Record<string, unknown>, { headers, status }: Answer): Fault => {
  const documented = Object.keys(methods).map((name) => name.toUpperCase())
  if (documented.includes('GET')) documented.push('HEAD')
  const allowed = String(headers['allow'] ?? '').split(', ')
  if (status !== 405) return `documented are only ${documented.join()}`
  return documented.toSorted().join() === allowed.toSorted().join() ? undefined : `Allow is ${allowed.join()}`
}

const templateOfOwn = templateFinder(Object.values(endpoints).map(({ path }) => path))
const conformanceOf = new Map<string | undefined, ReturnType<typeof conformanceTo>>()

/** Against the part of our document that is about the path. A suite asks for few paths, and the whole is slow to make. */
const faultOfOwn: ReturnType<typeof conformanceTo> = (method, url, answer) => {
  const template = templateOfOwn(url)
  const known = conformanceOf.get(template)
  if (known) return known(method, url, answer)
  const asked = Object.values(endpoints).filter(({ path }) => path === template)
  const made = conformanceTo(createOpenApi(asked, version) as unknown as Document)
  conformanceOf.set(template, made)
  return made(method, url, answer)
}
