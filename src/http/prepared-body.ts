import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

export type Coding = 'identity' | 'gzip' | 'br'
/** A body in one coding with its own strong ETag. */
export type Variant = { body: Buffer; etag: string }

/** A JSON body with its ETags. Compressed forms are made when they are first asked for. */
export type PreparedBody = {
  identity: Variant
  /** The best accepted coding that is ready. A coding that is missing is made in the background. */
  variant(accepted: readonly Coding[]): { coding: Coding; variant: Variant }
  /** Content tag without coding: equal for every form of the same content. */
  tag: string
}

// Below this a compressed form saves less than its headers cost.
const compressFrom = 860

const compress: Record<Exclude<Coding, 'identity'>, (body: Buffer) => Promise<Buffer>> = {
  gzip: (body) => promisify(gzip)(body, { level: 9 }),
  br: (body) =>
    promisify(brotliCompress)(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 6, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
}

const preparedBodies = new WeakMap<Buffer, PreparedBody>()

/** The prepared form of bytes that outlive the request. The same buffer always gives the same object. */
export const preparedBodyOf = (body: Buffer): PreparedBody => {
  const known = preparedBodies.get(body)
  if (known) return known
  const prepared = createPreparedBody(body, { isKept: true })
  preparedBodies.set(body, prepared)
  return prepared
}

/** `isKept: false`: a body of one request. It is never compressed, because nobody would use the result. */
export const createPreparedBody = (body: Buffer, { isKept }: { isKept: boolean }): PreparedBody => {
  const tag = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  const identity: Variant = { body, etag: `"${tag}"` }
  const ready = new Map<Coding, Variant>()
  const making = new Set<Coding>()

  const make = (coding: Exclude<Coding, 'identity'>): void => {
    if (making.has(coding)) return
    making.add(coding)
    compress[coding](body).then(
      (compressed) => ready.set(coding, { body: compressed, etag: `"${tag}-${coding}"` }),
      () => making.delete(coding),
    )
  }
  return {
    identity,
    tag,
    variant: (accepted) => {
      if (isKept && body.length >= compressFrom)
        for (const coding of accepted) {
          if (coding === 'identity') break
          const variant = ready.get(coding)
          if (variant) return { coding, variant }
          make(coding)
        }
      return { coding: 'identity', variant: identity }
    },
  }
}
