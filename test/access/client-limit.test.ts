import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Caller } from '../../src/access/caller.ts'
import { createClientLimit } from '../../src/access/client-limit.ts'
import type { Failure } from '../../src/errors.ts'
import { createClock } from '../support/clock.ts'

const caller = (requestsPerMinute: number, id = 'crm'): Caller => ({
  id,
  kind: 'key',
  scopes: new Set(),
  organizations: '*',
  requestsPerMinute,
  expiresAt: undefined,
})
const setUp = (requestsPerMinute: number) => {
  const clock = createClock()
  const limit = createClientLimit(clock, 3)
  /** undefined when the call may go on. */
  const call = (who = caller(requestsPerMinute)): Failure | undefined => {
    try {
      limit.take(who)
      return undefined
    } catch (error) {
      return error as Failure
    }
  }
  return { clock, call, limit }
}

describe('the limit of a client', () => {
  it('allows the requests of one minute at once, then names the time of the next one', () => {
    const { call } = setUp(60)
    for (let i = 0; i < 60; i++) expect(call()).toBeUndefined()
    const refused = call() as Failure
    expect(refused.code).toBe('limit.exceeded')
    expect(refused.retryAfterMs).toBe(1000)
    expect(refused.headers).toEqual({
      'RateLimit-Policy': '"client";q=60;w=60',
      RateLimit: '"client";r=0;t=1',
    })
  })

  it('honors Retry-After: refused just before that time, allowed at that time', async () => {
    const { call, clock } = setUp(7)
    for (let i = 0; i < 7; i++) call()
    const { retryAfterMs } = call() as Failure
    await clock.advance(Math.floor(retryAfterMs as number) - 1)
    expect(call()).toBeDefined()
    await clock.advance(2)
    expect(call()).toBeUndefined()
    expect(call()).toBeDefined()
  })

  it('takes no token for a refused request', async () => {
    const { call, clock } = setUp(60)
    for (let i = 0; i < 60; i++) call()
    for (let i = 0; i < 1000; i++) expect(call()).toBeDefined()
    await clock.advance(1000)
    expect(call()).toBeUndefined()
  })

  it('is separate for each client id and shared by the keys of one id', () => {
    const { call } = setUp(1)
    expect(call(caller(1, 'a'))).toBeUndefined()
    expect(call(caller(1, 'b'))).toBeUndefined()
    expect(call({ ...caller(1, 'a'), kind: 'token' })).toBeDefined()
  })

  it('lets exactly one full bucket and what has been refilled pass', () => {
    return fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.record({ calls: fc.nat(40), gap: fc.nat(20_000) }), { maxLength: 30 }),
        async (quota, rounds) => {
          const { call, clock } = setUp(quota)
          let through = 0
          let tokens = quota
          for (const { calls, gap } of rounds) {
            for (let i = 0; i < calls; i++) {
              const passed = call() === undefined ? 1 : 0
              // The model, with a tolerance for rounding: a bucket with a whole token lets the request pass.
              expect(
                [Math.floor(tokens + 1e-6), Math.floor(tokens - 1e-6)].map((left) => (left >= 1 ? 1 : 0)),
              ).toContain(passed)
              through += passed
              tokens -= passed
            }
            await clock.advance(gap)
            tokens = Math.min(quota, tokens + (gap * quota) / 60_000)
          }
          expect(through).toBeLessThanOrEqual(quota + (clock.now() * quota) / 60_000 + 0.001)
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('the cost of a request', () => {
  it('takes further tokens, below zero if need be, and the next request waits for all of them', async () => {
    const { call, clock, limit } = setUp(60)
    call()
    limit.charge(caller(60), 79)
    const refused = call() as Failure
    expect([refused.code, refused.retryAfterMs, refused.headers?.['RateLimit']]).toEqual([
      'limit.exceeded',
      21_000,
      '"client";r=0;t=21',
    ])
    await clock.advance(20_990)
    expect(call()).toBeDefined()
    await clock.advance(11)
    expect(call()).toBeUndefined()
  })

  it('never makes a client wait for longer than two minutes', async () => {
    for (const quota of [1, 60, 6000]) {
      const { call, clock, limit } = setUp(quota)
      limit.charge(caller(quota), 1_000_000)
      await clock.advance(120_000)
      expect(call()).toBeUndefined()
    }
  })
})

describe('requests in flight', () => {
  const enter = (limit: ReturnType<typeof setUp>['limit'], weight: number, id = 'crm') => {
    try {
      return limit.enter(caller(60, id), weight)
    } catch (error) {
      return error as Failure
    }
  }

  it('of a client are bounded; another client, and the same one after an answer, may go on', () => {
    const { limit } = setUp(60) // allows three
    const leaves = [1, 1, 1].map((weight) => enter(limit, weight))
    const refused = enter(limit, 1) as Failure
    expect([refused.code, refused.status, refused.retryAfterMs, refused.headers]).toEqual([
      'limit.concurrency',
      429,
      1000,
      { 'RateLimit-Policy': '"concurrency";q=3;qu="concurrent-requests"', RateLimit: '"concurrency";r=0' },
    ])
    expect(typeof enter(limit, 1, 'another')).toBe('function')
    ;(leaves[0] as () => void)()
    expect(typeof enter(limit, 1)).toBe('function')
    expect(enter(limit, 1)).toBeInstanceOf(Error)
  })

  it('count by their weight, but a client without another request is never refused', () => {
    const { limit } = setUp(60)
    const leave = enter(limit, 100) as () => void
    expect(enter(limit, 1)).toBeInstanceOf(Error)
    leave()
    expect(typeof enter(limit, 2)).toBe('function')
    expect(enter(limit, 2)).toBeInstanceOf(Error)
    expect(typeof enter(limit, 1)).toBe('function')
  })
})
