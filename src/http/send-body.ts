import type { ServerResponse } from 'node:http'
import { nextSlice } from '../clock.ts'
import { piecesOf } from './pieces-of.ts'

const largeFrom = 256 * 1024

/**
 * Sends the body of an answer and ends it. A large body goes in pieces, each in a turn of the event loop of its own: handing
 * megabytes to the kernel at once would stop it for as long.
 */
export const sendBody = (res: ServerResponse, body: Buffer): void => {
  if (body.length < largeFrom) res.end(body)
  else void sendInPieces(res, body)
}

const sendInPieces = async (res: ServerResponse, body: Buffer): Promise<void> => {
  for (const piece of piecesOf(body)) {
    res.write(piece)
    await drained(res)
    await nextSlice()
    if (res.destroyed) return
  }
  res.end()
}

/** Resolves when the connection has taken what was written, or has ended. */
export const drained = (res: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    // After CONNECT, Node keeps the mark of the answer although the socket takes more.
    const isFull = res.writableNeedDrain && (res.socket?.writableNeedDrain ?? true)
    if (!isFull || res.destroyed) return resolve()
    const done = (): void => {
      res.off('drain', done)
      res.off('close', done)
      resolve()
    }
    res.on('drain', done)
    res.on('close', done)
  })
