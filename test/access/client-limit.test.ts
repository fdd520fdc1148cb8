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
  const limit = createClientLimit(clock)
  /** undefined when the call may go on. */
  const call = (who = caller(requestsPerMinute)): Failure | undefined => {
    try {
      limit(who)
      return undefined
    } catch (error) {
      return error as Failure
    }
  }
  return { clock, call }
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
