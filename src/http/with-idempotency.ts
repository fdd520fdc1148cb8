import { createHash } from 'node:crypto'
import type { Request } from 'express'
import { mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'
import { type Idempotency, newRequestKey } from '../writes/idempotency.ts'
import type { Answer } from './answer.ts'

/** Runs a handler with the requestKey under which it writes; with an Idempotency-Key once per key. */
export type WithIdempotency = (
  endpoint: Endpoint,
  req: Request,
  caller: Caller,
  work: (requestKey: string) => Promise<Answer> | Answer,
) => Promise<Answer>

/** Answers with tokens are never kept, and an operation is asked anew how it stands. */
export const isStorable = (answer: Answer): boolean =>
  'empty' in answer || ('json' in answer && answer.status !== 202 && answer.noStore !== true)

/** The Idempotency-Key of a request that may have one. @throws Failure `request.invalid` */
export const idempotencyKeyOf = (endpoint: Endpoint, req: Request): string | undefined => {
  const key = req.headers['idempotency-key']
  if (!endpoint.idempotent || key === undefined) return undefined
  // Node joins a repeated header with a comma and a space, which no key contains.
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key
  const detail = 'Wanted: one key of 1 to 255 visible ASCII characters.'
  throw new Failure('request.invalid', {
    errors: [{ pointer: '/headers/idempotency-key', code: 'format', detail }],
  })
}

const organizationsOf = ({ params }: Request, answer: Answer): number[] => [
  ...(params.org === undefined ? [] : [Number(params.org)]),
  ...(('organizationIds' in answer && answer.organizationIds) || []),
  // Records written by version 0.1 use this name.
  ...(('touched' in answer && (answer.touched as number[])) || []),
]

export const createWithIdempotency =
  (idempotency: Idempotency<Answer>): WithIdempotency =>
  async (endpoint, req, caller, work) => {
    // A read writes nothing that needs a name, and random bytes for one are a twentieth of its cost.
    if (endpoint.method === 'get') return work('')
    const key = idempotencyKeyOf(endpoint, req)
    if (key === undefined) return work(newRequestKey())
    const fingerprint = createHash('sha256')
      .update(`${req.originalUrl}\n`)
      .update(Buffer.isBuffer(req.body) ? req.body : '')
      .digest('base64url')
    // What the caller may not touch any more is not told again: the work refuses it as it would anybody.
    const mayShow = (answer: Answer): boolean =>
      organizationsOf(req, answer).every((organization) => mayTouch(caller, organization))
    const { answer, replayed } = await idempotency.run(
      { client: caller.id, route: endpoint.id, key, fingerprint },
      async (requestKey) => work(requestKey),
      mayShow,
    )
    return replayed && ('json' in answer || 'empty' in answer)
      ? { ...answer, headers: [...(answer.headers ?? []), 'Idempotency-Replayed', 'true'] }
      : answer
  }
