import type { RedisClient } from './connect.ts'
import { faultOf, type RedisFault } from './refusal.ts'

/** Published by the check. No subscriber is handed it. */
export const checkMessage = 'check'

/** Families of keys, after the prefix. Redis may limit a user to some keys. */
const families = [
  'list:',
  'operator-index',
  'journal:',
  'assignment:',
  'audit:',
  'events:',
  'idempotency:',
  'idempotency-lease:',
  'session:',
  'session-ended:',
  'key-used:',
  'ticket:',
  'token:',
  '{login}:',
  'kept:',
  'refresh:',
  'webhooks:',
  'switches',
  'usage:',
]
const channels = ['{gateway}:invalidation', '{gateway}:confirm:check', 'journal:changed', 'events:appended']

/**
 * Every command of the scripts and of the modules, as it does no harm. The second word is the type of a scratch key, and
 * so is a word after `@`. SET comes first, because Redis refuses for want of memory only the first write of a script.
 */
const commands = `
SET string 1 PX 60000
UNLINK hash @list @zset @set @stream
GET string
TYPE string
INCR string
INCRBY string 1
DECRBY string 1
APPEND string 1
GETRANGE string 0 1
STRLEN string
EXISTS string
PEXPIRE string 60000
EXPIRE string 60
PTTL string
GETEX string PX 60000
GETDEL string
HSET hash a 1
HSETNX hash a 1
HGET hash a
HEXISTS hash a
HGETALL hash
HINCRBY hash n 1
HMGET hash a
HVALS hash
HDEL hash a
LPUSH list a
RPUSH list b
LINDEX list 0
LLEN list
LRANGE list 0 -1
LREM list 1 c
LTRIM list 0 9
ZADD zset 1 a
ZCOUNT zset 0 1
ZRANGE zset 0 -1
ZRANGEBYSCORE zset 0 1
ZREVRANGEBYSCORE zset 1 0
ZREM zset b
ZREMRANGEBYSCORE zset 5 6
ZSCORE zset a
SADD set a
SMEMBERS set
SREM set a
DEL list
SETBIT string 1 1
GETBIT string 1
XADD stream MAXLEN ~ 9 * a b
XTRIM stream MINID ~ 1
XDEL stream 1-1
XLEN stream
XRANGE stream (0-0 + COUNT 1
XREVRANGE stream + - COUNT 1
RENAME stream @stream`
const types = ['string', 'hash', 'list', 'set', 'zset', 'stream']

const callOf = (line: string): string => {
  const [name = '', type = '', ...args] = line.split(' ')
  const keyOf = (word: string): string => `KEYS[${types.indexOf(word) + 1}]`
  const words = args.map((word) => (word.startsWith('@') ? keyOf(word.slice(1)) : `'${word}'`))
  return `try(${[`'${name}'`, keyOf(type), ...words].join(', ')})`
}
/** Returns what Redis refused, as « COMMAND reason ». It runs on empty scratch keys and leaves none. */
const tryCommands = `
local refused = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then refused[#refused + 1] = (...) .. ' ' .. answer.err end
end
try('TIME')
${commands.trim().split('\n').map(callOf).join('\n')}
try('UNLINK', unpack(KEYS))
return refused`

/** Defines the script of the check. */
export const prepareChecks = (client: RedisClient): void =>
  client.defineCommand('gatewayCheck', { numberOfKeys: types.length, lua: tryCommands })

/**
 * Runs the commands of the work once, in a script and in one round trip.
 * @returns the first refusal, or undefined
 * @throws when Redis does not answer
 */
export const checkCommands = async (client: RedisClient, prefix: string): Promise<RedisFault | undefined> => {
  const { gatewayCheck } = client as unknown as { gatewayCheck(...keys: string[]): Promise<unknown> }
  const keys = types.map((type) => `${prefix}{gateway}:check:${type}`)
  try {
    const refused = await gatewayCheck.call(client, ...keys)
    const first: unknown = Array.isArray(refused) ? refused[0] : undefined
    if (typeof first !== 'string') return undefined
    const [name = '', ...words] = first.split(' ')
    return faultOf(Object.assign(new Error(words.join(' ')), { name: 'ReplyError', command: { name } }))
  } catch (error) {
    return faultOrThrow(error)
  }
}

const faultOrThrow = (error: unknown): RedisFault => {
  const fault = faultOf(error as Error)
  if (fault.reason === 'connection' || fault.reason === 'timeout') throw error
  return fault
}

/** `unsupported`: the server is too old. `mayEvict`: the policy by which it evicts keys, so that it may lose writes. */
export type Checked = {
  unsupported: string | undefined
  fault: RedisFault | undefined
  mayEvict: string | undefined
}

/**
 * Tries what the work uses: database, role, version, commands in scripts and outside, key families, publication. All of
 * it is sent at once. A server that forbids INFO and CONFIG passes if the work is allowed.
 * @throws when Redis does not answer
 */
export const checkServer = async (client: RedisClient, prefix: string): Promise<Checked> => {
  const isCluster = 'nodes' in client
  const setting = async (name: string): Promise<unknown> =>
    client.config('GET', name).then(
      (answer) => (answer as string[])[1],
      () => undefined,
    )
  const info = (section: string): Promise<string> => client.info(section).then(String, () => '')
  const key = (family: string): string => `${prefix}${family}{check}`
  const tried: Promise<unknown>[] = [
    ...(!isCluster && client.options.db ? [client.select(client.options.db)] : []),
    ...families.flatMap((family) => [client.exists(key(family)), client.unlink(key(family))]),
    client.scan('0', 'COUNT', 1),
    ...channels.map((channel) => client.publish(prefix + channel, checkMessage)),
  ]
  // The first call sends the text of the script and the second one its hash.
  const scripts = [checkCommands(client, prefix), checkCommands(client, prefix)]
  const refusals = Promise.all([...scripts, ...tried.map((one) => one.then(() => undefined, faultOrThrow))])
  const [server, replication, policy, limit, faults] = await Promise.all([
    info('server'),
    info('replication'),
    setting('maxmemory-policy'),
    setting('maxmemory'),
    refusals,
  ])
  // GETDEL came with Redis 6.2. Every Valkey reports `redis_version:7.2.4` beside its own version.
  const [, version, major, minor] = /redis_version:((\d+)\.(\d+)\S*)/.exec(server) ?? []
  const isTooOld = Number(major) * 100 + Number(minor) < 602
  return {
    unsupported: isTooOld ? `Redis ${version} is too old: 6.2 or later is needed` : undefined,
    fault: (isCluster ? undefined : faultOfRole(server, replication)) ?? faults.find(Boolean),
    mayEvict: typeof policy === 'string' && policy !== 'noeviction' && limit !== '0' ? policy : undefined,
  }
}

const faultOfRole = (server: string, replication: string): RedisFault | undefined => {
  if (/redis_mode:cluster|server_mode:cluster/.test(server)) return faultOf(reply('MOVED redis_mode:cluster'))
  if (/^role:slave/m.test(replication)) return faultOf(reply('READONLY role:slave'))
  return undefined
}
const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })
