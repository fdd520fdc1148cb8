import { LRUCache } from 'lru-cache'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { createScripts } from '../redis/scripts.ts'
import { assign, type HeldChat } from './assign.ts'
import { type AssignmentStore, holdMs } from './assignments.ts'
import { headBytes, readOn, type StoredRotation, textOf, unread } from './rotation-log.ts'

/** Reading is use. KEYS: assignment. ARGV: life ms. */
const find = `
local hold = redis.pcall('GETEX', KEYS[1], 'PX', ARGV[1])
return type(hold) == 'string' and hold or false`

/**
 * Stores a choice if nothing that it was made from has changed. Else it returns the assignment, and what is new in the
 * text of the rotation. KEYS: assignment, rotation. ARGV: life ms, assignment as read, new assignment; of the rotation:
 * head and bytes as read, `keep`, `append` or `replace`, text. A value that is no assignment counts as none.
 */
const store = `
local hold = redis.pcall('GET', KEYS[1])
if type(hold) ~= 'string' or string.sub(hold, 1, 7) ~= '{"v":1,' then hold = '' end
local known, mode, from, text = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[5]), ''
if mode ~= 'keep' then
  local head = redis.pcall('GETRANGE', KEYS[2], 0, ${headBytes - 1})
  if type(head) ~= 'string' then
    redis.call('UNLINK', KEYS[2])
    head = ''
  end
  if head ~= ARGV[4] or redis.call('STRLEN', KEYS[2]) < known then from = 0 end
  text = redis.call('GETRANGE', KEYS[2], from, -1)
end
if hold ~= ARGV[2] or from ~= known or text ~= '' then return { hold, text, from } end
if mode == 'replace' then redis.call('UNLINK', KEYS[2]) end
if mode ~= 'keep' then
  redis.call('APPEND', KEYS[2], ARGV[7])
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[1])
return false`

const encode = (hold: HeldChat | undefined): string => (hold ? JSON.stringify({ v: 1, ...hold }) : '')
/** An assignment of another version counts as none. */
const decode = (bytes: Buffer | null): HeldChat | undefined => {
  if (!bytes?.toString().startsWith('{"v":1,')) return undefined
  const { v: _, ...hold } = JSON.parse(bytes.toString()) as HeldChat & { v: number }
  return hold
}

// Each lost attempt means that another instance has just assigned a chat of the same organization.
const attemptsMax = 100
// Counters that this process remembers over all rotations, about 50 bytes each.
const countersMax = 1_000_000

/**
 * The store that instances share. A held chat costs one read. A new one is chosen here, from what this process has read
 * of the rotation, and stored by compare-and-set. Redis answers a lost attempt with what this process has not read yet.
 * The keys of an organization share a hash tag, so that a cluster has them on one node.
 */
export const createRedisAssignments = (redis: Redis): AssignmentStore => {
  const scripts = createScripts(redis, 'assignment', { find, store })
  const chatKey = (organization: number, chat: string): string => `assignment:{${organization}}:chat:${chat}`
  const rotations = new LRUCache<number, StoredRotation>({
    maxSize: countersMax,
    sizeCalculation: ({ rotation }) => 1 + rotation.size,
  })

  const choose: AssignmentStore['assign'] = async (organization, first) => {
    let request = first
    let stored = rotations.get(organization) ?? unread()
    const keys = [chatKey(organization, String(first.chatId)), `assignment:{${organization}}:rotation`]
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const choice = assign(request, stored.rotation)
      if (!choice || choice.hold === request.held) return choice
      const { mode, continued, text } = textOf(stored, choice.changes)
      const [before, after] = [encode(request.held), encode(choice.hold)]
      const answer = await scripts.store(keys, holdMs, before, after, stored.head, stored.bytes, mode, text)
      if (!answer) {
        rotations.set(organization, readOn(continued, Buffer.from(text)))
        return choice
      }
      const [hold, news, from] = answer as [Buffer, Buffer, number]
      request = { ...request, held: decode(hold) }
      stored = readOn(from > 0 ? stored : unread(), news)
    }
    throw new Failure('queue.full', { retryAfterMs: 1000 })
  }

  const tails = new Map<number, Promise<unknown>>()
  return {
    find: async (organization, chat) =>
      decode((await scripts.find([chatKey(organization, chat)], holdMs)) as Buffer | null),
    // One choice at a time per organization: several in one process would only outdate each other.
    assign: (organization, request) => {
      const before = tails.get(organization) ?? Promise.resolve()
      const choice = before.then(() => choose(organization, request))
      const tail = Promise.allSettled([choice]).then(() => {
        if (tails.get(organization) === tail) tails.delete(organization)
      })
      tails.set(organization, tail)
      return choice
    },
    release: async (organization, chat) =>
      (await redis.run((client) => client.unlink(redis.prefix + chatKey(organization, chat)))) === 1,
  }
}
