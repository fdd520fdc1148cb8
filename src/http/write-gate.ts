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
 * overloaded process begins far more than it can end. The others wait in turns, and have cost their head alone.
 *
 * Writes may wait long for ChatHub or for their organization, so the bound of each falls with the permits that are left
 * (dynamic thresholds, Choudhury and Hahne 1998). Alone, a client has at most half of the permits, and a third for one
 * organization. The others are left.
 */
export const createWriteGate = ({ clock, inFlightMax }: { clock: Clock; inFlightMax: number }) => {
  const waiting = createTurns<{ begin(): void; isGone(): boolean }>()
  /** Permits by client, and by client with organization. */
  const held = new Map<string, number>()
  let inFlight = 0
  const heldBy = (key: string): number => held.get(key) ?? 0
  const count = (change: 1 | -1, client: string, queue: string): void => {
    inFlight += change
    for (const key of [client, queue]) {
      held.set(key, heldBy(key) + change)
      if (heldBy(key) === 0) held.delete(key)
    }
  }
  const mayBegin = (queue: string): boolean =>
    heldBy(queue) < inFlightMax - inFlight - heldBy(queue.slice(0, queue.lastIndexOf('\n')))

  /**
   * The permit of a write of this client, for this organization if there is one. `isGone`: whether nobody waits for the
   * answer any more.
   */
  return (client: string, organization: string, isGone: () => boolean): Permit => {
    // No header has a line end.
    const queue = `${client}\n${organization}`
    let isIn = false
    return {
      enter: () =>
        new Promise((resolve, reject) => {
          // Nobody would leave the permit of a client that has left.
          if (isGone()) return resolve()
          const begin = (): void => {
            count(1, client, queue)
            isIn = true
            resolve()
          }
          const refuse = (): void => reject(new Failure('server.overloaded', { retryAfterMs: 2000 }))
          if (mayBegin(queue)) return begin()
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
          waiting.push(queue, { begin: beginInTime, isGone: () => isOver || isGone() })
        }),
      leave: () => {
        if (!isIn) return
        isIn = false
        count(-1, client, queue)
        for (let next = waiting.next(mayBegin); next; next = waiting.next(mayBegin))
          if (!next.isGone()) next.begin()
      },
    }
  }
}

/** Takes a permit for a request, until its answer is sent or its client has left. @throws Failure `server.overloaded` */
export const createEnterWrite =
  (gate: ReturnType<typeof createWriteGate>) =>
  async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const permit = gate(clientTextOf(req), organizationTextOf(req), () => res.destroyed)
    // First: the end of a connection gives the permit of one request to the next of its own, and then ends that one too.
    res.once('close', permit.leave)
    await permit.enter()
    req.requestContext.permit = permit
  }

export type EnterWrite = ReturnType<typeof createEnterWrite>

/** The first number of the path, which is that of an organization. */
const organizationTextOf = ({ url = '' }: IncomingMessage): string => /^[^?]*?\/(\d+)/.exec(url)?.[1] ?? ''

/** Who takes turns. Nothing was checked yet: a wrong credential is refused as soon as it has its turn. */
const clientTextOf = ({ headers, socket }: IncomingMessage): string =>
  String(headers['x-api-key'] ?? headers.authorization ?? headers.cookie ?? socket.remoteAddress)
