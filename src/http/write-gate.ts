import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import { createTurns } from './turns.ts'

/** How long a write waits for a permit, ms. Its caller waits for up to WRITE_DEADLINE_MS. */
const waitMs = 5000
/** A waiting request holds about 10 KB. */
const waitingMax = 10_000

/** The permit of a write in flight. */
export type Permit = {
  /** Waits for it and takes it, unless the client has left. @throws Failure `server.overloaded` */
  enter(): Promise<void>
  /** Gives it up, at the end or while a body is on its way. Once is enough. */
  leave(): void
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
  const waiting = createTurns<{ begin(): void; isGone(): boolean }>()
  let inFlight = 0

  /** The permit of a write of this client. `isGone`: whether nobody waits for the answer any more. */
  return (client: string, isGone: () => boolean): Permit => {
    let isIn = false
    return {
      enter: () =>
        new Promise((resolve, reject) => {
          // Nobody would leave the permit of a client that has left.
          if (isGone()) return resolve()
          const begin = (): void => {
            inFlight++
            isIn = true
            resolve()
          }
          const refuse = (): void => reject(new Failure('server.overloaded', { retryAfterMs: 2000 }))
          if (inFlight < inFlightMax) return begin()
          if (waiting.size() >= waitingMax) return refuse()
          let isOver = false
          const cancel = clock.after(waitMs, () => {
            isOver = true
            refuse()
          })
          const beginInTime = (): void => {
            cancel()
            begin()
          }
          waiting.push(client, { begin: beginInTime, isGone: () => isOver || isGone() })
        }),
      leave: () => {
        if (!isIn) return
        isIn = false
        inFlight--
        let next = waiting.next()
        while (next?.isGone()) next = waiting.next()
        next?.begin()
      },
    }
  }
}

/** Takes a permit for a request, until its answer is sent or its client has left. @throws Failure `server.overloaded` */
export const createEnterWrite =
  (gate: ReturnType<typeof createWriteGate>) =>
  async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const permit = gate(clientTextOf(req), () => res.destroyed)
    // First: the end of a connection gives the permit of one request to the next of its own, and then ends that one too.
    res.once('close', permit.leave)
    await permit.enter()
    req.requestContext.permit = permit
  }

export type EnterWrite = ReturnType<typeof createEnterWrite>

/** Who takes turns. Nothing was checked yet: a wrong credential is refused as soon as it has its turn. */
const clientTextOf = ({ headers, socket }: IncomingMessage): string =>
  String(headers['x-api-key'] ?? headers.authorization ?? headers.cookie ?? socket.remoteAddress)
