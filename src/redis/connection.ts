import type { Clock } from '../clock.ts'
import { type Checked, checkServer, prepareChecks } from './check-server.ts'
import { connectRedis, type RedisClient } from './connect.ts'
import { faultOf, type RedisFault } from './refusal.ts'

export type Connection = {
  client: RedisClient
  /** Checks the server again. One check runs at a time. */
  check(): void
  close(): void
}

export type ConnectionEvents = {
  /** Connected, and to be checked. */
  ready(): void
  /** `roundTripMs`: the time that a PING took beside the check. */
  checked(found: Checked, roundTripMs: number): void
  /** The check had no answer. */
  unanswered(fault: RedisFault): void
  error(fault: RedisFault): void
  lost(): void
}

/**
 * The connection for commands. It is opened again after each loss, and its server can be checked. `events` is asked at each
 * event who wants to know. Nothing is told after `close`.
 */
export const openConnection = (
  url: string,
  { prefix, clock, timeoutMaxMs }: { prefix: string; clock: Clock; timeoutMaxMs: number },
  events: () => ConnectionEvents | undefined,
): Connection => {
  let isClosed = false
  let isChecking = false
  const client = connectRedis(url, timeoutMaxMs, () => !isClosed)
  prepareChecks(client)
  const listening = (): ConnectionEvents | undefined => (isClosed ? undefined : events())
  client.on('error', (error: Error) => listening()?.error(faultOf(error)))
  client.on('close', () => listening()?.lost())
  client.on('ready', () => listening()?.ready())
  return {
    client,
    check: async () => {
      if (isChecking) return
      isChecking = true
      try {
        const sentAt = clock.now()
        const tripped = client.ping().then(() => clock.now() - sentAt)
        const [found, roundTripMs] = await answeredWithin(
          Promise.all([checkServer(client, prefix), tripped.catch(() => 0)]),
          timeoutMaxMs,
          clock,
        )
        listening()?.checked(found, roundTripMs)
      } catch (error) {
        listening()?.unanswered(faultOf(error as Error))
      } finally {
        isChecking = false
      }
    },
    close: () => {
      isClosed = true
      client.disconnect()
    },
  }
}

/** An answer that has arrived but waits for this process's own work still counts: a busy process must not drop Redis. */
export const answeredWithin = <T>(answer: Promise<T>, limitMs: number, clock: Clock): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = new Error('Command timed out')
    const cancel = clock.after(limitMs, () => setImmediate(() => setImmediate(reject, late)))
    answer.then(resolve, reject).finally(cancel)
  })
