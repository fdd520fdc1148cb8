import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { AssignmentRequest } from '../../src/assignments/assign.ts'
import { holdMs } from '../../src/assignments/assignments.ts'
import { describeWithRedis, describeWithRedisServer } from '../support/needs.ts'
import { openRedis, startRedis, type TestDatabase, type TestRedis } from '../support/redis.ts'
import { type Kept, type KeptInRedis, keptInMemory, keptInRedis, keysOf, wish } from './assignment-stores.ts'

/** Forty at once, in order otherwise. */
const inBatches = async <T, R>(all: T[], run: (one: T, i: number) => Promise<R>): Promise<R[]> => {
  const done: R[] = []
  for (let from = 0; from < all.length; from += 40)
    done.push(...(await Promise.all(all.slice(from, from + 40).map((one, i) => run(one, from + i)))))
  return done
}

describeWithRedis('assignments of several instances on one Redis', () => {
  let database: TestDatabase
  const instances: Kept[] = []
  const at = (i: number): Kept => instances[i % instances.length] as Kept
  beforeAll(async () => {
    database = await openRedis()
    for (let i = 0; i < 3; i++) instances.push(await keptInRedis(database))
  })
  afterAll(async () => {
    for (const { close } of instances) close()
    await database.stop()
  })

  it('differ by at most one over 10,000 chats while people come and go, and only chats of those who left move', async () => {
    const everybody = [101, 102, 103, 104, 105]
    const shifts = [
      [101, 102, 103],
      [101, 102, 103, 104],
      [101, 103, 104],
      [105, 101, 103, 104, 102],
      [101, 103],
    ]
    const holder = new Map<string, number>()
    const given = new Map(everybody.map((id) => [id, 0]))
    for (const [shift, active] of shifts.entries()) {
      const atStart = new Map(given)
      const chats = Array.from({ length: 2000 }, (_, i) => `chat-${shift}-${i}`)
      const assigned = await inBatches(chats, (chat, i) => at(i).store.assign(24, chat, wish(chat, active)))
      for (const [i, chat] of chats.entries()) {
        const operator = assigned[i]?.hold.operator as number
        holder.set(chat, operator)
        given.set(operator, (given.get(operator) as number) + 1)
      }
      // 101 and 103 were there throughout; the others since this shift began.
      expect(Math.abs((given.get(101) as number) - (given.get(103) as number))).toBeLessThanOrEqual(1)
      for (const id of active) {
        const got = (given.get(id) as number) - (atStart.get(id) as number)
        expect(Math.abs(got - 2000 / active.length)).toBeLessThan(2)
      }
    }
    expect(holder.size).toBe(10_000)
    const last = shifts.at(-1) as number[]
    const moved = new Map(last.map((id) => [id, 0]))
    const again = await inBatches([...holder], ([chat], i) =>
      at(i + 1).store.assign(24, chat, wish(chat, last)),
    )
    for (const [i, [, before]] of [...holder].entries()) {
      const { hold, why } = again[i] ?? {}
      if (last.includes(before)) expect([hold?.operator, why?.reason]).toEqual([before, 'held'])
      else moved.set(hold?.operator as number, (moved.get(hold?.operator as number) as number) + 1)
    }
    const [first, second] = [...moved.values()] as [number, number]
    expect(first + second).toBeGreaterThan(2000)
    expect(Math.abs(first - second)).toBeLessThanOrEqual(1)
  })

  it('are known to an instance that starts later', async () => {
    await at(0).store.assign(25, 'a', wish('a', [1, 2]))
    const later = await keptInRedis(database)
    expect(await later.store.assign(25, 'a', wish('a', [1, 2]))).toMatchObject({ why: { reason: 'held' } })
    expect(await later.store.assign(25, 'b', wish('b', [1, 2]))).toMatchObject({ hold: { operator: 2 } })
    later.close()
  })

  it('stand under keys with one hash tag an organization and a life of 30 days, renewed by use', async () => {
    const { store } = at(0)
    await store.assign(26, 'chat', wish('chat', [1, 2]))
    await store.assign(26, '5', wish('5', [1, 2], { strategy: 'modulo' }))
    await store.release(26, 'nobody’s')
    const mine = (await keysOf(database)).filter((key) => key.includes('{26}'))
    expect(mine.map((key) => key.slice(database.prefix.length)).toSorted()).toEqual([
      'assignment:{26}:chat:5',
      'assignment:{26}:chat:chat',
      'assignment:{26}:turns',
    ])
    const client = database.client()
    for (const [i, left] of (await lives(client, await keysOf(database))).entries())
      expect([i, left > 0 && left <= holdMs]).toEqual([i, true])
    const uses = [
      () => store.find(26, 'chat'),
      () => store.assign(26, 'chat', wish('chat', [1, 2])),
      () => store.assign(26, 'chat', wish('chat', [2])),
    ]
    for (const use of uses) {
      await client.pexpire(`${database.prefix}assignment:{26}:chat:chat`, 5000)
      await use()
      expect(await client.pttl(`${database.prefix}assignment:{26}:chat:chat`)).toBeGreaterThan(
        holdMs - 60_000,
      )
    }
    expect(await client.pttl(`${database.prefix}assignment:{26}:turns`)).toBeGreaterThan(holdMs - 60_000)
  })

  it('take what is not theirs for nothing: another type, another version, garbage', async () => {
    const client = database.client()
    const key = `${database.prefix}assignment:{27}:chat:a`
    const turns = `${database.prefix}assignment:{27}:turns`
    for (const spoil of [
      () => client.lpush(key, 'x'),
      () => client.set(key, '2 1 0 roundRobin text'),
      () => client.set(key, '\u0000�{'),
      () => client.set(turns, 'text'),
      () => client.hset(turns, 'present', '1,2', '1', 'NaN', '2', '{}'),
    ]) {
      await client.del(key, turns)
      await spoil()
      expect(await at(0).store.find(27, 'a')).toBeUndefined()
      expect(await at(0).store.assign(27, 'a', wish('a', [1, 2]))).toMatchObject({ hold: { operator: 1 } })
    }
  })

  it('remember who is gone only while ahead, so that what they keep does not grow with everyone who ever was', async () => {
    for (let id = 1; id <= 40; id++)
      for (const chat of [`${id}-a`, `${id}-b`]) await at(id).store.assign(28, chat, wish(chat, [id, id + 1]))
    const fields = await database.client().hkeys(`${database.prefix}assignment:{28}:turns`)
    expect(fields).toContain('present')
    expect(fields.length).toBeLessThanOrEqual(4)
  })

  it('answer word for word as those in memory do', async () => {
    const ids = [11, 3, 7, 5]
    const wishes = fc.record({
      what: fc.constantFrom('assign' as const, 'assign' as const, 'assign' as const, 'release' as const),
      chat: fc.nat(30).map(String),
      active: fc.shuffledSubarray(ids),
      exclude: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.subarray(ids)),
      strategy: fc.constantFrom('roundRobin' as const, 'roundRobin' as const, 'modulo' as const),
    })
    let organization = 1000
    await fc.assert(
      fc.asyncProperty(fc.array(wishes, { minLength: 1, maxLength: 50 }), async (story) => {
        organization++
        const memory = keptInMemory().store
        for (const [i, { what, chat, active, ...more }] of story.entries()) {
          const asked: AssignmentRequest = wish(chat, active, more)
          const answers = [memory, at(i).store].map(async (store) => {
            if (what === 'release') return store.release(organization, chat)
            const { hold, why } = (await store.assign(organization, chat, asked)) ?? {}
            return { why, hold: hold && { ...hold, assignedAt: 0 } }
          })
          const [inMemory, inRedis] = await Promise.all(answers)
          expect(inRedis).toEqual(inMemory)
        }
      }),
    )
  })
})

const lives = async (client: ReturnType<TestDatabase['client']>, keys: string[]): Promise<number[]> => {
  const pipeline = client.pipeline()
  for (const key of keys) pipeline.pttl(key)
  return ((await pipeline.exec()) ?? []).map(([, left]) => left as number)
}

describeWithRedisServer('assignments while Redis is away', () => {
  let redis: TestRedis
  let kept: KeptInRedis
  beforeAll(async () => {
    redis = await startRedis()
    kept = await keptInRedis({ ...redis, prefix: 'test:' })
  })
  afterAll(async () => {
    kept.close()
    await redis.stop()
  })

  it('are refused as redis.unavailable, hung or dead, and stand again when it is back', async () => {
    const { store } = kept
    const unavailable = { code: 'redis.unavailable' }
    await store.assign(24, 'a', wish('a', [1, 2]))
    redis.pause()
    await expect(store.assign(24, 'b', wish('b', [2]))).rejects.toMatchObject(unavailable)
    expect(() => store.requireReady()).toThrow(expect.objectContaining(unavailable))
    await expect(store.find(24, 'a')).rejects.toMatchObject(unavailable)
    await expect(store.release(24, 'a')).rejects.toMatchObject(unavailable)
    const thawed = kept.ready()
    redis.resume()
    await thawed
    store.requireReady()
    expect(await store.assign(24, 'a', wish('a', [1, 2]))).toMatchObject({ why: { reason: 'held' } })
    await redis.kill()
    await expect(store.find(24, 'a')).rejects.toMatchObject(unavailable)
    const started = kept.ready()
    await redis.restart()
    await started
    expect(await store.find(24, 'a')).toBeUndefined()
  })
})
