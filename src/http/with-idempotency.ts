import { createHash } from 'node:crypto'
import type { Request } from 'express'
import { mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import { inSlices } from '../clock.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure } from '../errors.ts'
import { type Idempotency, newRequestKey } from '../writes/idempotency.ts'
import type { Answer } from './answer.ts'
import { piecesOf } from './pieces-of.ts'

/** Runs the handler of a write with the requestKey under which it writes; once per Idempotency-Key. */
export type WithIdempotency = ReturnType<typeof createWithIdempotency>

/** 202 with the operation that an earlier attempt at a request began, while it runs; otherwise undefined. */
export type RunningAnswer = (
  caller: Caller,
  request: { organization: number; requestKey: string },
) => Promise<Answer | undefined>

/** Answers with tokens are never stored. The state of an operation is always read again. */
export const isStorable = (answer: Answer): boolean =>
  'empty' in answer || ('json' in answer && answer.status !== 202 && answer.noStore !== true)

/** The Idempotency-Key of a request, where the endpoint takes one. @throws Failure `request.invalid` */
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

export const createWithIdempotency =
  (idempotency: Idempotency<Answer>, runningAnswer: RunningAnswer) =>
  async (
    endpoint: Endpoint,
    req: Request,
    caller: Caller,
    { key, params }: { key: string | undefined; params: unknown },
    work: (requestKey: string) => Promise<Answer>,
  ): Promise<Answer> => {
    if (key === undefined) return work(newRequestKey())
    const fingerprint = await fingerprintOf(req.originalUrl, req.body)
    // The pipeline has authorized the organization of the path. Without the right to another one, the work runs and refuses.
    const mayShow = (stored: Answer): boolean =>
      !('organizationIds' in stored) || stored.organizationIds.every((id) => mayTouch(caller, id))
    // Where the path names the organization, the operation that an earlier attempt began has a known id.
    const { org } = (params ?? {}) as { org?: number }
    const begun = async (requestKey: string): Promise<Answer | undefined> =>
      org === undefined ? undefined : runningAnswer(caller, { organization: org, requestKey })
    const use = { client: caller.id, route: endpoint.id, key, fingerprint }
    const { answer, replayed } = await idempotency.run(use, work, { mayShow, begun })
    if (!replayed || !('json' in answer || 'empty' in answer)) return answer
    return { ...answer, headers: { ...answer.headers, 'Idempotency-Replayed': 'true' } }
  }

/** Two requests with the same URL and body have the same one. A large body is hashed in slices of the event loop. */
const fingerprintOf = async (url: string, body: unknown): Promise<string> => {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
  const digest = createHash('sha256').update(`${url}\n`)
  await inSlices(piecesOf(bytes), (piece) => void digest.update(piece))
  return digest.digest('base64url')
}
