import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Quotas } from '../redis/quotas.ts'
import type { Records } from '../redis/records.ts'
import type { Caller } from './caller.ts'
import type { ClientLimit } from './client-limit.ts'
import { hashKey, type Keys } from './keys.ts'
import { createTrustedRecords } from './trusted-records.ts'

const tokenMs = 24 * 60 * 60 * 1000
const recordOf = (token: string): string => `token:${createHash('sha256').update(token).digest('base64url')}`

type TokenRecord = { keyHash: string; expiresAt: number }

/**
 * Opaque tokens for programs written for ChatHub: `POST /api/company/get-token` with a client id and key. A token is
 * valid for 24 h and is stored only as a hash. It ends when its key does.
 */
export const createGatewayTokens = (options: {
  keys: Keys
  records: Records
  quotas: Quotas
  clock: Clock
  limit: ClientLimit
}) => {
  const { keys, records, quotas, clock, limit } = options
  // Only the key of a token can be revoked, and the key is looked up each time.
  const trustedMs = Number.POSITIVE_INFINITY
  const trusted = createTrustedRecords<TokenRecord>({ records, clock, trustedMs })
  return {
    /**
     * A token for this client. Undefined: the key is not valid or belongs to another id. Counts as a request.
     * @throws Failure `limit.exceeded`, `quota.exceeded`, `redis.unavailable`
     */
    issue: async (clientId: string, key: string): Promise<string | undefined> => {
      const caller = keys.find(key)
      if (caller?.id !== clientId) return undefined
      limit.take(caller)
      const token = `cgt_${randomBytes(32).toString('base64url')}`
      const record: TokenRecord = { keyHash: hashKey(key), expiresAt: clock.wall() + tokenMs }
      const name = recordOf(token)
      await quotas.take([{ kind: 'tokens', client: clientId, id: name.slice(-16), keepMs: tokenMs }])
      await records.put(name, record, tokenMs)
      return token
    },
    /**
     * The caller of a token, with the rights that its key has now.
     * @throws Failure `credential.unverifiable` while Redis is away and this instance has not seen the token
     */
    find: async (token: string): Promise<Caller | undefined> => {
      if (!/^cgt_[\w-]{43}$/.test(token)) return undefined // saves a round trip
      const record = await trusted.get(recordOf(token))
      if (!record || clock.wall() >= record.expiresAt) return undefined
      const caller = keys.findByHash(record.keyHash)
      return caller && { ...caller, kind: 'token', expiresAt: record.expiresAt }
    },
  }
}
