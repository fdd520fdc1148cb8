import type { RedisClient } from '../../../redis/connect.ts'
import { scanKeys } from '../../../redis/scan-keys.ts'

/**
 * What nobody else knows. Lists and company tokens are fetched again. Sessions, tickets and gateway tokens are left out, because
 * one that was ended since would come back to life: people sign in again.
 */
const families = [
  'assignment:',
  'audit:',
  'events:',
  'idempotency:',
  'journal:',
  'kept:',
  'key-used:',
  'session-ended:',
  'switches',
  'usage:',
  'webhooks:',
]
/** Locks, leases and copies that a reader has made: they belong to a process. */
const passing = /:(lock|waiting|since|leases)$|^audit:\{\d+\}:copy:/

const isKept = (key: string): boolean =>
  families.some((family) => key.startsWith(family)) && !passing.test(key)

/** A key without the prefix, as Redis dumps it. `expiresAt`: ms since 1970 by the clock of Redis; null: never. */
export type Kept = { key: string; expiresAt: number | null; dump: string }

const tagOf = (key: string): string => /\{([^}]+)\}/.exec(key)?.[1] ?? key

export const keptKeys = async (client: RedisClient, prefix: string): Promise<string[]> => {
  const all = await scanKeys({ prefix, tolerant: { run: (command) => command(client) } }, '*')
  return [...new Set(all)].filter(isKept)
}

/** Keys of one hash tag, read in one step. One that has ended since its name was read is left out. */
const readGroup = async (client: RedisClient, prefix: string, keys: readonly string[]): Promise<Kept[]> => {
  const step = client.multi().time()
  for (const key of keys) step.pttl(prefix + key).dumpBuffer(prefix + key)
  const answers = (await step.exec()) ?? []
  const failed = answers.find(([error]) => error)
  if (failed) throw failed[0]
  const [time, ...found] = answers.map(([, answer]) => answer)
  const [seconds, micros] = time as [string, string]
  const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  return keys.flatMap((key, at) => {
    const [left, dump] = [found[2 * at] as number, found[2 * at + 1] as Buffer | null]
    return dump ? [{ key, expiresAt: left < 0 ? null : now + left, dump: dump.toString('base64') }] : []
  })
}

/**
 * Reads what is kept while everything runs. Keys of one hash tag are of one instant: an operation and its rows, an event and its
 * log.
 */
export const readKept = async function* (client: RedisClient, prefix: string): AsyncGenerator<Kept> {
  const groups = new Map<string, string[]>()
  for (const key of await keptKeys(client, prefix)) {
    const group = groups.get(tagOf(key))
    if (group) group.push(key)
    else groups.set(tagOf(key), [key])
  }
  for (const keys of groups.values()) yield* await readGroup(client, prefix, keys)
}
