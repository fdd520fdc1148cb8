import { createHash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Records } from '../redis/records.ts'
import type { Caller } from './caller.ts'
import type { ClientLimit } from './client-limit.ts'
import { hashKey, type Keys } from './keys.ts'

const tokenMs = 24 * 60 * 60 * 1000
const hash = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** What is kept of a gateway token: whose it is, by hashes alone. */
type TokenRecord = { keyHash: string; expiresAt: number }

/** Who cannot be looked up is not let in, and is not told that the token is wrong. */
const unverifiable = (cause: unknown): never => {
  throw new Failure('credential.unverifiable', { retryAfterMs: 1000, cause })
}

/**
 * Opaque tokens for programs written for ChatHub: `POST /api/company/get-token` with a client id and key. Good for 24 h,
 * kept only as a hash, dead as soon as the key is.
 */
export const createGatewayTokens = (options: {
  keys: Keys
  records: Records
  clock: Clock
  limit: ClientLimit
}) => {
  const { keys, records, clock, limit } = options
  // A token seen once needs no asking again: it dies with its key, which is looked up each time, or by its own date.
  const seen = new LRUCache<string, TokenRecord>({ max: 10_000 })
  return {
    /**
     * A token for this client, or undefined when id and key do not belong together. Counts as its request.
     * @throws Failure `limit.exceeded`
     */
    issue: async (clientId: string, key: string): Promise<string | undefined> => {
      const caller = keys.findById(clientId, key)
      if (!caller) return undefined
      limit(caller)
      const token = `cgt_${randomBytes(32).toString('base64url')}`
      const record: TokenRecord = { keyHash: hashKey(key), expiresAt: clock.wall() + tokenMs }
      await records.put(`token:${hash(token)}`, record, tokenMs)
      return token
    },
    /** The caller behind a token; its rights are those of its key now. */
    find: async (token: string): Promise<Caller | undefined> => {
      // What cannot be one is not looked up: that costs a round trip.
      if (!/^cgt_[\w-]{43}$/.test(token)) return undefined
      const id = hash(token)
      const record =
        seen.get(id) ?? ((await records.get(`token:${id}`).catch(unverifiable)) as TokenRecord | undefined)
      if (!record || clock.wall() >= record.expiresAt) return undefined
      seen.set(id, record)
      const caller = keys.findByHash(record.keyHash)
      return caller && { ...caller, kind: 'token', expiresAt: record.expiresAt }
    },
  }
}
export type GatewayTokens = ReturnType<typeof createGatewayTokens>
