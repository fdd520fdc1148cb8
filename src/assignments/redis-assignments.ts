import { LRUCache } from 'lru-cache'
import type { Strategy } from '../contract/assignment.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { assign, type HeldChat } from './assign.ts'
import { type AssignmentStore, holdMs } from './assignments.ts'
import {
  encodeGroups,
  headBytes,
  isOutdated,
  newText,
  readOn,
  type StoredRotation,
  unread,
} from './rotation-log.ts'

/*
 * An assignment is stored as `1 <operator> <assigned at, Redis ms> <strategy> <number | text>`; an unknown version counts
 * as not assigned. The keys of an organization share a hash tag, so that a cluster has them on one node.
 */

/** Reading is use. KEYS: assignment. ARGV: life ms. */
const find = `
local hold = redis.pcall('GETEX', KEYS[1], 'PX', ARGV[1])
return type(hold) == 'string' and hold or false`

/**
 * Stores a choice if nothing that it was made from has changed; else returns what has. KEYS: assignment, rotation where
 * it changes. ARGV: life ms, assignment as read, operator, strategy and form; of the rotation: head and bytes as read,
 * `append` or `replace`, text.
 */
const store = `
local hold = redis.pcall('GET', KEYS[1])
if type(hold) ~= 'string' or not string.find(hold, '^1 %d+ %d+ %a+ %a+$') then hold = '' end
if hold ~= ARGV[2] then return { 'assigned', hold } end
if KEYS[2] then
  local head = redis.pcall('GETRANGE', KEYS[2], 0, ${headBytes - 1})
  if type(head) ~= 'string' then
    redis.call('UNLINK', KEYS[2])
    head = ''
  end
  local bytes, known = redis.call('STRLEN', KEYS[2]), tonumber(ARGV[6])
  if head ~= ARGV[5] or bytes ~= known then
    local from = head == ARGV[5] and bytes > known and known or 0
    return { 'rotated', redis.call('GETRANGE', KEYS[2], from, -1), from }
  end
  if ARGV[7] == 'replace' then redis.call('UNLINK', KEYS[2]) end
  redis.call('APPEND', KEYS[2], ARGV[8])
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
hold = '1 ' .. ARGV[3] .. ' ' .. now .. ' ' .. ARGV[4]
redis.call('SET', KEYS[1], hold, 'PX', ARGV[1])
return { 'stored', hold }`

// Each lost attempt means that another instance has just assigned a chat of the same organization.
const attemptsMax = 100
// Counters that this process remembers over all rotations, about 50 bytes each.
const countersMax = 1_000_000

/**
 * The store that instances share. A held chat costs one read. A new one is chosen here, from what this process has read
 * of the rotation, and stored by compare-and-set. Redis answers a lost attempt with what this process has not read yet.
 */
export const createRedisAssignments = (redis: Redis): AssignmentStore => {
  const scripts = {
    find: redis.script('assignmentFind', find),
    store: redis.script('assignmentStore', store),
  }
  const chatKey = (organization: number, chat: string): string => `assignment:{${organization}}:chat:${chat}`
  const rotations = new LRUCache<number, StoredRotation>({
    maxSize: countersMax,
    sizeCalculation: ({ rotation }) => 1 + rotation.size,
  })

  const choose: AssignmentStore['assign'] = async (organization, chat, request, seen) => {
    let held = seen
    let stored = rotations.get(organization) ?? unread()
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const choice = assign(request, held, stored.rotation)
      if (!choice) return undefined
      const { operator, why, changes } = choice
      if (held && why.reason === 'held') return { hold: held, why }
      const keys = [chatKey(organization, chat)]
      if (changes.size > 0) keys.push(`assignment:{${organization}}:rotation`)
      const isReplaced = isOutdated(stored)
      const text = isReplaced ? newText(stored.rotation, changes) : encodeGroups(changes)
      const [outcome, bytes, from] = (await scripts.store(
        keys,
        ...[holdMs, held ? encode(held) : '', operator, formOf(request)],
        ...[stored.head, stored.bytes, isReplaced ? 'replace' : 'append', text],
      )) as [outcome: Buffer, bytes: Buffer, from?: number]
      if (outcome.toString() === 'assigned') held = decode(bytes)
      else if (outcome.toString() === 'rotated') stored = readOn(from ? stored : unread(), bytes)
      else {
        if (changes.size > 0)
          rotations.set(organization, readOn(isReplaced ? unread() : stored, Buffer.from(text)))
        return { hold: decode(bytes) as HeldChat, why }
      }
    }
    throw new Failure('queue.full', { retryAfterMs: 1000 })
  }

  const tails = new Map<number, Promise<unknown>>()
  return {
    find: async (organization, chat) =>
      decode((await scripts.find([chatKey(organization, chat)], holdMs)) as Buffer | null),
    // One choice at a time per organization: several in one process would only outdate each other.
    assign: async (organization, ...chosen) => {
      const before = tails.get(organization) ?? Promise.resolve()
      const choice = before.then(() => choose(organization, ...chosen))
      const tail = choice.catch(() => {})
      tails.set(organization, tail)
      await tail
      if (tails.get(organization) === tail) tails.delete(organization)
      return choice
    },
    release: async (organization, chat) =>
      (await redis.run((client) => client.unlink(redis.prefix + chatKey(organization, chat)))) === 1,
  }
}

const formOf = ({ strategy, isNumber }: Pick<HeldChat, 'strategy' | 'isNumber'>): string =>
  `${strategy} ${isNumber ? 'number' : 'text'}`

const encode = (held: HeldChat): string => `1 ${held.operator} ${held.assignedAt} ${formOf(held)}`

const decode = (bytes: Buffer | null): HeldChat | undefined => {
  const [, operator, assignedAt, strategy, form] =
    /^1 (\d+) (\d+) ([A-Za-z]+) ([A-Za-z]+)$/.exec(bytes?.toString() ?? '') ?? []
  if (operator === undefined) return undefined
  const isNumber = form === 'number'
  return {
    operator: Number(operator),
    strategy: strategy as Strategy,
    assignedAt: Number(assignedAt),
    isNumber,
  }
}
