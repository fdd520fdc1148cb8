import { type FailureCode, failures } from '../errors.ts'
import type { Endpoint } from './endpoints.ts'
import { examples, requestId } from './examples.ts'
import type { Json } from './json-schema.ts'

/** Bytes have no example. */
const isBinary = (media: string): boolean => /^application\/(vnd\.|octet-stream)/.test(media)

/** The example of a body with this schema. Nothing where there is none, which a test reports. */
export const exampleOf = (
  { id }: Pick<Endpoint, 'id'>,
  media: string,
  { $ref }: Json,
): { example?: unknown } => {
  const name = typeof $ref === 'string' ? ($ref.split('/').at(-1) as string) : `${id} ${media}`
  if (name in examples) return { example: examples[name] }
  return isBinary(media) ? { example: '(the bytes of the file)' } : {}
}

const blank = {
  pointer: '/operators/0/name',
  code: 'blank',
  detail: 'A name must contain something visible.',
}

export const problemExampleOf = (code: FailureCode) => {
  const { status, title, detail } = failures[code]
  const value = {
    ...{ type: `/docs/problems/${code}`, title, status, detail },
    ...{ instance: `urn:uuid:${requestId}`, code, requestId },
    ...(code === 'request.invalid-body' && { errors: [blank] }),
  }
  return { summary: title, value }
}
