import { EventEmitter, once } from 'node:events'
import type { AssignmentRequest } from '../../src/assignments/assign.ts'
import type { AssignmentStore } from '../../src/assignments/assignments.ts'
import { createMemoryAssignments } from '../../src/assignments/memory-assignments.ts'
import { createRedisAssignments } from '../../src/assignments/redis-assignments.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { chatNumber } from '../../src/contract/assignment.ts'
import { commandMs } from '../../src/redis/connect.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { createClock } from '../support/clock.ts'
import type { TestDatabase } from '../support/redis.ts'

/** A store under test, and the hand that lets time pass for what it keeps. */
export type Kept = {
  store: AssignmentStore
  age(ms: number): Promise<void>
  close(): void
}

/**
 * Time as it is, but for how long a command may take: on a machine busy with other suites 50 ms pass while nobody is
 * slow. A hung Redis is found out after half a second.
 */
export const patientClock: Clock = {
  ...systemClock,
  after: (ms, run) => systemClock.after(ms === commandMs ? 10 * ms : ms, run),
}

export const day = 24 * 3600 * 1000

/** A wish of a caller, as `createAssignments` makes it. */
export const wish = (
  chat: string,
  active: readonly number[],
  { exclude = [], strategy = 'roundRobin' }: Partial<Pick<AssignmentRequest, 'exclude' | 'strategy'>> = {},
): AssignmentRequest => ({ strategy, active, exclude, number: chatNumber(chat), isNumber: false })

export const keptInMemory = (chatsMax?: number): Kept => {
  const clock = createClock()
  const store = createMemoryAssignments({ clock, ...(chatsMax !== undefined && { chatsMax }) })
  return { store, age: clock.advance, close: () => {} }
}

/** `ready` resolves when Redis is there the next time. */
export type KeptInRedis = Kept & { ready(): Promise<unknown> }

/** A connection of its own, as each instance has; resolves when it is up. */
export const keptInRedis = async (
  database: Pick<TestDatabase, 'url' | 'client' | 'prefix'>,
): Promise<KeptInRedis> => {
  const events = new EventEmitter()
  const ready = once(events, 'ready')
  const { url, prefix } = database
  const redis = createRedis({
    url,
    prefix,
    clock: patientClock,
    report: (told) => void (told.name === 'redis' && told.event === 'ready' && events.emit('ready')),
  })
  await ready
  return {
    store: createRedisAssignments(redis),
    age: (ms) => ageKeys(database, ms),
    close: () => redis.close(),
    ready: () => once(events, 'ready'),
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

/** Takes `ms` from the life of every key, as if they had passed. */
const ageKeys = async (database: Pick<TestDatabase, 'client' | 'prefix'>, ms: number): Promise<void> => {
  const open = database.client()
  for (const key of await open.keys(`${database.prefix}*`)) {
    const left = await open.pttl(key)
    if (left > ms) await open.pexpire(key, left - ms)
    else if (left >= 0) await open.del(key)
  }
  open.disconnect()
}
