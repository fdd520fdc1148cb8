import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Call, Exchange } from '../../src/chathub/exchange.ts'
import { Failure, type FailureCode } from '../../src/errors.ts'
import type { Report } from '../../src/report.ts'
import { withRetry } from '../../src/throttle/retry.ts'
import { createClock } from '../support/clock.ts'

const reply = { status: 200, body: Buffer.alloc(0), sentAt: 0 }
const read: Call = {
  operation: 'operators',
  method: 'GET',
  path: '/',
  write: false,
  context: { lane: 'people', client: 'crm', deadline: 60_000 },
}

/** Each attempt fails as `failing` says by its number, from 1. */
const setUp = (failing: (attempt: number) => Failure | undefined) => {
  const clock = createClock()
  /** When each attempt began. */
  const attempts: number[] = []
  const reports: Report[] = []
  const inner: Exchange = async () => {
    attempts.push(clock.now())
    const failure = failing(attempts.length)
    if (failure) throw failure
    return reply
  }
  const exchange = withRetry(inner, { clock, report: (told) => reports.push(told) })
  /** Asks and lets the longest pause before a retry pass. */
  const ask = async (call: Call = read) => {
    const answer = exchange(call).catch((error: Failure) => error.code)
    await clock.advance(400)
    return answer
  }
  return { ask, attempts, clock, exchange, reports }
}
const unavailable = () => new Failure('chathub.unavailable')

describe('the retry', () => {
  it('repeats a read once when ChatHub was unavailable', async () => {
    const { ask, attempts, reports } = setUp((attempt) => (attempt === 1 ? unavailable() : undefined))
    await expect(ask()).resolves.toBe(reply)
    expect(attempts).toHaveLength(2)
    expect(reports).toEqual([{ name: 'retry', operation: 'operators' }])
  })

  it('gives up after the second failure', async () => {
    const { ask, attempts } = setUp(unavailable)
    await expect(ask()).resolves.toBe('chathub.unavailable')
    expect(attempts).toHaveLength(2)
  })

  it('waits a random time of 100 to 400 ms before it repeats', async () => {
    const waits = new Set<number>()
    for (let round = 0; round < 20; round++) {
      const { ask, attempts } = setUp(unavailable)
      await ask()
      waits.add(attempts[1]! - attempts[0]!)
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...waits)).toBeLessThanOrEqual(400)
    expect(waits.size).toBeGreaterThan(5)
  })

  it('does not wait any longer when its caller gives up', async () => {
    const { attempts, clock, exchange } = setUp(unavailable)
    const abort = new AbortController()
    const answer = exchange({ ...read, context: { ...read.context, signal: abort.signal } })
    answer.catch(() => {})
    await clock.advance(0)
    abort.abort()
    await expect(answer).rejects.toMatchObject({ code: 'chathub.unavailable' })
    expect(attempts).toEqual([0, 0])
    expect(clock.pending()).toBe(0)
  })

  it('never repeats a write or a login', async () => {
    const { ask, attempts } = setUp(unavailable)
    await ask({ ...read, operation: 'synchronize', method: 'POST', write: true })
    expect(attempts).toHaveLength(1)
    await ask({ ...read, operation: 'login', method: 'POST' })
    expect(attempts).toHaveLength(2)
  })

  it.each<FailureCode>([
    'chathub.timeout',
    'chathub.throttled',
    'chathub.credentials',
    'chathub.forbidden',
    'chathub.rejected',
    'chathub.invalid-response',
    'queue.full',
  ])('does not repeat after %s', async (code) => {
    const { ask, attempts } = setUp(() => new Failure(code))
    await expect(ask()).resolves.toBe(code)
    expect(attempts).toHaveLength(1)
  })

  it('does not repeat when ChatHub or the breaker said how long to wait', async () => {
    const { ask, attempts } = setUp(() => new Failure('chathub.unavailable', { retryAfterMs: 1000 }))
    await ask()
    expect(attempts).toHaveLength(1)
  })

  it('spends one saved retry on each repetition, also when that fails too', async () => {
    const { ask, attempts } = setUp(unavailable)
    for (let call = 0; call < 3; call++) await ask()
    expect(attempts).toHaveLength(6)
  })

  it('uses nearly all that its budget allows when every call fails', async () => {
    const { ask, attempts } = setUp(unavailable)
    for (let call = 0; call < 500; call++) await ask()
    expect(attempts.length - 500).toBeGreaterThanOrEqual(45)
  })

  it('never spends more than the ten that it may save and a tenth of the calls, in any stretch', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 120 }), async (failing) => {
        let failsNow = false
        const { ask, attempts } = setUp(() => (failsNow ? unavailable() : undefined))
        const retries: number[] = [0]
        for (const fails of failing) {
          failsNow = fails
          const before = attempts.length
          await ask()
          retries.push((retries.at(-1) as number) + attempts.length - before - 1)
        }
        for (let from = 0; from < retries.length; from++)
          for (let to = from; to < retries.length; to++)
            expect(retries[to]! - retries[from]!).toBeLessThanOrEqual(10 + 0.1 * (to - from) + 1e-9)
      }),
      { numRuns: 25 },
    )
  })

  it('saves no more than ten retries while every call succeeds', async () => {
    let failsNow = false
    const { ask, attempts } = setUp(() => (failsNow ? unavailable() : undefined))
    for (let call = 0; call < 200; call++) await ask()
    failsNow = true
    for (let call = 0; call < 20; call++) await ask()
    expect(attempts.length - 220).toBeGreaterThanOrEqual(10)
    expect(attempts.length - 220).toBeLessThanOrEqual(12)
  })
})
