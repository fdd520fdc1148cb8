import { randomBytes } from 'node:crypto'
import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import type { Secret } from '../secret.ts'
import { openToken, sealToken, type Token } from './sealed-token.ts'

/**
 * A usable token that another instance obtained, or the result of `logIn`, which no two instances run within
 * `loginSpacingMs`. @throws what `logIn` throws; Failure `queue.full` when the turn does not come before `deadline`
 */
export type LogInShared = (
  isUsable: (token: Token) => boolean,
  logIn: () => Promise<Token>,
  deadline: number,
) => Promise<Token>

export type SharedLogin = {
  logIn: LogInShared
  /** From now on tokens are encrypted with this secret. Those of the old one cannot be read any more. */
  replaceSecret(secret: Secret): void
}

/** The samples of ChatHub log in at most once a second; 50 ms allow for different travel times. */
export const loginSpacingMs = 1050
// Longer than a login waits for its slot and its answer. An instance that died delays the others no longer.
const turnMs = 15_000
const pollMs = 100
const keepUnknownMs = 3600_000

/** KEYS: turn, token; ARGV: owner. → ms until the turn may be free, 0 when it is the owner's; the sealed token. */
const takeTurn = `
local left = 0
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ${turnMs}) and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  left = math.max(1, redis.call('PTTL', KEYS[1]))
end
return { left, redis.call('GET', KEYS[2]) }`
/** KEYS: turn, token; ARGV: owner, ms until the next turn, sealed token or empty, ms to keep it. */
const endTurn = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], 'over', 'PX', ARGV[2]) end
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
return 1`

/**
 * Instances take turns through Redis. With a secret they also share the token there, encrypted; without one each instance
 * logs in. While Redis is away each instance decides alone. `bound` names the ChatHub and the login.
 */
export const createSharedLogin = (options: {
  redis: Redis
  clock: Clock
  secret: Secret | undefined
  bound: string
}): SharedLogin => {
  const { redis, clock, bound } = options
  let { secret } = options
  const owner = randomBytes(12).toString('base64url')
  const keys = ['{login}:turn', '{login}:token']
  const scripts = { take: redis.script('loginTake', takeTurn), end: redis.script('loginEnd', endTurn) }
  const withRedis = <T>(asked: Promise<T>): Promise<T | undefined> =>
    asked.catch((error) => {
      if (isFailure(error, 'redis.unavailable')) return undefined
      throw error
    })
  const end = (spacingMs: number, token?: Token) => {
    const sealed = token && secret ? sealToken(token, secret, bound) : ''
    const keepMs = token?.expiresAt === undefined ? keepUnknownMs : token.expiresAt - clock.wall()
    return withRedis(scripts.end(keys, owner, spacingMs, sealed, Math.max(1, Math.round(keepMs))))
  }

  const logInShared: LogInShared = async (isUsable, logIn, deadline) => {
    await redis.opened
    for (;;) {
      const [left, sealed] = ((await withRedis(scripts.take(keys, owner))) ?? [0, null]) as [number, unknown]
      const shared = sealed && secret ? openToken(String(sealed), secret, bound) : undefined
      if (shared && isUsable(shared)) {
        if (left === 0) await end(1)
        return shared
      }
      if (left === 0) break
      if (clock.now() >= deadline) throw new Failure('queue.full', { retryAfterMs: left })
      await pause(clock, Math.min(left, pollMs))
    }
    try {
      const token = await logIn()
      await end(loginSpacingMs, token)
      return token
    } catch (error) {
      // Every instance waits as long as ChatHub asks one of them to.
      await end(Math.max(loginSpacingMs, (isFailure(error, 'chathub.throttled') && error.retryAfterMs) || 0))
      throw error
    }
  }
  return {
    logIn: logInShared,
    replaceSecret: (next) => {
      secret = next
    },
  }
}
