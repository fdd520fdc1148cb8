import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Redis as Client } from 'ioredis'
import { createMemoryStore } from '../../src/cache/memory-store.ts'
import { createRedisStore } from '../../src/cache/redis-store.ts'
import type { Claim, Store } from '../../src/cache/store.ts'
import { systemClock } from '../../src/clock.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { behavesAsStore, type Opened } from '../behaviour/store.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

behavesAsStore('the store in memory', async (): Promise<Opened> => {
  const clock = createClock()
  return {
    store: createMemoryStore({ clock }),
    past: (_key, keepMs) => clock.advance(keepMs),
    close: async () => {},
  }
})

/** Whether this store may load the list for all instances. */
const claims = async (
  store: Store,
  key: string,
  urgency: Claim['urgency'],
  leaseMs: number,
): Promise<boolean | undefined> =>
  (await store.read(key, { urgency, leaseMs, youngMs: 0, wanted: 'young' })).claimed

const connect = async (database: TestDatabase): Promise<Redis> => {
  const { url, prefix } = database
  const redis = createRedis({ url, prefix, clock: systemClock, commandMs: 20_000, report: () => {} })
  await until(() => redis.state() === 'ready')
  return redis
}

describeWithRedis('Redis', () => {
  behavesAsStore('the store in Redis', async (): Promise<Opened> => {
    const database = await openRedis()
    const redis = await connect(database)
    const client = database.client()
    return {
      store: createRedisStore(redis, systemClock),
      past: async (key) => {
        await until(async () => (await client.exists(`${database.prefix}list:{${key}}:copy`)) === 0)
      },
      close: async () => {
        redis.close()
        await database.stop()
      },
    }
  })

  let database: TestDatabase
  let redis: Redis
  let client: Client
  let store: Store
  const keyOf = (what: 'copy' | 'epoch' | 'claim', key = 'operators:24') =>
    `${database.prefix}list:{${key}}:${what}`
  const fill = async (bytes = 'list', key = 'operators:24'): Promise<string> => {
    const { epoch } = await store.bump(key, 'drop', 60_000)
    await store.fill(key, { bytes: Buffer.from(bytes), epoch, ageMs: 0 }, 60_000)
    return epoch
  }
  beforeAll(async () => {
    database = await openRedis()
    redis = await connect(database)
    client = database.client()
    store = createRedisStore(redis, systemClock)
  })
  afterAll(async () => {
    redis.close()
    await database.stop()
  })

  it('every key has an end: copies when they may not be served any more, epochs after every copy of theirs', async () => {
    const epoch = await fill()
    await claims(store, 'operators:24', 'foreground', 5000)
    await store.bump('operators:24', { bytes: Buffer.from('patched'), epoch, ageMs: 10_000 }, 60_000)
    await store.bump('operators:6', undefined, 60_000)
    const keys = await client.keys(`${database.prefix}*`)
    expect(keys.length).toBeGreaterThanOrEqual(4)
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0)
    expect(await client.pttl(keyOf('copy'))).toBeLessThanOrEqual(50_000)
    expect(await client.pttl(keyOf('claim'))).toBeLessThanOrEqual(5000)
    expect(await client.pttl(keyOf('epoch'))).toBeGreaterThan(7 * 24 * 3600 * 1000)
  })

  it('all keys of one list carry one hash tag, so that they live on one node of a cluster', async () => {
    await fill()
    await claims(store, 'operators:24', 'foreground', 5000)
    const keys = await client.keys(`${database.prefix}*operators:24*`)
    expect(keys.sort()).toEqual([keyOf('claim'), keyOf('copy'), keyOf('epoch')])
    expect(keys.every((key) => key.includes('{operators:24}'))).toBe(true)
  })

  it.each([
    ['a list', (key: string) => client.rpush(key, 'x')],
    ['a hash', (key: string) => client.hset(key, 'a', 'b')],
    ['junk', (key: string) => client.set(key, 'no copy at all')],
    ['nothing', (key: string) => client.set(key, '')],
    ['another version', (key: string) => client.set(key, '2 5 1700000000000\nlist')],
    ['no birth', (key: string) => client.set(key, '1 5 soon\nlist')],
    ['far too much', (key: string) => client.setrange(key, 16 * 1024 * 1024 + 1, 'x')],
  ])('a copy that is %s is a miss, and the next fill heals it', async (_, spoil) => {
    const epoch = await fill()
    await client.del(keyOf('copy'))
    await spoil(keyOf('copy'))
    expect(await store.read('operators:24')).toEqual({ stored: undefined, epoch, claimed: false })
    expect(await store.fill('operators:24', { bytes: Buffer.from('new'), epoch, ageMs: 0 }, 60_000)).toBe(
      true,
    )
    expect((await store.read('operators:24')).stored?.bytes.toString()).toBe('new')
    expect(redis.state()).toBe('ready')
  })

  it('an epoch of another type is none: what was loaded before counts as overtaken, and a write heals it', async () => {
    const epoch = await fill()
    await client.del(keyOf('epoch'))
    await client.rpush(keyOf('epoch'), 'x')
    const read = await store.read('operators:24')
    expect(read.epoch).not.toBe(epoch)
    expect(read.stored?.epoch).toBe(epoch)
    await client.del(keyOf('epoch'))
    await client.rpush(keyOf('epoch'), 'x')
    const { epoch: healed } = await store.bump('operators:24', undefined, 60_000)
    expect((await store.read('operators:24')).epoch).toBe(healed)
  })

  it('an epoch that Redis lost in a flush never comes again', async () => {
    const seen = new Set<string>()
    for (let i = 0; i < 10; i++) {
      seen.add(await fill())
      await client.del(keyOf('epoch'))
    }
    expect(seen.size).toBe(10)
  })

  it('a patch of a list whose epoch was lost is not kept', async () => {
    const epoch = await fill()
    await client.del(keyOf('epoch'))
    const patched = { bytes: Buffer.from('patched'), epoch, ageMs: 0 }
    expect((await store.bump('operators:24', patched, 60_000)).kept).toBe(false)
  })

  it('lets one instance load for all; who waits takes it from a refresh, and only its holder gives it back', async () => {
    const [one, other] = [store, createRedisStore(redis, systemClock)]
    const key = 'operators:77'
    expect(await claims(one, key, 'background', 60_000)).toBe(true)
    expect(await claims(other, key, 'background', 60_000)).toBe(false)
    expect(await claims(other, key, 'foreground', 60_000)).toBe(true)
    expect(await claims(one, key, 'foreground', 60_000)).toBe(false)
    await one.release(key, 'foreground')
    expect(await claims(one, key, 'foreground', 60_000)).toBe(false)
    await other.release(key, 'foreground')
    expect(await claims(one, key, 'foreground', 60_000)).toBe(true)
  })

  it('a copy is as old as it is, however late Redis comes to storing it, and one from the future is none', async () => {
    const { epoch } = await store.bump('operators:79', 'drop', 60_000)
    await store.read('operators:79')
    const pausing = client.client('PAUSE', 400, 'ALL')
    const filled = store.fill('operators:79', { bytes: Buffer.from('late'), epoch, ageMs: 0 }, 60_000)
    await filled.catch(() => {})
    await pausing
    await until(() => redis.state() === 'ready')
    const { stored } = await store.read('operators:79')
    expect(stored?.bytes.toString()).toBe('late')
    expect(stored?.ageMs).toBeGreaterThanOrEqual(300)
    const [, ...rest] = ((await client.get(keyOf('copy', 'operators:79'))) as string).split('\n')
    await client.set(keyOf('copy', 'operators:79'), `1 ${epoch} ${Date.now() + 3_600_000}\n${rest}`)
    expect((await store.read('operators:79')).stored).toBeUndefined()
  })

  it('an instance that refreshes does not lose the right it holds for somebody who waits', async () => {
    const other = createRedisStore(redis, systemClock)
    await claims(store, 'operators:80', 'foreground', 60_000)
    await claims(store, 'operators:80', 'background', 60_000)
    await store.release('operators:80', 'background')
    expect(await claims(other, 'operators:80', 'foreground', 60_000)).toBe(false)
  })

  it('a claim ends with its lease when its holder does not renew it', async () => {
    const other = createRedisStore(redis, systemClock)
    await claims(store, 'operators:78', 'foreground', 60_000)
    expect(await claims(other, 'operators:78', 'foreground', 60_000)).toBe(false)
    const left = await client.pttl(keyOf('claim', 'operators:78'))
    expect([left > 0, left <= 60_000]).toEqual([true, true])
    await client.pexpire(keyOf('claim', 'operators:78'), 1)
    await until(async () => (await claims(other, 'operators:78', 'foreground', 60_000)) === true)
  })
})
