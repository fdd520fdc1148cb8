import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { holdMs } from '../../src/assignments/assignments.ts'
import { isLong } from '../support/long.ts'
import { describeWithRedis, describeWithRedisServer } from '../support/needs.ts'
import { openRedis, startRedis, type TestDatabase, type TestRedis } from '../support/redis.ts'
import {
  assignIn,
  keysOf,
  type RedisStoreUnderTest,
  type StoreUnderTest,
  storeInMemory,
  storeInRedis,
} from './assignment-stores.ts'

/** Forty at once. */
const inBatches = async <T, R>(all: T[], run: (one: T, i: number) => Promise<R>): Promise<R[]> => {
  const done: R[] = []
  for (let from = 0; from < all.length; from += 40)
    done.push(...(await Promise.all(all.slice(from, from + 40).map((one, i) => run(one, from + i)))))
  return done
}

describeWithRedis('assignments of several instances on one Redis', () => {
  let database: TestDatabase
  let client: ReturnType<TestDatabase['client']>
  const instances: StoreUnderTest[] = []
  const at = (i: number) => (instances[i % instances.length] as StoreUnderTest).store
  beforeAll(async () => {
    database = await openRedis()
    client = database.client()
    for (let i = 0; i < 3; i++) instances.push(await storeInRedis(database))
  })
  afterAll(async () => {
    for (const { close } of instances) close()
    await database.stop()
  })
  const keyOf = (organization: number, end: string): string =>
    `${database.prefix}assignment:{${organization}}:${end}`

  it('differ by at most one while operators come and go, and only chats of operators that left move', async () => {
    const chatsEach = isLong ? 1000 : 200
    const shifts = [
      [101, 102, 103],
      [101, 102, 103, 104],
      [101, 103, 104],
      [105, 101, 103, 104, 102],
      [101, 103],
    ]
    const holder = new Map<string, number>()
    const given = new Map([101, 102, 103, 104, 105].map((id) => [id, 0]))
    const countOf = (id: number): number => given.get(id) as number
    for (const [shift, active] of shifts.entries()) {
      const atStart = new Map(given)
      const chats = Array.from({ length: chatsEach }, (_, i) => `chat-${shift}-${i}`)
      const assigned = await inBatches(chats, (chat, i) => assignIn(at(i), 24, chat, active))
      for (const [i, chat] of chats.entries()) {
        const operator = assigned[i]?.hold.operator as number
        holder.set(chat, operator)
        given.set(operator, countOf(operator) + 1)
      }
      // 101 and 103 are active throughout, the others since this shift began.
      expect(Math.abs(countOf(101) - countOf(103))).toBeLessThanOrEqual(1)
      for (const id of active) {
        const got = countOf(id) - (atStart.get(id) as number)
        expect(Math.abs(got - chatsEach / active.length)).toBeLessThan(2)
      }
    }
    expect(holder.size).toBe(shifts.length * chatsEach)
    const last = shifts.at(-1) as number[]
    const moved = new Map(last.map((id) => [id, 0]))
    const again = await inBatches([...holder], ([chat], i) => assignIn(at(i + 1), 24, chat, last))
    for (const [i, [, before]] of [...holder].entries()) {
      const { hold, why } = again[i] ?? {}
      if (last.includes(before)) expect([hold?.operator, why?.reason]).toEqual([before, 'held'])
      else moved.set(hold?.operator as number, (moved.get(hold?.operator as number) as number) + 1)
    }
    const [first, second] = [...moved.values()] as [number, number]
    expect(first + second).toBeGreaterThan(chatsEach)
    expect(Math.abs(first - second)).toBeLessThanOrEqual(1)
  })

  it('make one choice for 30 concurrent requests for one new chat on three instances', async () => {
    for (let round = 0; round < 5; round++) {
      const all = Array.from({ length: 30 }, (_, i) => assignIn(at(i), 29, `same-${round}`, [1, 2, 3]))
      const choices = await Promise.all(all)
      expect(choices.filter((choice) => choice?.why.reason !== 'held')).toHaveLength(1)
      expect(new Set(choices.map((choice) => choice?.hold.operator)).size).toBe(1)
    }
  })

  it('are known to an instance that starts later', async () => {
    await assignIn(at(0), 25, 'a', [1, 2])
    const later = await storeInRedis(database)
    expect(await assignIn(later.store, 25, 'a', [1, 2])).toMatchObject({ why: { reason: 'held' } })
    expect(await assignIn(later.store, 25, 'b', [1, 2])).toMatchObject({ hold: { operator: 2 } })
    later.close()
  })

  it('have one hash tag per organization and expire after 30 days without use', async () => {
    await assignIn(at(0), 26, 'chat', [1, 2])
    await assignIn(at(0), 26, '5', [1, 2], { strategy: 'modulo' })
    await at(0).release(26, 'never assigned')
    const keys = (await keysOf(database)).filter((key) => key.includes('{26}'))
    expect(keys.toSorted()).toEqual(['chat:5', 'chat:chat', 'rotation'].map((end) => keyOf(26, end)))
    for (const key of keys) {
      const left = await client.pttl(key)
      expect([key, left > 0 && left <= holdMs]).toEqual([key, true])
    }
    const uses = [
      () => at(0).find(26, 'chat'),
      () => assignIn(at(0), 26, 'chat', [1, 2]),
      () => assignIn(at(0), 26, 'chat', [2]),
    ]
    for (const use of uses) {
      for (const end of ['chat:chat', 'rotation']) await client.pexpire(keyOf(26, end), 500_000)
      await use()
      expect(await client.pttl(keyOf(26, 'chat:chat'))).toBeGreaterThan(holdMs - 300_000)
    }
    expect(await client.pttl(keyOf(26, 'rotation'))).toBeGreaterThan(holdMs - 300_000)
  })

  it('ignore a stored value of another type or version, and garbage', async () => {
    const [chat, rotation] = [keyOf(27, 'chat:a'), keyOf(27, 'rotation')]
    const values = [
      () => client.lpush(chat, 'x'),
      () => client.set(chat, '2 1 0 roundRobin text'),
      () => client.set(chat, '\u0000�{'),
      () => client.hset(rotation, 'present', '1,2'),
      () => client.set(rotation, '2 abcdefgh =5:1;|'),
      () => client.set(rotation, '\u0000�{ж=5:1;'),
      () => client.set(rotation, '1 '),
    ]
    for (const [i, write] of values.entries()) {
      await client.del(chat, rotation)
      await write()
      const { store, close } = await storeInRedis(database)
      expect([i, await store.find(27, 'a')]).toEqual([i, undefined])
      expect(await assignIn(store, 27, 'a', [1, 2])).toMatchObject({ hold: { operator: 1 } })
      expect(await assignIn(store, 27, `b${i}`, [1, 2])).toMatchObject({ hold: { operator: 2 } })
      close()
    }
  })

  it('are read by an instance once; later it reads only what others have added', async () => {
    const active = Array.from({ length: 500 }, (_, i) => i + 1)
    const other = await storeInRedis(database)
    await assignIn(at(0), 30, 'a', active)
    await assignIn(other.store, 30, 'b', active)
    const whole = (other.answered.at(-2) as Buffer[])[1] as Buffer
    await assignIn(at(0), 30, 'c', active)
    await assignIn(other.store, 30, 'd', active)
    const [, added] = other.answered.at(-2) as [Buffer, Buffer]
    expect(whole.length).toBeGreaterThan(500)
    expect(String(added)).toBe('=1:3;')
    expect(await assignIn(other.store, 30, 'e', active)).toMatchObject({ hold: { operator: 5 } })
    other.close()
  })

  it('go on evenly when Redis has lost the rotation, or its end', async () => {
    const chats = (word: string) => Array.from({ length: 4 }, (_, i) => `${word}-${i}`)
    const operators = async (word: string) => {
      const got: (number | undefined)[] = []
      for (const chat of chats(word)) got.push((await assignIn(at(0), 31, chat, [1, 2]))?.hold.operator)
      return got.toSorted()
    }
    expect(await operators('before')).toEqual([1, 1, 2, 2])
    await client.del(keyOf(31, 'rotation'))
    expect(await operators('lost')).toEqual([1, 1, 2, 2])
    const text = (await client.get(keyOf(31, 'rotation'))) as string
    await client.set(keyOf(31, 'rotation'), text.slice(0, -8))
    expect(await operators('shortened')).toEqual([1, 1, 2, 2])
  })

  it('forget an operator that left, and keep a log that does not grow with the number of chats', async () => {
    for (let id = 1; id <= 40; id++)
      for (const chat of [`${id}-a`, `${id}-b`]) await assignIn(at(id), 28, chat, [id, id + 1])
    // 105 KB of changes that change nothing (40 is 14 in base 36).
    await client.append(keyOf(28, 'rotation'), '=41:14;'.repeat(15_000))
    await assignIn(at(0), 28, 'next', [40, 41])
    const log = (await client.get(keyOf(28, 'rotation'))) as string
    expect(log.length).toBeLessThan(100)
    expect(log).toMatch(/^1 [\w-]{8} ([=~]\d+:[\da-z,]+;){1,3}$/)
  })

  it('answer as the memory store does', async () => {
    const ids = [11, 3, 7, 5]
    const steps = fc.record({
      what: fc.constantFrom('assign' as const, 'assign' as const, 'assign' as const, 'release' as const),
      chat: fc.nat(30).map(String),
      active: fc.shuffledSubarray(ids),
      exclude: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.subarray(ids)),
      strategy: fc.constantFrom('roundRobin' as const, 'roundRobin' as const, 'modulo' as const),
    })
    let organization = 1000
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 50 }), async (story) => {
        organization++
        const memory = storeInMemory().store
        for (const [i, { what, chat, active, ...options }] of story.entries()) {
          const answers = [memory, at(i)].map(async (store) => {
            if (what === 'release') return store.release(organization, chat)
            const { hold, why } = (await assignIn(store, organization, chat, active, options)) ?? {}
            return { why, hold: hold && { ...hold, assignedAt: 0 } }
          })
          const [inMemory, inRedis] = await Promise.all(answers)
          expect(inRedis).toEqual(inMemory)
        }
      }),
      { numRuns: isLong ? 100 : 20 },
    )
  })
})

describeWithRedisServer('assignments while Redis is away', () => {
  let redis: TestRedis
  let underTest: RedisStoreUnderTest
  beforeAll(async () => {
    redis = await startRedis()
    underTest = await storeInRedis({ ...redis, prefix: 'test:' }, 2000)
  })
  afterAll(async () => {
    underTest.close()
    await redis.stop()
  })

  it('are refused as redis.unavailable, hung or dead, and work again when it is back', async () => {
    const { store } = underTest
    const unavailable = { code: 'redis.unavailable' }
    await assignIn(store, 24, 'a', [1, 2])
    redis.pause()
    await expect(assignIn(store, 24, 'b', [2])).rejects.toMatchObject(unavailable)
    await expect(store.find(24, 'a')).rejects.toMatchObject(unavailable)
    await expect(store.release(24, 'a')).rejects.toMatchObject(unavailable)
    redis.resume()
    await underTest.ready()
    expect(await assignIn(store, 24, 'a', [1, 2])).toMatchObject({ why: { reason: 'held' } })
    await redis.kill()
    await expect(store.find(24, 'a')).rejects.toMatchObject(unavailable)
    await redis.restart()
    await underTest.ready()
    expect(await store.find(24, 'a')).toBeUndefined()
  })
})
