import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { atEndOfTurn } from '../clock.ts'

/** Requests of one connection that one turn of the event loop serves; fewer when their answers are large. */
const inTurnMax = 400
const inTurnOfLarge = 32
/** Bytes of answers that wait for their client. */
const largeFrom = 1024 * 1024

declare module 'node:net' {
  interface Socket {
    /** The turn of its newest request, and the requests that came in it. */
    turn?: number
    inTurn?: number
    /** Node's own mark: without it, Node goes on receiving after each request. It pauses the parser too. */
    _paused?: boolean
    parser?: { resume(): void } | null
  }
}

/** Receives nothing more from a connection than what has arrived, 64 KiB at most. */
export const hold = (socket: Socket): void => {
  socket._paused = true
  socket.pause()
}

/** Receives again, as Node does it. */
export const release = (socket: Socket): void => {
  socket._paused = false
  socket.parser?.resume()
  socket.resume()
}

/**
 * Bounds the requests that one connection sends behind one another. libuv reads 2 MB of a connection in one turn of the event
 * loop, which may be 50,000 requests, so others would wait for seconds.
 */
export const createPipelining = () => {
  let turn = 0
  let isTurnCounted = false
  const endTurn = (): void => {
    turn++
    isTurnCounted = false
  }
  return {
    /** Counts a request. True for the last one of its connection that this turn may serve. */
    isLast: ({ socket }: Pick<IncomingMessage, 'socket'>): boolean => {
      if (!isTurnCounted) atEndOfTurn(endTurn)
      isTurnCounted = true
      const count = socket.turn === turn ? (socket.inTurn ?? 0) + 1 : 1
      socket.turn = turn
      socket.inTurn = count
      if (socket.isClosing) return false
      return count >= inTurnMax || (count >= inTurnOfLarge && socket.writableLength > largeFrom)
    },
  }
}
