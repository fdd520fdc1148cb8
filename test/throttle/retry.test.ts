import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { Call, Exchange } from '../../src/chathub/exchange.ts'
import { Failure, type FailureCode } from '../../src/errors.ts'
import type { Report } from '../../src/report.ts'
import { withRetry } from '../../src/throttle/retry.ts'

const reply = { status: 200, body: Buffer.alloc(0), sentAt: 0 }
const read: Call = {
  operation: 'operators',
  method: 'GET',
  path: '/',
  write: false,
  context: { lane: 'people', client: 'crm', deadline: 60_000 },
}

/** Counts attempts; each call fails as `failing` says by attempt number, from 1. */
const setUp = (failing: (attempt: number) => Failure | undefined) => {
  let attempts = 0
  const reports: Report[] = []
  const inner: Exchange = async () => {
    const failure = failing(++attempts)
    if (failure) throw failure
    return reply
  }
  const exchange = withRetry(inner, (told) => reports.push(told))
  /** Runs the retry's own timers ahead instead of waiting for them. */
  const ask = async (call: Call = read) => {
    const answer = exchange(call).catch((error: Failure) => error.code)
    await jest.advanceTimersByTimeAsync(400)
    return answer
  }
  return { ask, reports, attempts: () => attempts }
}

describe('the retry', () => {
  beforeEach(() => void jest.useFakeTimers())
  afterEach(() => void jest.useRealTimers())

  it('asks once more for a read that ChatHub failed', async () => {
    const { ask, attempts, reports } = setUp((attempt) =>
      attempt === 1 ? new Failure('chathub.unavailable') : undefined,
    )
    await expect(ask()).resolves.toBe(reply)
    expect(attempts()).toBe(2)
    expect(reports).toEqual([{ name: 'retry', operation: 'operators' }])
  })

  it('gives up after the second failure', async () => {
    const { ask, attempts } = setUp(() => new Failure('chathub.unavailable'))
    await expect(ask()).resolves.toBe('chathub.unavailable')
    expect(attempts()).toBe(2)
  })

  it('waits 100 to 400 ms before it asks again, not always the same', async () => {
    const waits = new Set<number>()
    for (let round = 0; round < 20; round++) {
      const times: number[] = []
      const { ask } = setUp(() => {
        times.push(Date.now())
        return new Failure('chathub.unavailable')
      })
      await ask()
      waits.add(times[1]! - times[0]!)
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...waits)).toBeLessThanOrEqual(400)
    expect(waits.size).toBeGreaterThan(5)
  })

  it('never sends a write again, nor a login', async () => {
    const { ask, attempts } = setUp(() => new Failure('chathub.unavailable'))
    await ask({ ...read, operation: 'synchronize', method: 'POST', write: true })
    expect(attempts()).toBe(1)
    await ask({ ...read, operation: 'login', method: 'POST' })
    expect(attempts()).toBe(2)
  })

  it.each<FailureCode>([
    'chathub.timeout',
    'chathub.throttled',
    'chathub.credentials',
    'chathub.forbidden',
    'chathub.rejected',
    'chathub.invalid-response',
    'queue.full',
  ])('does not ask again after %s', async (code) => {
    const { ask, attempts } = setUp(() => new Failure(code))
    await ask()
    expect(attempts()).toBe(1)
  })

  it('does not ask again when ChatHub or the breaker said how long to wait', async () => {
    const { ask, attempts } = setUp(() => new Failure('chathub.unavailable', { retryAfterMs: 1000 }))
    await ask()
    expect(attempts()).toBe(1)
  })

  it('stays within a tenth of all calls when everything fails, but for the few saved up', async () => {
    const { ask, attempts } = setUp(() => new Failure('chathub.unavailable'))
    for (let call = 0; call < 500; call++) await ask()
    const retries = attempts() - 500
    expect(retries).toBeLessThanOrEqual(53)
    expect(retries).toBeGreaterThanOrEqual(45)
  })

  it('costs one of those saved, also when the second try fails too', async () => {
    const { ask, attempts } = setUp(() => new Failure('chathub.unavailable'))
    for (let call = 0; call < 3; call++) await ask()
    expect(attempts()).toBe(6)
  })

  it('saves up no more than ten retries in good times', async () => {
    let failing = false
    const { ask, attempts } = setUp(() => (failing ? new Failure('chathub.unavailable') : undefined))
    for (let call = 0; call < 1000; call++) await ask()
    failing = true
    for (let call = 0; call < 20; call++) await ask()
    expect(attempts() - 1020).toBeLessThanOrEqual(12)
  })
})
