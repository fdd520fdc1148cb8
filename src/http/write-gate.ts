import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'

/** How long a write waits for a place, ms. Its caller waits for up to WRITE_DEADLINE_MS. */
const waitMs = 5000
/** A waiting request holds about 10 KB. */
const waitingMax = 10_000

type Write = {
  /** Whose turn it is. */
  client: string
  begin(place: Place): void
  refuse(failure: Failure): void
  /** Whether nobody waits for the answer any more. */
  isGone(): boolean
}
/** The place of a write in flight. */
export type Place = {
  /** Gives it up, at the end or while a body is on its way. Once is enough. */
  leave(): void
  /** Takes one again, unless the client has left. @throws Failure `server.overloaded` */
  enter(): Promise<void>
}

/** Does what is slow, such as the arrival of a body, without a place. @throws Failure `server.overloaded` */
export const withoutPlace = async <T>(place: Place | undefined, work: () => Promise<T>): Promise<T> => {
  place?.leave()
  const done = await work()
  await place?.enter()
  return done
}

/**
 * Bounds the writes in flight. Each takes milliseconds of CPU, most of them after it has begun, so without a bound an
 * overloaded process begins far more than it can end. The others wait, clients in turns, and have cost their head alone.
 */
export const createWriteGate = ({ clock, inFlightMax }: { clock: Clock; inFlightMax: number }) => {
  const waiting = new Map<string, { begin(): void; isGone(): boolean }[]>()
  let waitingCount = 0
  let inFlight = 0

  /** The next write of the client whose turn it is. */
  const takeNext = () => {
    for (const [client, writes] of waiting) {
      const next = writes.shift()
      waitingCount--
      waiting.delete(client)
      if (writes.length > 0) waiting.set(client, writes)
      if (next && !next.isGone()) return next
    }
    return undefined
  }
  const leave = (): void => {
    inFlight--
    takeNext()?.begin()
  }
  const take = (
    { client, isGone }: Pick<Write, 'client' | 'isGone'>,
    begin: () => void,
    refuse: Write['refuse'],
  ): void => {
    const beginNow = (): void => {
      inFlight++
      begin()
    }
    const refuseNow = (): void => refuse(new Failure('server.overloaded', { retryAfterMs: 2000 }))
    if (inFlight < inFlightMax) return void beginNow()
    if (waitingCount >= waitingMax) return void refuseNow()
    let isOver = false
    const cancel = clock.after(waitMs, () => {
      isOver = true
      refuseNow()
    })
    const writes = waiting.get(client) ?? []
    writes.push({
      begin: () => {
        cancel()
        beginNow()
      },
      isGone: () => isOver || isGone(),
    })
    waiting.set(client, writes)
    waitingCount++
  }
  const placeOf = (write: Write): Place => {
    let isIn = true
    return {
      leave: () => {
        if (isIn) leave()
        isIn = false
      },
      enter: () =>
        new Promise((resolve, reject) => {
          // Nobody would leave the place of a client that has left.
          if (write.isGone()) return resolve()
          const begin = (): void => {
            isIn = true
            resolve()
          }
          take(write, begin, reject)
        }),
    }
  }
  /** Begins a write when there is a place for it, which may be at once. */
  return (write: Write): void => take(write, () => write.begin(placeOf(write)), write.refuse)
}
