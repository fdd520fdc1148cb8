import { createHash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { Id } from '../contract/ids.ts'
import { scopes } from '../contract/scopes.ts'
import { type Caller, requestsPerMinuteDefault } from './caller.ts'

const requestsPerMinuteWanted = 'wanted: a whole number from 1 to 10000000'
const clientEntry = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'wanted: 1 to 64 of A–Z a–z 0–9 . _ -'),
  keyHash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'wanted: sha256: and 64 lower-case hex digits'),
  scopes: z.array(z.enum(scopes, { error: `wanted: one of ${scopes.join(' ')}` })).default([]),
  organizations: z
    .union([z.literal('*'), z.array(Id)], { error: 'wanted: "*" or a list of ids' })
    .default([]),
  requestsPerMinute: z
    .number({ error: requestsPerMinuteWanted })
    .refine((n) => Number.isInteger(n) && n >= 1 && n <= 10_000_000, { error: requestsPerMinuteWanted })
    .default(requestsPerMinuteDefault),
  expiresAt: z.iso.datetime({ offset: true, error: 'wanted: an RFC 3339 instant' }).optional(),
})
const clientsFile = z.strictObject({ clients: z.array(clientEntry) })

export type ClientEntry = z.infer<typeof clientEntry>

/**
 * Reads the callers' JSON; every fault with its place, and no entries when there is one. It is one that nobody in it
 * could ever call, unless others may.
 */
export const parseClients = (
  json: string,
  othersMayCall: boolean,
): { entries: ClientEntry[]; faults: string[] } => {
  let data: unknown
  try {
    data = JSON.parse(json)
  } catch {
    return { entries: [], faults: ['not JSON; wanted: {"clients":[…]}'] }
  }
  const parsed = clientsFile.safeParse(data)
  const faults = parsed.success
    ? [...clientFaults(parsed.data.clients, othersMayCall)]
    : parsed.error.issues.map((issue) => `/${issue.path.join('/')}: ${issue.message}`)
  return { entries: parsed.success && faults.length === 0 ? parsed.data.clients : [], faults }
}

function* clientFaults(entries: ClientEntry[], othersMayCall: boolean): Generator<string> {
  const first = new Map<string, string>()
  for (const [index, entry] of entries.entries()) {
    const text = JSON.stringify(entry)
    if ((first.get(entry.keyHash) ?? text) !== text)
      yield `/clients/${index}/keyHash: listed before with another id or other rights; wanted: one entry a key`
    first.set(entry.keyHash, text)
  }
  const ended = entries.every(
    ({ expiresAt }) => expiresAt !== undefined && Date.parse(expiresAt) <= Date.now(),
  )
  if (ended && !othersMayCall)
    yield `lists nobody${entries.length > 0 ? ' who has not expired' : ''}; wanted: at least one client, or nobody could ever call`
}

/** `sha256:<hex>` of a key, as it stands in the callers' file. */
export const hashKey = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const checksum = (head: string): string =>
  [...createHash('sha256').update(head).digest().subarray(0, 6)].map((byte) => alphabet[byte % 62]).join('')

/** A new key `cgw_<id>_<43 random characters>_<6 of checksum>`: 256 bits, and a shape that leak scanners can know. */
export const makeKey = (id: string): string => {
  const head = `cgw_${id}_${randomBytes(32).toString('base64url')}`
  return `${head}_${checksum(head)}`
}

export type Keys = {
  /** The caller with this key; undefined when it is unknown or expired. Same object for the same key. */
  find(key: string): Caller | undefined
  /** The caller whose entry has both this id and this key (for the drop-in login). */
  findById(id: string, key: string): Caller | undefined
  /** The caller whose entry lists this hash now: a token made from a key dies with it. */
  findByHash(keyHash: string): Caller | undefined
  /** Replaces all entries at once. */
  replace(entries: ClientEntry[]): void
  /** Each key that may be used: its client id, the first of its hash, and when it was last used (epoch ms). */
  uses(): { id: string; key: string; lastUsedAt: number | undefined }[]
  size(): number
}

const keyLengthMin = 32

/** Callers by the hash of their key. A key seen before is found by itself in a bounded table, without hashing again. */
export const createKeys = (entries: ClientEntry[], clock: Clock): Keys => {
  let byHash = new Map<string, Caller>()
  const seen = new LRUCache<string, Caller>({ max: 10_000 })
  /** By the hash of the key, so that it outlives a new file. */
  const used = new Map<string, number>()

  const replace = (next: ClientEntry[]): void => {
    byHash = new Map(next.map((entry) => [entry.keyHash, callerOf(entry)]))
    seen.clear()
    for (const hash of used.keys()) if (!byHash.has(hash)) used.delete(hash)
  }
  const find = (key: string): Caller | undefined => {
    let caller = seen.get(key)
    if (!caller) {
      if (key.length < keyLengthMin || key.length > 512) return undefined
      caller = byHash.get(hashKey(key))
      if (!caller) return undefined
      seen.set(key, caller)
    }
    return live(caller)
  }
  /** The caller unless it has expired; being asked for is being used. */
  const live = (caller: Caller | undefined): Caller | undefined => {
    if (!caller || clock.wall() >= (caller.expiresAt ?? Number.POSITIVE_INFINITY)) return undefined
    used.set(caller.keyHash as string, clock.wall())
    return caller
  }
  replace(entries)
  return {
    find,
    findById: (id, key) => {
      const caller = find(key)
      return caller?.id === id ? caller : undefined
    },
    findByHash: (keyHash) => live(byHash.get(keyHash)),
    replace,
    uses: () =>
      [...byHash].map(([hash, caller]) => ({
        id: caller.id,
        key: hash.slice(0, 'sha256:'.length + 8),
        lastUsedAt: used.get(hash),
      })),
    size: () => byHash.size,
  }
}

const callerOf = ({ scopes, organizations, expiresAt, ...entry }: ClientEntry): Caller => ({
  ...entry,
  kind: 'key',
  scopes: new Set(scopes),
  organizations: organizations === '*' ? '*' : new Set(organizations),
  expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
})
