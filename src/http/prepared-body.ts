import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

export type Coding = 'identity' | 'gzip' | 'br'
/** A body in one coding with its own strong ETag. `lines`: its constant header lines by content type. */
export type Variant = { body: Buffer; etag: string; lines: Map<string, string> }

// Below this a compressed form saves less than its headers cost.
const compressFrom = 860

const compress: Record<Exclude<Coding, 'identity'>, (body: Buffer) => Promise<Buffer>> = {
  gzip: (body) => promisify(gzip)(body, { level: 9 }),
  br: (body) =>
    promisify(brotliCompress)(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 6, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
}

/**
 * A body with its ETags. Compressed forms are made when they are first asked for.
 * `isKept: false`: a body of one request. It is never compressed, because the result would not be used.
 */
export const createPreparedBody = (body: Buffer, { isKept }: { isKept: boolean }) => {
  const tag = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  const identity: Variant = { body, etag: `"${tag}"`, lines: new Map() }
  const uncompressed = { coding: 'identity', variant: identity } as const
  /** Undefined while the form is being made. */
  const compressed = new Map<Coding, Variant | undefined>()

  const make = (coding: Exclude<Coding, 'identity'>): void => {
    compressed.set(coding, undefined)
    compress[coding](body).then(
      (bytes) => compressed.set(coding, { body: bytes, etag: `"${tag}-${coding}"`, lines: new Map() }),
      () => compressed.delete(coding),
    )
  }
  return {
    identity,
    /** Content tag without coding: equal for every form of the same content. */
    tag,
    /** The best accepted coding that is ready. A coding that is missing is made in the background. */
    variant: (accepted: readonly Coding[]): { coding: Coding; variant: Variant } => {
      if (!isKept || body.length < compressFrom) return uncompressed
      for (const coding of accepted) {
        if (coding === 'identity') break
        if (!compressed.has(coding)) make(coding)
        const variant = compressed.get(coding)
        if (variant) return { coding, variant }
      }
      return uncompressed
    },
  }
}

export type PreparedBody = ReturnType<typeof createPreparedBody>

const preparedBodies = new WeakMap<Buffer, PreparedBody>()

/** The prepared form of bytes that outlive the request. The same buffer always gives the same object. */
export const preparedBodyOf = (body: Buffer): PreparedBody => {
  const known = preparedBodies.get(body)
  if (known) return known
  const prepared = createPreparedBody(body, { isKept: true })
  preparedBodies.set(body, prepared)
  return prepared
}
