import type { z } from 'zod'
import { type FailureCode, failures } from '../errors.ts'
import { dropInMedia } from './drop-in.ts'
import type { Endpoint } from './endpoints.ts'
import { exampleOf, problemExampleOf } from './example-of.ts'
import { type Json, schemaOf } from './json-schema.ts'
import { headersOf } from './response-headers.ts'

const refTo = (kind: 'schemas' | 'headers' | 'examples', name: string) => ({
  $ref: `#/components/${kind}/${name}`,
})

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

/** The bodies of one status by media type. */
const contentOf = (endpoint: Endpoint, schema: z.ZodType, components: Json): Json => {
  const { dropIn, produces = 'application/json', producesToo = [] } = endpoint
  const shape = schemaOf(schema, 'output', components)
  const text = { type: 'string' }
  const isStreamToo = produces === 'text/event-stream' && producesToo.length > 0
  const media = (type: string, of: Json) => [type, { schema: of, ...exampleOf(endpoint, type, of) }]
  return Object.fromEntries([
    ...(dropIn ? dropInMedia : [produces]).map((type) => media(type, isStreamToo ? text : shape)),
    ...producesToo.map((type) => media(type, type === 'application/json' ? shape : text)),
  ])
}

/** What the document defines once. Each operation adds what it uses. */
export type Components = { schemas: Json; examples: Json }

const problemsOf = (codes: readonly FailureCode[], { examples }: Components): Json => {
  for (const code of codes) examples[code] ??= problemExampleOf(code)
  return {
    schema: refTo('schemas', 'Problem'),
    examples: Object.fromEntries(codes.map((code) => [code, refTo('examples', code)])),
  }
}

const done: Record<number, string> = {
  200: 'Done.',
  201: 'Created.',
  202: 'Accepted. The operation at `Location` has the outcome.',
  204: 'Done. The answer has no body.',
  302: 'Go on to `Location`.',
  400: 'The message names a protocol version that is not supported, or differs from its headers.',
  304: 'Not changed since the ETag in If-None-Match.',
  404: 'There is no such method.',
  503: 'Not ready.',
}

/** Whether a status only says that a message was taken. */
const isMute = ({ answers }: Endpoint, status: number): boolean => status === 202 && answers[202] === null
const mute = 'Taken. A message without an id has no answer.'

/** The answers of an endpoint by status: its own, and one for each status of its failures. */
export const answersOf = (endpoint: Endpoint, components: Components): Json => {
  const { answers, cached, failures: own = [] } = endpoint
  const codes = [...new Set([...impliedFailures(endpoint), ...own])]
  const answerOf = (status: number): Json => {
    const failed = codes.filter((code) => failures[code].status === status)
    const schema = answers[status]
    const content = {
      ...(schema && contentOf(endpoint, schema, components.schemas)),
      ...(failed.length > 0 && { 'application/problem+json': problemsOf(failed, components) }),
    }
    const headers = headersOf(endpoint, status, failed).map((name) => [name, refTo('headers', name)])
    return {
      description: [
        ...(status in answers || status === 304 ? [isMute(endpoint, status) ? mute : done[status]] : []),
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
