import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'

/** How long a write waits for a permit, ms. Its caller waits for up to WRITE_DEADLINE_MS. */
const waitMs = 5000
/** A waiting request holds about 10 KB. */
const waitingMax = 10_000

type Write = {
  /** Whose turn it is. */
  client: string
  begin(permit: Permit): void
  refuse(failure: Failure): void
  /** Whether nobody waits for the answer any more. */
  isGone(): boolean
}
/** The permit of a write in flight. */
export type Permit = {
  /** Gives it up, at the end or while a body is on its way. Once is enough. */
  leave(): void
  /** Takes one again, unless the client has left. @throws Failure `server.overloaded` */
  enter(): Promise<void>
}

/** Does what is slow, such as the arrival of a body, without a permit. @throws Failure `server.overloaded` */
export const withoutPermit = async <T>(permit: Permit | undefined, work: () => Promise<T>): Promise<T> => {
  permit?.leave()
  const done = await work()
  await permit?.enter()
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
  const permitOf = (write: Write): Permit => {
    let isIn = true
    return {
      leave: () => {
        if (!isIn) return
        isIn = false
        leave()
      },
      enter: () =>
        new Promise((resolve, reject) => {
          // Nobody would leave the permit of a client that has left.
          if (write.isGone()) return resolve()
          const begin = (): void => {
            isIn = true
            resolve()
          }
          take(write, begin, reject)
        }),
    }
  }
  /** Begins a write when there is a permit for it, which may be at once. */
  return (write: Write): void => take(write, () => write.begin(permitOf(write)), write.refuse)
}
