import { randomBytes } from 'node:crypto'
import { readTime } from '../redis/read-time.ts'
import type { Redis } from '../redis/redis.ts'
import type { ExchangeReads, Reads } from './refresher.ts'

// Three exchanges: an instance that was killed counts for so long.
const keepMs = 45_000

/**
 * ARGV: id, rates as JSON. → those of the others. Each instance has one field, which the others ignore when it is old.
 */
const exchange = `${readTime}
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now + ${keepMs}) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ${keepMs})
local all, others = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  local until_, rates = string.match(all[i + 1], '^(%d+) (.*)$')
  if not until_ or tonumber(until_) < now then redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then others[#others + 1] = rates end
end
return others`

type Row = [key: string, rate: number, agoSeconds: number]

/** One script with one key for each exchange. The rates of a list are added up. */
export const createRedisRates = (redis: Redis): ExchangeReads => {
  const script = redis.script('refreshRates', exchange, { dropOnWrongType: true })
  const id = randomBytes(6).toString('hex')
  return async (own) => {
    const answer = (await script(['refresh:rates'], id, JSON.stringify([...own].map(rowOf)))) as Buffer[]
    const sums = new Map<string, Reads>()
    for (const text of answer)
      for (const [key, rate, agoSeconds] of JSON.parse(text.toString()) as Row[]) {
        const { rate: before = 0, agoMs = Number.POSITIVE_INFINITY } = sums.get(key) ?? {}
        sums.set(key, { rate: before + rate, agoMs: Math.min(agoMs, agoSeconds * 1000) })
      }
    return sums
  }
}

const rowOf = ([key, { rate, agoMs }]: [string, Reads]): Row => [
  key,
  Number(rate.toPrecision(4)),
  Math.round(agoMs / 1000),
]
