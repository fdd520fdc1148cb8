import type { AssignmentStore } from '../../src/assignments/assignments.ts'
import { createMemoryAssignments } from '../../src/assignments/memory-assignments.ts'
import { createRedisAssignments } from '../../src/assignments/redis-assignments.ts'
import { systemClock } from '../../src/clock.ts'
import type { Strategy } from '../../src/contract/assignment.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { createClock } from '../support/clock.ts'
import type { TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** A store under test. `age` lets time pass for what it has stored. */
export type StoreUnderTest = {
  store: AssignmentStore
  age(ms: number): Promise<void>
  close(): void
}

/** The longest that a Redis command may take where none hangs, however busy the machine is. */
export const patientMs = 20_000
export const day = 24 * 3600 * 1000

export type RequestOptions = { exclude?: readonly number[]; strategy?: Strategy }

/** Finds and assigns a chat, as `createAssignments` does. */
export const assignIn = async (
  store: AssignmentStore,
  organization: number,
  chat: string,
  active: readonly number[],
  { exclude = [], strategy = 'roundRobin' }: RequestOptions = {},
): ReturnType<AssignmentStore['assign']> => {
  const held = await store.find(organization, chat)
  const candidates = active.filter((id) => !exclude.includes(id))
  return store.assign(organization, { chatId: chat, strategy, active, candidates, held, now: 0 })
}

export const storeInMemory = (chatsMax?: number): StoreUnderTest => {
  const clock = createClock()
  // The cache takes an entry of the time 0 for one that never expires.
  const store = createMemoryAssignments({ now: () => clock.now() + 1 }, chatsMax)
  return { store, age: clock.advance, close: () => {} }
}

/** `ready` resolves when Redis is reached. `answered`: what scripts have returned. */
export type RedisStoreUnderTest = StoreUnderTest & { ready(): Promise<unknown>; answered: unknown[] }

/** A store with its own connection, as each instance has; resolves when the connection is up. */
export const storeInRedis = async (
  database: Pick<TestDatabase, 'url' | 'client' | 'prefix'>,
  commandMs = patientMs,
): Promise<RedisStoreUnderTest> => {
  const { url, prefix } = database
  const redis = createRedis({
    url,
    prefix,
    clock: systemClock,
    commandMs,
    report: () => {},
  })
  const ready = () => until(() => redis.state() === 'ready')
  await ready()
  const answered: unknown[] = []
  const script: Redis['script'] = (...defined) => {
    const call = redis.script(...defined)
    return async (...args) => {
      const answer = await call(...args)
      answered.push(answer)
      return answer
    }
  }
  return {
    answered,
    store: createRedisAssignments({ ...redis, script }),
    age: (ms) => ageKeys(database, ms),
    close: () => redis.close(),
    ready,
  }
}

export const keysOf = async ({
  client,
  prefix,
}: Pick<TestDatabase, 'client' | 'prefix'>): Promise<string[]> => {
  const open = client()
  const keys = await open.keys(`${prefix}*`)
  open.disconnect()
  return keys
}

/** Shortens the life of every key by `ms`, as if that time had passed. */
const ageKeys = async (database: Pick<TestDatabase, 'client' | 'prefix'>, ms: number): Promise<void> => {
  const open = database.client()
  for (const key of await open.keys(`${database.prefix}*`)) {
    const left = await open.pttl(key)
    if (left > ms) await open.pexpire(key, left - ms)
    else if (left >= 0) await open.del(key)
  }
  open.disconnect()
}
