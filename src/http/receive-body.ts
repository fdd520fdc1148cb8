import type { Request, Response } from 'express'
import { nextSlice } from '../clock.ts'
import { Failure, type FailureCode, type Fault } from '../errors.ts'

/** What is received of a body before other requests are served. New memory is slow: 128 KiB may cost two milliseconds. */
const sliceBytes = 128 * 1024
/**
 * Node makes an event of each chunk of `Transfer-Encoding: chunked`, which takes 2 µs: a body of 1 MiB in chunks of one byte
 * would take 3 s.
 */
const chunksMax = 4000

export type BodyBounds = {
  bytesMax: number
  /** So many bytes allow one more chunk. */
  bytesPerChunk?: number | undefined
}

/** A refusal before the body has been received: the connection ends with it. */
export const rejectAndClose = (
  code: FailureCode,
  more: { errors?: Fault[]; detail?: string } = {},
  headers = {},
): Failure => new Failure(code, { ...more, headers: { connection: 'close', ...headers } })

export const tooLarge = (max: number): Failure =>
  rejectAndClose('body.too-large', {
    detail: `Wanted: a body of at most ${max} bytes, also when it is unpacked.`,
  })

/** @throws Failure `body.too-large` for a declared length beyond `max` */
export const requireSize = ({ headers }: Request, max: number): void => {
  if (Number(headers['content-length'] ?? 0) > max) throw tooLarge(max)
}

/** @throws Failure `body.too-large` at the first byte beyond the bounds */
const createBounds = (
  { headers }: Request,
  { bytesMax, bytesPerChunk = Number.POSITIVE_INFINITY }: BodyBounds,
) => {
  const isChunked = headers['transfer-encoding'] !== undefined
  let chunks = 0
  return {
    chunks: (): number => chunks,
    check: (size: number): void => {
      if (size > bytesMax) throw tooLarge(bytesMax)
      if (!isChunked || ++chunks <= chunksMax + size / bytesPerChunk) return
      const more = Number.isFinite(bytesPerChunk) ? `, and one more for each ${bytesPerChunk} bytes` : ''
      throw rejectAndClose('body.too-large', {
        detail: `Wanted: a body in at most ${chunksMax} chunks${more}.`,
      })
    },
  }
}

/**
 * The bytes of a body, received in slices of the event loop, and the number of its chunks. A body that grows too large is
 * refused at that byte, and the rest is not kept.
 * @param look is given each piece as it arrives; what it throws refuses the body
 */
export const receiveBody = (
  req: Request,
  res: Response,
  bounds: BodyBounds,
  look: (piece: Buffer) => void = () => {},
): Promise<{ bytes: Buffer; chunks: number }> =>
  new Promise((resolve, reject) => {
    requireSize(req, bounds.bytesMax)
    // Its client left before anybody listened, so no event comes any more.
    if (req.destroyed) return reject(new Failure('request.malformed'))
    if (req.requestContext.awaitsContinue) res.writeContinue()
    req.requestContext.awaitsContinue = false
    const { check, chunks } = createBounds(req, bounds)
    // Filled as it arrives. Joined at the end, a large body would stop the event loop for its copy.
    let bytes: Buffer = Buffer.allocUnsafe(Number(req.headers['content-length'] ?? 0))
    let size = 0
    let pauseAt = sliceBytes
    const take = (piece: Buffer): void => {
      try {
        check(size + piece.length)
        look(piece)
        if (size + piece.length > bytes.length) bytes = withRoom(bytes.subarray(0, size), piece.length)
        size += piece.copy(bytes, size)
      } catch (error) {
        req.off('data', take)
        return void reject(error)
      }
      if (size < pauseAt) return
      pauseAt = size + sliceBytes
      req.pause()
      void nextSlice().then(() => req.resume())
    }
    req.on('data', take)
    req.on('end', () => resolve({ bytes: bytes.subarray(0, size), chunks: chunks() }))
    req.on('error', reject)
  })

const withRoom = (bytes: Buffer, more: number): Buffer => {
  const larger = Buffer.allocUnsafe(bytes.length + Math.max(bytes.length, more))
  bytes.copy(larger)
  return larger
}
