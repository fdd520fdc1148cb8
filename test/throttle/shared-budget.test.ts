import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Redis as Client } from 'ioredis'
import { registry } from '../../src/cache/coherence.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { type Budget, type BudgetClass, backgroundShare, type Grant } from '../../src/throttle/budget.ts'
import { createSharedBudget } from '../../src/throttle/shared-budget.ts'
import { createClock, type HandClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** Between a grant and the N-th before it. */
const windowMs = 1070
/** After Redis lost its data. By then the requests of the farthest instance have left, too. */
const closedMs = 1280
const memberMs = 2000

const setUp = (
  redis: Redis,
  requestsPerSecond: number,
  expected = 1,
): { budget: Budget; clock: HandClock } => {
  const clock = createClock()
  const membership = { expected: () => expected, lastHeartbeatAt: () => 0 }
  return {
    clock,
    budget: createSharedBudget({ redis, requestsPerSecond, clock, membership, registry, memberMs }),
  }
}
const waitOf = (grant: Grant): number => ('slot' in grant ? 0 : grant.waitMs)

describeWithRedis('the budget that instances share', () => {
  let database: TestDatabase
  let client: Client
  let redis: Redis
  const key = (name: string): string => `${database.prefix}{gateway}:budget:${name}`
  const ofRegistry = (name: keyof typeof registry): string => `${database.prefix}${registry[name]}`
  const redisNow = async (): Promise<number> => {
    const [seconds, microseconds] = await client.time()
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
  }
  /** Takes until `count` slots were granted; gives the times of the grants by the clock of Redis, oldest first. */
  const grantTimes = async (budget: Budget, count: number, budgetClass: BudgetClass): Promise<number[]> => {
    const times: number[] = []
    while (times.length < count) {
      const grant = await budget.take(budgetClass)
      if ('slot' in grant) times.push(Number(await client.lindex(key('ring'), 0)))
      else await pause(grant.waitMs)
    }
    return times
  }
  const shortestSpan = (times: number[], calls: number): number =>
    Math.min(...times.slice(calls).map((at, i) => at - (times[i] as number)))

  beforeAll(async () => {
    database = await openRedis()
    client = database.client()
    const { url, prefix } = database
    // On a clock that stands still no command times out, so a busy machine does not make Redis unavailable.
    redis = createRedis({ url, prefix, clock: createClock(), commandMs: 1000, report: () => {} })
    await until(() => redis.state() === 'ready')
  })
  afterAll(async () => {
    redis.close()
    await database.stop()
  })
  beforeEach(async () => {
    const own = ['ring', 'background', 'pause', 'slow'].map(key)
    await client.del(
      ...own,
      ...Object.keys(registry).map((name) => ofRegistry(name as keyof typeof registry)),
    )
    await client.set(ofRegistry('redisDataSince'), (await redisNow()) - 60_000)
  })

  it('grants N slots at once, and no N + 1 within one window', async () => {
    const { budget } = setUp(redis, 5)
    const times = await grantTimes(budget, 16, 'urgent')
    expect(shortestSpan(times, 5)).toBeGreaterThanOrEqual(windowMs)
  })

  it('grants imports and refreshes their share only', async () => {
    const { budget } = setUp(redis, 5)
    const times = await grantTimes(budget, 7, 'background')
    expect(shortestSpan(times, backgroundShare(5))).toBeGreaterThanOrEqual(windowMs)
  })

  it('grants nothing for one window after Redis lost its data', async () => {
    await client.del(ofRegistry('redisDataSince'))
    const { budget } = setUp(redis, 5)
    const waitMs = waitOf(await budget.take('urgent'))
    expect(waitMs).toBeGreaterThan(0)
    expect(waitMs).toBeLessThanOrEqual(closedMs)
    const since = Number(await client.get(ofRegistry('redisDataSince')))
    const [first] = await grantTimes(budget, 1, 'urgent')
    expect((first as number) - since).toBeGreaterThanOrEqual(closedMs)
  })

  it('grants nothing for one window after the clock of Redis was set back', async () => {
    const { budget } = setUp(redis, 5)
    await client.lpush(key('ring'), (await redisNow()) + 60_000)
    expect(await budget.take('urgent')).toEqual({ waitMs: closedMs })
    const since = Number(await client.get(ofRegistry('redisDataSince')))
    const [first] = await grantTimes(budget, 1, 'urgent')
    expect((first as number) - since).toBeGreaterThanOrEqual(closedMs)
  })

  it('lets a slot expire 40 ms after it was asked for, and takes it back', async () => {
    const { budget, clock } = setUp(redis, 5)
    const grants = [await budget.take('urgent'), await budget.take('background')]
    const [inTime, late] = grants.map((grant) => ('slot' in grant ? grant.slot : undefined))
    await clock.advance(40)
    expect(inTime?.consume()).toBe(true)
    await clock.advance(1)
    expect(late?.consume()).toBe(false)
    expect(budget.status().usedInLastSecond).toBe(1)
    inTime?.release()
    late?.release()
    let left = 2
    while (left > 1) left = await client.llen(key('ring'))
    expect([left, await client.llen(key('background'))]).toEqual([1, 0])
  })

  it('keeps the share of each missing instance free, and of one that joined less than one window ago', async () => {
    const { budget } = setUp(redis, 30, 3)
    const now = await redisNow()
    const alive = now + 600_000
    await client.zadd(ofRegistry('members'), alive, 'a', alive, 'b')
    await client.hset(ofRegistry('joined'), { a: now - 60_000, b: now + 600_000 })
    await budget.take('urgent')
    expect(budget.status().allowedNow).toBe(10)
    await client.hset(ofRegistry('joined'), { b: now - 60_000 })
    await budget.take('urgent')
    expect(budget.status().allowedNow).toBe(20)
    await client.zadd(ofRegistry('members'), alive, 'c')
    await client.hset(ofRegistry('joined'), { c: now - 60_000 })
    await budget.take('urgent')
    expect(budget.status().allowedNow).toBe(30)
    // Five were seen lately, so two are missing.
    await client.set(ofRegistry('peak'), `5 ${now}`)
    await budget.take('urgent')
    expect(budget.status().allowedNow).toBe(18)
  })

  it('pauses all instances for a 429, and reduces their rate to two thirds once for a burst of them', async () => {
    const [here, there] = [setUp(redis, 30).budget, setUp(redis, 30).budget]
    for (let refusal = 0; refusal < 3; refusal++) here.pause(600_000)
    while ((await client.exists(key('slow'))) === 0);
    expect(waitOf(await there.take('urgent'))).toBeGreaterThan(60_000)
    await client.del(key('pause'))
    await there.take('urgent')
    expect(there.status().allowedNow).toBe(20)
    const [rate, since] = (await client.get(key('slow')))!.split(' ').map(Number) as [number, number]
    await client.set(key('slow'), `${rate} ${since - 600_000 - 120_000}`)
    await there.take('urgent')
    expect(there.status().allowedNow).toBe(26)
  })

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [30, 20],
  ])('slows a rate of %i a second down to %i for a 429, and never to none', async (rate, slowed) => {
    const { budget } = setUp(redis, rate)
    budget.pause(600_000)
    while ((await client.exists(key('slow'))) === 0);
    await client.del(key('pause'))
    await budget.take('urgent')
    expect(budget.status().allowedNow).toBe(slowed)
  })

  it('estimates a shorter wait as time passes, so that calls are not refused for ever after a long pause', async () => {
    const { budget, clock } = setUp(redis, 5)
    budget.pause(600_000)
    let waitMs = 0
    while (waitMs < 60_000) waitMs = waitOf(await budget.take('urgent'))
    expect(budget.estimate(0)).toBe(waitMs)
    await clock.advance(waitMs - 10_000)
    expect(budget.estimate(0)).toBe(10_000)
    await clock.advance(10_000)
    expect(budget.estimate(0)).toBe(0)
    // The rate is 3 a second, two thirds of 5.
    expect(budget.estimate(3)).toBe(windowMs)
  })
})

describe('an instance that cannot reach Redis', () => {
  let state: 'ready' | 'away'
  /** When available, this Redis grants every slot. */
  const redis = {
    state: () => state,
    roundTripMs: () => 0,
    script: () => async () => {
      if (state === 'away') throw new Error('away')
      return [1, 0, 30]
    },
  } as unknown as Redis
  /** Takes and uses all slots that are granted at this moment. */
  const useAll = async (budget: Budget): Promise<number> => {
    for (let used = 0; ; used++) {
      const grant = await budget.take('urgent')
      if (!('slot' in grant) || used > 1000) return used
      grant.slot.consume()
    }
  }
  beforeEach(() => {
    state = 'away'
  })

  it('sends nothing until the others count it as missing and one window more, then its share', async () => {
    const { budget, clock } = setUp(redis, 30, 3)
    await clock.advance(memberMs + closedMs - 1)
    expect(await useAll(budget)).toBe(0)
    await clock.advance(1)
    expect(await useAll(budget)).toBe(10)
    expect(budget.status().allowedNow).toBe(10)
    await clock.advance(1049)
    expect(await useAll(budget)).toBe(0)
    await clock.advance(1)
    expect(await useAll(budget)).toBe(10)
  })

  it('asks again every 100 ms while it may send nothing, so that it notices Redis', async () => {
    const { budget, clock } = setUp(redis, 30, 3)
    expect(await budget.take('urgent')).toEqual({ waitMs: 100 })
    await clock.advance(memberMs + closedMs - 30)
    expect(await budget.take('urgent')).toEqual({ waitMs: 30 })
  })

  it('uses the whole budget at once if there is no other instance', async () => {
    expect(await useAll(setUp(redis, 30).budget)).toBe(30)
  })

  it('sends nothing if there are more instances than slots', async () => {
    const { budget, clock } = setUp(redis, 5, 6)
    await clock.advance(60_000)
    expect(await useAll(budget)).toBe(0)
  })

  it('counts what it sent through Redis before', async () => {
    state = 'ready'
    const { budget } = setUp(redis, 30)
    for (let i = 0; i < 4; i++) {
      const grant = await budget.take('urgent')
      if ('slot' in grant) grant.slot.consume()
    }
    state = 'away'
    expect(await useAll(budget)).toBe(26)
  })

  it('takes no shared slot after its return until its last request is one window old', async () => {
    const { budget, clock } = setUp(redis, 30)
    await useAll(budget)
    await clock.advance(500)
    state = 'ready'
    expect(await budget.take('urgent')).toEqual({ waitMs: 550 })
    await clock.advance(550)
    expect(await budget.take('urgent')).toHaveProperty('slot')
  })
})
