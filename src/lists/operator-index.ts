import { mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Redis } from '../redis/redis.ts'
import type { Roster } from './roster.ts'

/**
 * The organization in which an operator was last seen: a hint, to be confirmed by the list itself. Learned from every
 * loaded list. With Redis all instances share it, and it survives a restart.
 */
export type OperatorIndex = {
  learn(roster: Roster): void
  /**
   * The organization, if the caller may touch it. An operator of another one costs the same as an unknown operator, so that
   * the time tells nothing.
   */
  find(caller: Caller, operator: number): number | undefined | Promise<number | undefined>
}

const keepSeconds = 30 * 24 * 3600
const operatorsMax = 2_000_000
const writtenAtOnce = 1000

/** KEYS: index; ARGV: ids, each with its organization. */
const learn = `
redis.call('HSET', KEYS[1], unpack(ARGV))
return redis.call('EXPIRE', KEYS[1], ${keepSeconds})`
const indexKey = 'operator-index'

export const createOperatorIndex = (redis: Redis | undefined): OperatorIndex => {
  const seen = new Map<number, number>()
  const script = redis?.script('operatorIndexLearn', learn)

  /** In the background: a lost hint costs a search. */
  const share = async (operators: readonly number[], organization: number): Promise<void> => {
    for (let first = 0; first < operators.length; first += writtenAtOnce) {
      const hints = operators.slice(first, first + writtenAtOnce).flatMap((id) => [id, organization])
      await script?.([indexKey], ...hints)
    }
  }
  return {
    learn: ({ organization, operators }) => {
      const learned = operators
        .map(({ id }) => id)
        .filter((id) => (seen.has(id) ? seen.get(id) !== organization.id : seen.size < operatorsMax))
      for (const id of learned) seen.set(id, organization.id)
      share(learned, organization.id).catch(() => {})
    },
    find: (caller, operator) => {
      const touched = (id: number | undefined) => (id !== undefined && mayTouch(caller, id) ? id : undefined)
      const known = touched(seen.get(operator))
      if (known !== undefined || !redis) return known
      return redis
        .run((client) => client.hget(redis.prefix + indexKey, String(operator)))
        .then((organization) => touched(organization === null ? undefined : Number(organization)))
        .catch(() => undefined)
    },
  }
}
