import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { type Cache, createCache } from '../../src/cache/cache.ts'
import { createRedisStore } from '../../src/cache/redis-store.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import { systemClock } from '../../src/clock.ts'
import { Failure } from '../../src/errors.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { times } from './cache-harness.ts'

let server: TestRedis
let redis: Redis
let cache: Cache<string>
let loading: () => Promise<string>
const context = (): CallContext => ({ lane: 'people', client: 'crm', deadline: systemClock.now() + 10_000 })

/** The names of the commands that reached Redis for the keys of this list while `act` ran. */
const commandsFor = async (key: string, act: () => Promise<unknown>): Promise<string[]> => {
  const seen: string[] = []
  const monitor = await server.client().monitor()
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source === 'lua') return
    if (args.some((word) => word.includes(`list:{${key}}:`) || word === 'fence'))
      seen.push(String(args[0]).toLowerCase())
  })
  await act()
  // What was sent before this on the same connection is seen before it.
  await redis.run((client) => client.echo('fence'))
  await until(() => seen.includes('echo'))
  monitor.disconnect()
  return seen.slice(0, seen.indexOf('echo'))
}

describeWithRedisServer('the round trips to Redis', () => {
  beforeEach(async () => {
    server = await startRedis()
    redis = createRedis({
      url: server.url,
      prefix: 'p:',
      clock: systemClock,
      report: () => {},
      commandMs: 5000,
    })
    await until(() => redis.state() === 'ready')
    loading = async () => 'list'
    cache = createCache<string>({
      refresher: { counted: () => {}, foundOld: () => {} },
      list: 'operators',
      store: createRedisStore(redis, systemClock),
      clock: systemClock,
      times,
      report: () => {},
      decode: String,
      load: async () => {
        const askedAt = systemClock.now()
        const value = await loading()
        return { value, bytes: Buffer.from(value), askedAt }
      },
    })
    // A connection sends each script whole once, and by its hash from then on.
    loading = async () => {
      throw new Failure('chathub.unavailable')
    }
    await cache.read('operators:1', context()).catch(() => {})
    loading = async () => 'list'
    await cache.commit('operators:9')
    await cache.read('operators:1', context())
  })
  afterEach(async () => {
    redis.close()
    await server.stop()
  })

  it('of a cold read are two: the claim brings copy and epoch, and the fill gives the claim back', async () => {
    const commands = await commandsFor('operators:2', () => cache.read('operators:2', context()))
    expect(commands).toEqual(['evalsha', 'evalsha'])
    expect(await server.client().keys('p:*operators:2*')).toHaveLength(2)
  })

  it('of a read from memory are none', async () => {
    const commands = await commandsFor('operators:1', () => cache.read('operators:1', context()))
    expect(commands).toEqual([])
  })

  it('of a list that is fetched to be changed are none, and one with the change', async () => {
    const commands = await commandsFor('operators:1', async () => {
      const { copy } = await cache.read('operators:1', context(), {
        ...{ notBefore: systemClock.now(), forWrite: true },
      })
      await cache.commit('operators:1', { ...copy, value: 'changed', bytes: Buffer.from('changed') })
    })
    expect(commands).toEqual(['evalsha'])
    expect(cache.peek('operators:1')?.copy.value).toBe('changed')
    const { stored } = await createRedisStore(redis, systemClock).read('operators:1')
    expect(stored?.bytes.toString()).toBe('changed')
    expect(stored?.ageMs).toBeLessThan(5000)
  })

  it('of a cold read that fails are two: the claim, and giving it back', async () => {
    loading = async () => {
      throw new Failure('chathub.unavailable')
    }
    const commands = await commandsFor('operators:3', () =>
      cache.read('operators:3', context()).catch(() => {}),
    )
    expect(commands).toEqual(['evalsha', 'evalsha'])
    expect(await server.client().keys('p:*operators:3*:claim')).toEqual([])
  })

  it('of a read of what another instance has loaded is one', async () => {
    const other = createRedisStore(redis, systemClock)
    const { epoch } = await other.read('operators:4')
    await other.fill('operators:4', { bytes: Buffer.from('theirs'), epoch, ageMs: 0 }, 60_000)
    loading = () => Promise.reject(new Error('ChatHub must not be asked'))
    const commands = await commandsFor('operators:4', async () => {
      expect(await cache.read('operators:4', context())).toMatchObject({ copy: { value: 'theirs' } })
    })
    expect(commands).toEqual(['evalsha'])
  })
})
