import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { atEndOfTurn, type Clock } from '../clock.ts'

/** Requests of one connection that one turn of the event loop serves. */
const inTurnMax = 100
/** Whoever sends without an end is slowed down. */
const discardMs = 20

declare module 'node:net' {
  interface Socket {
    /** The turn of its newest request, and the requests that came in it. */
    turn?: number
    inTurn?: number
    /** Node's own mark: without it, Node goes on receiving after each request. */
    _paused?: boolean
  }
}

/** Receives no more in this turn. */
export const hold = (socket: Socket): void => {
  socket._paused = true
  socket.pause()
}

/** Discards what arrives from now on, 64 KiB in a while. Node's parser sees none of it. */
export const discard = (socket: Socket, clock: Clock): void => {
  socket.removeAllListeners('data')
  socket.on('data', () => {
    socket.pause()
    clock.after(discardMs, () => void socket.resume())
  })
  socket._paused = false
  socket.resume()
}

/**
 * Bounds the requests that one connection sends behind one another. libuv reads 2 MB of a connection in one turn of the event
 * loop. That may be 50,000 requests, and others would wait for seconds.
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
      return count === inTurnMax
    },
  }
}
