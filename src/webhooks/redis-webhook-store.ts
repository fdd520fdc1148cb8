import { type Place, parseEventPlace, placeText } from '../contract/event.ts'
import type { DeadLetter } from '../contract/webhook.ts'
import { readTime } from '../redis/read-time.ts'
import type { Redis } from '../redis/redis.ts'
import { createScripts } from '../redis/scripts.ts'
import {
  type Backlog,
  deadLettersMax,
  leaseMs,
  type Progress,
  type ProgressChange,
  type Webhook,
  type WebhookStore,
} from './webhook.ts'

/** One hash tag, so that a script changes a lease and what it protects. Fields that begin with @ are no ids. */
const from = 'webhooks:{webhooks}:'
const all = `${from}all`
const leases = `${from}leases`
const progressOf = (id: string): string => `${from}progress:${id}`
const deadOf = (id: string): string => `${from}dead:${id}`

const prelude = `${readTime}
local function text(number) return string.format('%.0f', number) end
local function holderOf(leases, id)
  local holder, ends = string.match(redis.call('HGET', leases, id) or '', '^(%S+) (%d+)$')
  if holder and tonumber(ends) > now then return holder end
end
-- Another one after a flush, too.
local function changed(all)
  redis.call('HSET', all, '@version', text(now) .. '.' .. redis.call('HINCRBY', all, '@changes', 1))
end
`
/** KEYS: all, progress; ARGV: id, webhook, client, most, fields of the progress. → how many the client has, if too many. */
const create = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return false end
local own, entries = 0, redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
  if string.sub(entries[i], 1, 1) ~= '@' and cjson.decode(entries[i + 1]).client == ARGV[3] then own = own + 1 end
end
if own >= tonumber(ARGV[4]) then return own end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
changed(KEYS[1])
return false`
/** KEYS: all; ARGV: id, before, after. */
const replace = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
changed(KEYS[1])
return 1`
/** KEYS: all, leases, progress, dead letters; ARGV: id. */
const remove = `
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('UNLINK', KEYS[3], KEYS[4])
changed(KEYS[1])
return 1`
/** KEYS: all, leases; ARGV: owner, version. → version, ids, webhooks if the version is another one. */
const claim = `
local entries, mine, webhooks = redis.call('HGETALL', KEYS[1]), {}, {}
local version = redis.call('HGET', KEYS[1], '@version') or '0'
for i = 1, #entries, 2 do
  if string.sub(entries[i], 1, 1) ~= '@' then
    local holder = holderOf(KEYS[2], entries[i])
    if not holder or holder == ARGV[1] then
      redis.call('HSET', KEYS[2], entries[i], ARGV[1] .. ' ' .. text(now + ${leaseMs}))
      mine[#mine + 1] = entries[i]
    end
    if version ~= ARGV[2] then webhooks[#webhooks + 1] = entries[i + 1] end
  end
end
return { version, mine, webhooks }`
/** KEYS: leases; ARGV: owner, id. */
const seize = `
return redis.call('HSET', KEYS[1], ARGV[2], ARGV[1] .. ' ' .. text(now + ${leaseMs}))`
/** KEYS: leases; ARGV: owner, ids. */
const release = `
for i = 2, #ARGV do if holderOf(KEYS[1], ARGV[i]) == ARGV[1] then redis.call('HDEL', KEYS[1], ARGV[i]) end end
return 1`
/** KEYS: leases, progress, dead letters; ARGV: owner, id, how many fields, field and value ('': remove) of each, `set` or `add`, dead letters. */
const save = `
if holderOf(KEYS[1], ARGV[2]) ~= ARGV[1] then return 0 end
local last = 3 + 2 * tonumber(ARGV[3])
for i = 4, last, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[i])
  else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
if ARGV[last + 1] == 'set' then redis.call('UNLINK', KEYS[3]) end
for i = last + 2, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[i]) end
redis.call('LTRIM', KEYS[3], -${deadLettersMax}, -1)
return 1`

const fieldsOf = ({ place, backlogs = [], known, stopped, keyless }: ProgressChange): string[] => [
  ...(place ? ['@place', placeText(place)] : []),
  ...(known ? ['@known', JSON.stringify(known)] : []),
  ...(stopped === undefined ? [] : ['@stopped', String(stopped ?? '')]),
  ...(keyless === undefined ? [] : ['@keyless', String(keyless ?? '')]),
  ...backlogs.flatMap(([organization, backlog]) => [
    String(organization),
    backlog ? JSON.stringify({ ...backlog, after: placeText(backlog.after) }) : '',
  ]),
]

const progressFrom = (fields: Record<string, string>, dead: readonly string[]): Progress => {
  const { '@place': place = '', '@known': known = '[]', '@stopped': stopped, '@keyless': keyless } = fields
  const backlogFrom = (text: string): Backlog => {
    const backlog = JSON.parse(text) as Omit<Backlog, 'after'> & { after: string }
    return { ...backlog, after: parseEventPlace(backlog.after) as Place }
  }
  const backlogs = Object.entries(fields).filter(([name]) => !name.startsWith('@'))
  return {
    place: parseEventPlace(place) ?? { epoch: '0', ms: 0, seq: 0 },
    backlogs: new Map(backlogs.map(([name, text]) => [Number(name), backlogFrom(text)])),
    known: JSON.parse(known) as Progress['known'],
    stopped: stopped === undefined ? undefined : Number(stopped),
    keyless: keyless === undefined ? undefined : Number(keyless),
    dead: dead.map((text) => JSON.parse(text) as DeadLetter),
  }
}

/** The webhooks that instances share. */
export const createRedisWebhookStore = (redis: Redis): WebhookStore => {
  const texts = { create, replace, remove, claim, seize, release, save }
  const scripts = createScripts(redis, 'webhooks', texts, prelude)
  const parse = (text: Buffer | string): Webhook => JSON.parse(String(text)) as Webhook
  return {
    list: async () => {
      const entries = await redis.run((client) => client.hgetall(redis.prefix + all))
      return Object.entries(entries).flatMap(([id, text]) => (id.startsWith('@') ? [] : [parse(text)]))
    },
    create: async (webhook, progress, most) => {
      const { id, client } = webhook
      const fields = fieldsOf({ ...progress, backlogs: [...progress.backlogs] } as ProgressChange)
      const args = [id, JSON.stringify(webhook), client, most, ...fields]
      const own = await scripts.create([all, progressOf(id)], ...args)
      return typeof own === 'number' ? own : 'created'
    },
    replace: async (before, after) =>
      (await scripts.replace([all], before.id, JSON.stringify(before), JSON.stringify(after))) === 1,
    remove: async (id) => void (await scripts.remove([all, leases, progressOf(id), deadOf(id)], id)),
    claim: async (owner, known) => {
      type Claimed = [version: Buffer, mine: Buffer[], webhooks: Buffer[]]
      const [version, mine, webhooks] = (await scripts.claim([all, leases], owner, known)) as Claimed
      const isNew = String(version) !== known
      return {
        version: String(version),
        mine: mine.map(String),
        ...(isNew && { webhooks: webhooks.map(parse) }),
      }
    },
    seize: async (id, owner) => void (await scripts.seize([leases], owner, id)),
    release: async (owner, ids) => void (await scripts.release([leases], owner, ...ids)),
    load: async (id) => {
      const [fields, dead] = await redis.run((client) =>
        Promise.all([
          client.hgetall(redis.prefix + progressOf(id)),
          client.lrange(redis.prefix + deadOf(id), 0, -1),
        ]),
      )
      return progressFrom(fields, dead)
    },
    save: async (id, owner, change) => {
      const fields = fieldsOf(change)
      const dead = change.dead ?? (change.deadLetter ? [change.deadLetter] : [])
      const saved = await scripts.save(
        [leases, progressOf(id), deadOf(id)],
        ...[owner, id, fields.length / 2, ...fields],
        ...[change.dead ? 'set' : 'add', ...dead.map((one) => JSON.stringify(one))],
      )
      return saved === 1
    },
  }
}
