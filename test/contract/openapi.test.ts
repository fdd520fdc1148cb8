import { describe, expect, it } from '@jest/globals'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { endpoints } from '../../src/contract/endpoints.ts'
import { createOpenApi } from '../../src/contract/openapi.ts'

type Media = { schema: { $ref?: string }; example?: unknown; examples?: Record<string, { $ref: string }> }
type Operation = {
  summary: string
  description: string
  parameters: { name: string; description?: string; schema: object; example?: unknown }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, Media> }>
}
type Document = {
  info: Record<string, unknown>
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>; examples: Record<string, { value: object }> }
}

const document = createOpenApi(Object.values(endpoints), '1.0.0') as unknown as Document
const operations = Object.entries({ ...document.paths, ...document.webhooks }).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ ...operation, title: `${method} ${path}` })),
)
/** Every body of a request or answer, with words that lead to it. */
const bodies = operations.flatMap(({ title, requestBody, responses }) => {
  const all: Operation['responses'] = { request: requestBody ?? {}, ...responses }
  return Object.entries(all).flatMap(([of, { content = {} }]) =>
    Object.entries(content).map(([media, body]) => ({ where: `${title}, ${of}, ${media}`, ...body })),
  )
})

const ajv = new Ajv2020({ strict: false, allErrors: true, meta: false, validateSchema: false })
formats.default(ajv)
const $id = 'https://gateway.example/openapi'
ajv.addSchema({ $id, components: document.components })
const compiled = new Map<string, ValidateFunction>()
const faultOf = (schema: object, value: unknown): string | undefined => {
  const text = JSON.stringify(schema).replaceAll('"#/components/', `"${$id}#/components/`)
  const valid = compiled.get(text) ?? ajv.compile(JSON.parse(text))
  compiled.set(text, valid)
  return valid(value) ? undefined : ajv.errorsText(valid.errors)
}

describe('the OpenAPI document', () => {
  it('has an example for every body of a request and an answer', () => {
    const missing = bodies.filter(({ example, examples }) => example === undefined && !examples)
    const say = ({ where, schema }: (typeof bodies)[number]) =>
      `${where}: add an example for ${schema.$ref?.split('/').at(-1) ?? 'this text'} to src/contract/examples.ts`
    expect(missing.map(say)).toEqual([])
  })

  it('has only examples that are valid by their schema', () => {
    const problem = document.components.schemas['Problem'] as object
    const faults = [
      ...bodies.map(({ where, schema, example }) => [
        where,
        example !== undefined && faultOf(schema, example),
      ]),
      ...Object.entries(document.components.examples).map(([code, { value }]) => [
        code,
        faultOf(problem, value),
      ]),
      ...operations.flatMap(({ title, parameters }) =>
        parameters.map(({ name, schema, example }) => [
          `${title}, ${name}`,
          example !== undefined && faultOf(schema, example),
        ]),
      ),
    ]
    expect(faults.filter(([, fault]) => fault)).toEqual([])
  })

  it('has a name for the schema of every JSON body, and keeps to the names', () => {
    const unnamed = bodies.filter(
      ({ where, schema }) => /json$/.test(where) && !/(ndjson|manifest\+json)$/.test(where) && !schema.$ref,
    )
    expect(unnamed.map(({ where }) => `${where}: give its schema an id with \`component\``)).toEqual([])
    expect(document.components.schemas['OperatorList']).toMatchObject({
      properties: { items: { items: { $ref: '#/components/schemas/Operator' } } },
    })
    expect(document.components.schemas['Operator']).toMatchObject({ required: ['id', 'name', 'status'] })
  })

  it('describes every operation, tag and parameter', () => {
    const faults = operations.flatMap(({ title, summary, description, parameters }) => [
      ...(summary && description && summary.length <= 120 ? [] : [`${title}: summary or description`]),
      ...parameters.flatMap(({ name, description: text }) => (text ? [] : [`${title}: describe ${name}`])),
    ])
    expect(faults).toEqual([])
    for (const { name, description } of document.tags)
      expect([name, description]).toEqual([name, expect.any(String)])
    expect(document.info).toMatchObject({
      description: expect.any(String),
      contact: { name: expect.any(String) },
    })
  })

  it('has no bound that only says what a number of JavaScript can hold', () => {
    const text = JSON.stringify(document).replaceAll(/"minimum":0,"maximum":9007199254740991/g, '')
    expect(text).not.toContain('9007199254740991')
  })
})
