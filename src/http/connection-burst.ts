import type { Clock } from '../clock.ts'

/** How long the answers wait for connections, ms: at most half of the time since they waited last, so a third of all. */
const burstMs = 50
const burstShare = 1 / 2

/**
 * Lets waiting connections in before the answers go out. libuv accepts one connection in a turn of the event loop. A turn
 * that serves a thousand busy connections takes 50 ms, so a new client would wait for seconds. While no answer goes out, no
 * client sends its next request: the turns are short, and each lets one connection in. A burst ends with the first turn
 * without a connection, which is the next turn of a server that is not busy.
 */
export const createConnectionBurst = (clock: Pick<Clock, 'now'>) => {
  const waiting: (() => void)[] = []
  let isOpen = false
  let isMore = false
  /** When the turn in which the burst began has ended. */
  let since: number | undefined
  let endedAt = Number.NEGATIVE_INFINITY
  const endTurn = (): void => {
    const now = clock.now()
    since ??= now
    if (isMore && now - since < Math.min(burstMs, (since - endedAt) * burstShare)) {
      isMore = false
      return void setImmediate(endTurn)
    }
    isOpen = false
    since = undefined
    endedAt = now
    for (const go of waiting.splice(0)) go()
  }
  return {
    /** Tells that a connection was accepted in this turn. */
    accepted: (): void => {
      isMore = true
      if (isOpen) return
      isOpen = true
      setImmediate(endTurn)
    },
    /** Whether answers and the work of requests are to wait. */
    isOpen: (): boolean => isOpen,
    /** Calls back when the burst is over; at once if there is none. */
    after: (go: () => void): void => {
      if (!isOpen) go()
      else waiting.push(go)
    },
  }
}

export type ConnectionBurst = ReturnType<typeof createConnectionBurst>
