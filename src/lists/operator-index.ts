import type { Redis } from '../redis/redis.ts'
import type { Roster } from './roster.ts'

/**
 * Which organization an operator was last seen in: a hint that saves looking everywhere, confirmed before it is used.
 * Learned from every list that comes by; with Redis what one instance learned all know, and a restart forgets nothing.
 */
export type OperatorIndex = {
  learn(roster: Roster): void
  find(operator: number): number | undefined | Promise<number | undefined>
}

const keepSeconds = 30 * 24 * 3600
const operatorsMax = 2_000_000
const atOnce = 1000

type Hint = [operator: number, organization: number]

export const createOperatorIndex = (redis: Redis | undefined): OperatorIndex => {
  const seen = new Map<number, number>()
  const key = redis && `${redis.prefix}operator-index`

  /** Kept in the background, a thousand at a time: a hint that is lost costs a look, nothing more. */
  const keep = async (learned: Hint[]): Promise<void> => {
    if (!redis || !key) return
    for (let first = 0; first < learned.length; first += atOnce) {
      const some = learned.slice(first, first + atOnce).flat()
      await redis.run((client) =>
        client
          .multi()
          .hset(key, ...some)
          .expire(key, keepSeconds)
          .exec(),
      )
    }
  }
  return {
    learn: ({ organization, operators }) => {
      const learned: Hint[] = []
      for (const { id } of operators) {
        if (seen.get(id) === organization.id || (seen.size >= operatorsMax && !seen.has(id))) continue
        seen.set(id, organization.id)
        learned.push([id, organization.id])
      }
      keep(learned).catch(() => {})
    },
    find: (operator) => {
      const known = seen.get(operator)
      if (known !== undefined || !redis || !key) return known
      return redis
        .run((client) => client.hget(key, String(operator)))
        .then((organization) => (organization === null ? undefined : Number(organization)))
        .catch(() => undefined)
    },
  }
}
