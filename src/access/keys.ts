import { createHash, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import { Id } from '../contract/ids.ts'
import { wantedOf } from '../contract/plain-words.ts'
import { scopes } from '../contract/scopes.ts'
import { sharesOrganization } from './authorize.ts'
import { type Caller, requestsPerMinuteDefault } from './caller.ts'

const quota = { error: 'wanted: a whole number from 1 to 10000000' }

const perMinute = z
  .number(quota)
  .refine((value) => Number.isInteger(value) && value >= 1 && value <= 10_000_000, quota)

/** The rights that a table gives. */
export const granted = {
  scopes: z.array(z.enum(scopes, { error: `wanted: one of ${scopes.join(' ')}` })),
  organizations: z.union([z.literal('*'), z.array(Id)], { error: 'wanted: "*" or a list of ids' }),
}

/** One entry of API_KEYS_FILE. */
const clientEntry = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'wanted: 1 to 64 of A–Z a–z 0–9 . _ -'),
  keyHash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'wanted: sha256: and 64 lower-case hex digits'),
  scopes: granted.scopes.default([]),
  organizations: granted.organizations.default([]),
  requestsPerMinute: perMinute.default(requestsPerMinuteDefault),
  shadowRequestsPerMinute: perMinute.optional(),
  expiresAt: z.iso.datetime({ offset: true, error: 'wanted: an RFC 3339 instant' }).optional(),
})
export type ClientEntry = z.infer<typeof clientEntry>
const clientsFile = z.strictObject({ clients: z.array(clientEntry) })
const wording: z.core.ParseContext<z.core.$ZodIssue> = { error: (issue) => `wanted: ${wantedOf(issue)}` }
const faultsOf = (error: z.ZodError | undefined): string[] =>
  error?.issues.flatMap((issue) => {
    const place = `/${issue.path.join('/')}`
    if (issue.code !== 'unrecognized_keys') return `${place}: ${issue.message}`
    return issue.keys.map((key) => `${place.replace(/\/$/, '')}/${key}: not known; ${issue.message}`)
  }) ?? []

/** The value of a table in JSON, or every fault with its place. `form`: what is wanted. */
export const parseTable = <S extends z.ZodType>(json: string, schema: S, form: string) => {
  try {
    const { data, error } = schema.safeParse(JSON.parse(json), wording)
    return { data, faults: faultsOf(error) }
  } catch {
    return { data: undefined, faults: [`not JSON; wanted: ${form}`] }
  }
}

/** Why the gateway would refuse this entry: `/<field>: <what is wanted>`. Empty when it accepts the entry. */
export const faultsOfClient = (entry: unknown): string[] =>
  faultsOf(clientEntry.safeParse(entry, wording).error)

/**
 * Reads the JSON of the callers. Gives every fault with its place, and no entries when there is a fault. Without
 * `othersMayCall` a file is refused in which every key has expired.
 * @param now epoch ms
 */
export const parseClients = (
  json: string,
  othersMayCall: boolean,
  now: number,
): { entries: ClientEntry[]; faults: string[] } => {
  const { data, faults } = parseTable(json, clientsFile, '{"clients":[…]}')
  if (!data) return { entries: [], faults }
  const { clients } = data
  const firsts = new Map<string, ClientEntry>()
  for (const [index, client] of clients.entries()) {
    const first = firsts.get(client.keyHash) ?? client
    firsts.set(client.keyHash, first)
    if (!isDeepStrictEqual(client, first))
      faults.push(
        `/clients/${index}/keyHash: listed before with another id or other rights; wanted: one entry a key`,
      )
  }
  if (!othersMayCall && clients.every(({ expiresAt }) => Date.parse(expiresAt ?? '') <= now))
    faults.push(
      `lists nobody${clients.length > 0 ? ' who has not expired' : ''}; wanted: at least one client, or nobody could ever call`,
    )
  return { entries: faults.length === 0 ? clients : [], faults }
}

/** `sha256:<hex>` of a key, as API_KEYS_FILE lists it. */
export const hashKey = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const checksum = (head: string): string =>
  [...createHash('sha256').update(head).digest().subarray(0, 6)].map((byte) => alphabet[byte % 62]).join('')

/** A new key `cgw_<id>_<43 random characters>_<6 of checksum>`: 256 random bits in a form that leak scanners can know. */
export const makeKey = (id: string): string => {
  const head = `cgw_${id}_${randomBytes(32).toString('base64url')}`
  return `${head}_${checksum(head)}`
}

/** Callers by the SHA-256 of their key, so the time of a look-up tells nothing about listed keys. */
export const createKeys = (
  initial: readonly ClientEntry[],
  clock: Clock,
  used: (keyHash: string) => void = () => {},
) => {
  let byHash = new Map<string, Caller>()
  /** Valid keys that need no hashing again. */
  const seen = new LRUCache<string, Caller>(atMost(10_000))
  /** Epoch ms by hash. It outlives a new file. */
  const usedAt = new Map<string, number>()

  const replace = (entries: readonly ClientEntry[]): void => {
    byHash = new Map(entries.map((entry) => [entry.keyHash, callerOf(entry)]))
    seen.clear()
    for (const hash of usedAt.keys()) if (!byHash.has(hash)) usedAt.delete(hash)
  }
  const unlessExpired = (caller: Caller | undefined): Caller | undefined =>
    caller && clock.wall() < (caller.expiresAt ?? Number.POSITIVE_INFINITY) ? caller : undefined
  /** The caller unless it has expired. Counts as a use of its key. */
  const use = (known: Caller | undefined): Caller | undefined => {
    const caller = unlessExpired(known)
    if (!caller) return undefined
    const keyHash = caller.keyHash as string
    usedAt.set(keyHash, clock.wall())
    used(keyHash)
    return caller
  }
  /** Each listed key that the caller may know of, in the order of the file. */
  const knownTo = (caller: Caller): Caller[] =>
    [...byHash.values()].filter((client) => sharesOrganization(caller, client))
  replace(initial)
  return {
    replace,
    /** The caller of this key, the same object each time. Undefined: the key is unknown or has expired. */
    find: (key: string): Caller | undefined => {
      const known = seen.get(key)
      if (known || key.length < 32 || key.length > 512) return use(known)
      const caller = byHash.get(hashKey(key))
      if (caller) seen.set(key, caller)
      return use(caller)
    },
    findByHash: (keyHash: string): Caller | undefined => use(byHash.get(keyHash)),
    /** The same without counting as use: for work that nobody asks for. The same object each time. */
    peek: (keyHash: string): Caller | undefined => unlessExpired(byHash.get(keyHash)),
    knownTo,
    /** Epoch ms of its last use in this instance. */
    lastUse: (keyHash: string): number | undefined => usedAt.get(keyHash),
    /** The same keys: client id, the start of the hash, and the last use. */
    uses: (caller: Caller) =>
      knownTo(caller).map(({ id, keyHash = '' }) => {
        const at = usedAt.get(keyHash)
        const lastUsedAt = at === undefined ? null : new Date(at).toISOString()
        return { id, key: keyHash.slice(0, 15), lastUsedAt }
      }),
  }
}

export type Keys = ReturnType<typeof createKeys>

const callerOf = ({ scopes: given, organizations, expiresAt, ...entry }: ClientEntry): Caller => ({
  ...entry,
  kind: 'key',
  scopes: new Set(given),
  organizations: organizations === '*' ? '*' : new Set(organizations),
  expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
})
