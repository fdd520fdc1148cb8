import type { Strategy } from '../contract/assignment.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import type { HeldChat, Reason } from './assign.ts'
import { type AssignmentStore, holdMs } from './assignments.ts'

/*
 * Who holds a chat stands as `1 <operator> <assigned at, Redis ms> <strategy> <number | text>`: version first, so that
 * another version is held by nobody. The turns of an organization are a hash: chats given in turn by operator, and
 * `present`, who was active when the last was given. One hash tag an organization, so that all lie on one node.
 */

/** `assign` of assign.ts, atomically. KEYS: hold, turns. ARGV: active, excluded, strategy, number, form, keep ms. */
const assign = `
local keep = ARGV[6]
local excluded, here, active, candidates = {}, {}, {}, {}
for id in string.gmatch(ARGV[2], '%d+') do excluded[id] = true end
for id in string.gmatch(ARGV[1], '%d+') do
  here[id] = true
  active[#active + 1] = id
  if not excluded[id] then candidates[#candidates + 1] = id end
end

local hold = redis.pcall('GET', KEYS[1])
if type(hold) == 'table' then
  redis.call('UNLINK', KEYS[1])
  hold = false
end
local holder = string.match(hold or '', '^1 (%d+) %d+ %a+ %a+$')
if holder and here[holder] and not excluded[holder] then
  redis.call('PEXPIRE', KEYS[1], keep)
  return { hold }
end
if #candidates == 0 then return false end
local moved = holder and (here[holder] and 'excluded' or 'inactive') or ''

local chosen, count
if ARGV[3] == 'modulo' then
  -- Digit by digit: a Lua number of 2^53 would do, its % would not.
  count = 0
  for digit in string.gmatch(ARGV[4], '%d') do count = (count * 10 + tonumber(digit)) % #candidates end
  chosen = candidates[count + 1]
else
  local turns = redis.pcall('HGETALL', KEYS[2])
  if turns.err then
    redis.call('UNLINK', KEYS[2])
    turns = {}
  end
  local given, most, before = {}, 0, ''
  for i = 1, #turns, 2 do
    if turns[i] == 'present' then
      before = turns[i + 1]
    else
      given[turns[i]] = tonumber(turns[i + 1]) or 0
      most = math.max(most, given[turns[i]])
    end
  end
  if before ~= ARGV[1] then
    local stayed, start = {}, nil
    for id in string.gmatch(before, '%d+') do
      if here[id] and given[id] then
        stayed[id] = true
        start = math.min(start or given[id], given[id])
      end
    end
    start = start or most
    for _, id in ipairs(active) do
      if not stayed[id] then
        given[id] = math.max(given[id] or 0, start)
        redis.call('HSET', KEYS[2], id, given[id])
      end
    end
    for id, n in pairs(given) do
      if not here[id] and n <= start then redis.call('HDEL', KEYS[2], id) end
    end
    redis.call('HSET', KEYS[2], 'present', ARGV[1])
  end
  for _, id in ipairs(candidates) do
    local n = given[id] or 0
    if not count or n < count then
      chosen = id
      count = n
    end
  end
  redis.call('HSET', KEYS[2], chosen, count + 1)
  redis.call('PEXPIRE', KEYS[2], keep)
end

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local new = '1 ' .. chosen .. ' ' .. now .. ' ' .. ARGV[3] .. ' ' .. ARGV[5]
redis.call('SET', KEYS[1], new, 'PX', keep)
return { new, ARGV[3], moved, count }`

/** Reading is use: the hold lives on from now. */
const find = `
local hold = redis.pcall('GET', KEYS[1])
if type(hold) ~= 'string' then return false end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return hold`

const release = `return redis.call('UNLINK', KEYS[1])`

/** The assignments that instances share. */
export const createRedisAssignments = (redis: Redis): AssignmentStore => {
  const scripts = {
    assign: redis.script('assignmentAssign', assign),
    find: redis.script('assignmentFind', find),
    release: redis.script('assignmentRelease', release),
  }
  const holdKey = (organization: number, chat: string): string => `assignment:{${organization}}:chat:${chat}`
  const turnsKey = (organization: number): string => `assignment:{${organization}}:turns`

  return {
    requireReady: () => {
      if (redis.state() === 'away') throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
    },
    assign: async (organization, chat, { active, exclude, strategy, number, isNumber }) => {
      const answer = (await scripts.assign(
        [holdKey(organization, chat), turnsKey(organization)],
        active.join(','),
        exclude.join(','),
        strategy,
        number ?? '',
        isNumber ? 'number' : 'text',
        holdMs,
      )) as [hold: Buffer, chosen?: Buffer, moved?: Buffer, count?: number] | null
      if (!answer) return undefined
      const [kept, chosen, moved, count] = answer
      return {
        hold: decode(kept) as HeldChat,
        why: chosen ? whyOf(chosen, moved, count) : { reason: 'held' },
      }
    },
    find: async (organization, chat) =>
      decode((await scripts.find([holdKey(organization, chat)], holdMs)) as Buffer | null),
    release: async (organization, chat) => (await scripts.release([holdKey(organization, chat)])) === 1,
  }
}

const whyOf = (chosen: Buffer, moved: Buffer | undefined, count: number | undefined): Reason => {
  const reason = moved?.length ? { moved: moved.toString() as 'inactive' | 'excluded' } : {}
  return chosen.toString() === 'modulo'
    ? { reason: 'modulo', ...reason, index: count as number }
    : { reason: 'fewestChats', ...reason, given: count as number }
}

const decode = (bytes: Buffer | null): HeldChat | undefined => {
  const [, operator, assignedAt, strategy, form] =
    /^1 (\d+) (\d+) (\w+) (\w+)$/.exec(bytes?.toString() ?? '') ?? []
  if (operator === undefined) return undefined
  return {
    operator: Number(operator),
    strategy: strategy as Strategy,
    assignedAt: Number(assignedAt),
    isNumber: form === 'number',
  }
}
