import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Redis } from '../../src/redis/redis.ts'
import { createLocalOrganizationLock } from '../../src/writes/organization-lock.ts'
import { createRedisOrganizationLock } from '../../src/writes/redis-organization-lock.ts'
import { createClock, settle } from '../support/clock.ts'

const setUp = () => {
  const clock = createClock()
  const locks = createLocalOrganizationLock(clock)
  const story: string[] = []
  /** Takes a lock that lasts until `ms` have passed. */
  const work = (name: string, ms: number, { organization = 24, waits = 60_000, fails = false } = {}) =>
    locks
      .withLock(organization, { deadline: clock.now() + waits }, async () => {
        story.push(`${name} begins`)
        await new Promise<void>((resolve) => void clock.after(ms, resolve))
        story.push(`${name} ends`)
        if (fails) throw new Error(name)
        return name
      })
      .catch((error) => {
        story.push(`${name}: ${error.code ?? error.message}`)
        return undefined
      })
  return { clock, story, work }
}

describe('locks within one process', () => {
  it('are taken one after the other, in the order of request', async () => {
    const { clock, story, work } = setUp()
    const all = Promise.all([work('a', 100), work('b', 50), work('c', 10)])
    await clock.advance(200)
    expect(await all).toEqual(['a', 'b', 'c'])
    expect(story).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  })

  it('of different organizations do not wait for each other', async () => {
    const { clock, story, work } = setUp()
    void work('a', 100)
    void work('b', 10, { organization: 6 })
    await clock.advance(10)
    expect(story).toEqual(['a begins', 'b begins', 'b ends'])
  })

  it('are released after work that failed', async () => {
    const { clock, story, work } = setUp()
    void work('a', 10, { fails: true })
    void work('b', 10)
    await clock.advance(20)
    expect(story).toEqual(['a begins', 'a ends', 'a: a', 'b begins', 'b ends'])
  })

  it('are given up at the deadline; later waiters still wait for the holder', async () => {
    const { clock, story, work } = setUp()
    void work('a', 1000)
    void work('b', 10, { waits: 100 })
    void work('c', 10)
    await clock.advance(100)
    expect(story).toEqual(['a begins', 'b: queue.full'])
    await clock.advance(899)
    expect(story).toHaveLength(2)
    await clock.advance(11)
    expect(story.slice(2)).toEqual(['a ends', 'c begins', 'c ends'])
  })

  it('never overlap, and all are released', async () => {
    const job = fc.record({
      ms: fc.nat(300),
      waits: fc.integer({ min: 1, max: 1000 }),
      fails: fc.boolean(),
      gap: fc.nat(200),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(job, { maxLength: 15 }), async (jobs) => {
        const { clock, story, work } = setUp()
        const all: Promise<unknown>[] = []
        for (const [i, { ms, gap, ...more }] of jobs.entries()) {
          all.push(work(`${i}`, ms, more))
          await clock.advance(gap)
        }
        await clock.advance(10_000)
        await Promise.all(all)
        await settle()
        const marks = story.filter((line) => /begins|ends/.test(line))
        for (let i = 0; i < marks.length; i += 2)
          expect(marks[i + 1]).toBe(marks[i]?.replace('begins', 'ends'))
        expect(clock.pending()).toBe(0)
      }),
      { numRuns: 50 },
    )
  })
})

describe('a lock that another instance holds for long', () => {
  it('is asked for less and less often', async () => {
    const clock = createClock()
    let asked = 0
    const script = (name: string) => async (): Promise<unknown> => {
      if (name === 'lockAcquire') asked++
      return false
    }
    const redis = { script } as Partial<Redis> as Redis
    const lock = createRedisOrganizationLock({ redis, clock, graceMs: 0, redisDataSince: 'since' })
    const waiting = lock.withLock(24, { deadline: clock.now() + 60_000 }, async () => 'held')
    const outcome = waiting.catch(({ code }) => code)
    await clock.advance(250)
    expect(asked).toBe(11)
    await clock.advance(59_750)
    expect([await outcome, asked < 300]).toEqual(['queue.full', true])
  })
})
