import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Records } from '../redis/records.ts'
import { createTrustedRecords } from './trusted-records.ts'

/** Stands for every client. */
const everybody = '*'

/**
 * Ends all sessions of a person at once, whichever instance knows them. An end gives the person a new mark. A session keeps
 * the marks of its minting, and counts only while they are those of now. So no list of sessions is needed, and a session
 * that is being minted during the end is refused.
 */
export const createEndedPeople = (options: {
  records: Records
  /** A keyed hash, so that a copy of Redis names nobody. */
  hash(kind: 'person', text: string): string
  sessionMaxMs: number
  clock: Clock
}) => {
  const { records, hash, sessionMaxMs } = options
  const trusted = createTrustedRecords<string>({ ...options, keepAbsent: true })
  const keyOf = (client: string, subject: string): string =>
    `session-ended:${hash('person', JSON.stringify([client, subject]))}`
  const keysOf = (client: string, subject: string) => [keyOf(client, subject), keyOf(everybody, subject)]

  return {
    /** The marks of now, for a new session. @throws Failure `redis.unavailable` */
    marks: async (client: string, subject: string): Promise<(string | null)[]> =>
      Promise.all(
        keysOf(client, subject).map(async (key) => ((await records.get(key)) as string | undefined) ?? null),
      ),
    /** Whether a session with these marks was ended. A mark that nobody keeps any more is older than every session. */
    hasEnded: async (
      client: string,
      subject: string,
      marks: readonly (string | null)[],
    ): Promise<boolean> => {
      const now = await Promise.all(keysOf(client, subject).map(trusted.get))
      return now.some((mark, at) => mark !== undefined && mark !== marks[at])
    },
    /** Ends the sessions that this client minted for the person; without a client those of all. @throws Failure `redis.unavailable` */
    end: async (client: string | undefined, subject: string): Promise<void> => {
      const key = keyOf(client ?? everybody, subject)
      await records.put(key, randomUUID(), sessionMaxMs)
      trusted.forget(key)
    },
  }
}
