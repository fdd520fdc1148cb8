import type { Clock } from '../clock.ts'
import { isFailure } from '../errors.ts'
import type { Records } from '../redis/records.ts'

/** A use is stored at most this often for each key and instance, because it costs a round trip. */
const storedEveryMs = 60_000
const keptMs = 400 * 86_400_000

/** When each key was last used, exact to a minute over all instances. Nobody waits for it to be stored. */
export const createKeyUses = ({ records, clock }: { records: Records; clock: Clock }) => {
  const stored = new Map<string, number>()
  const nameOf = (keyHash: string): string => `key-used:${keyHash.slice(7, 39)}`
  return {
    used: (keyHash: string): void => {
      const now = clock.wall()
      if (now - (stored.get(keyHash) ?? Number.NEGATIVE_INFINITY) < storedEveryMs) return
      stored.set(keyHash, now)
      void records.put(nameOf(keyHash), now, keptMs).catch(() => {})
    },
    /** Epoch ms of the last use that an instance stored. Undefined: none is known, or Redis is away. */
    lastOf: (keyHash: string): Promise<number | undefined> =>
      records.get(nameOf(keyHash)).then(
        (at) => at as number | undefined,
        (error: unknown) => {
          if (isFailure(error, 'redis.unavailable')) return undefined
          throw error
        },
      ),
  }
}

export type KeyUses = ReturnType<typeof createKeyUses>
