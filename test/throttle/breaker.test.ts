import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type Call, CallerGaveUp } from '../../src/chathub/exchange.ts'
import { Failure, type FailureCode } from '../../src/errors.ts'
import type { Report } from '../../src/report.ts'
import { createBreaker } from '../../src/throttle/breaker.ts'

const reply = { status: 200, body: Buffer.alloc(0), sentAt: 0 }
const call: Call = {
  operation: 'operators',
  method: 'GET',
  path: '/',
  write: false,
  context: { lane: 'people', client: 'crm', deadline: 60_000 },
}

/** A breaker before an exchange that does what `next` says, one entry a call, the last for ever. */
const setUp = () => {
  const reports: Report[] = []
  const breaker = createBreaker((told) => reports.push(told))
  let sent = 0
  let behave = async (): Promise<typeof reply> => reply
  const exchange = breaker.withBreaker(async () => {
    sent++
    return behave()
  })
  const ask = () => exchange(call).catch((error: Failure) => error)
  const fail = async (code: FailureCode, times: number, cause?: Error) => {
    behave = async () => {
      throw new Failure(code, cause ? { cause } : {})
    }
    for (let i = 0; i < times; i++) await ask()
    behave = async () => reply
  }
  return {
    ask,
    fail,
    reports,
    breaker,
    sent: () => sent,
    set: (next: typeof behave) => {
      behave = next
    },
  }
}

describe('the breaker before ChatHub', () => {
  beforeEach(() => void jest.useFakeTimers())
  afterEach(() => void jest.useRealTimers())

  it.each<FailureCode>(['chathub.unavailable', 'chathub.timeout'])(
    'opens after five %s in a row',
    async (code) => {
      const { ask, breaker, fail, reports, sent } = setUp()
      await fail(code, 4)
      expect(breaker.state()).toBe('closed')
      await fail(code, 1)
      expect(breaker.state()).toBe('open')
      expect(reports).toEqual([{ name: 'breaker', breaker: 'chathub', state: 'open' }])
      const failure = (await ask()) as Failure
      expect(failure.code).toBe('chathub.unavailable')
      expect(failure.retryAfterMs).toBeGreaterThanOrEqual(1000)
      expect(failure.retryAfterMs).toBeLessThanOrEqual(2000)
      expect(failure.inDoubt).toBe(false)
      expect(sent()).toBe(5)
    },
  )

  it('counts failures in a row: one answer between begins again', async () => {
    const { ask, breaker, fail } = setUp()
    await fail('chathub.unavailable', 4)
    await ask()
    await fail('chathub.unavailable', 4)
    expect(breaker.state()).toBe('closed')
  })

  it('opens when half of at least twenty calls in ten seconds failed', async () => {
    const { ask, breaker, fail } = setUp()
    for (let i = 0; i < 14; i++) {
      await fail('chathub.timeout', 1)
      await ask()
      await jest.advanceTimersByTimeAsync(350)
      if (breaker.state() === 'open') break
    }
    await fail('chathub.timeout', 2)
    expect(breaker.state()).toBe('open')
  })

  it.each<FailureCode>([
    'queue.full',
    'chathub.throttled',
    'chathub.credentials',
    'chathub.forbidden',
    'chathub.rejected',
    'chathub.invalid-response',
  ])('does not count %s: ChatHub is there', async (code) => {
    const { breaker, fail, sent } = setUp()
    await fail(code, 30)
    expect(breaker.state()).toBe('closed')
    expect(sent()).toBe(30)
  })

  it('does not count calls that nobody waits for any more', async () => {
    const { breaker, fail } = setUp()
    await fail('chathub.timeout', 30, new CallerGaveUp('nobody waits for the answer any more'))
    expect(breaker.state()).toBe('closed')
  })

  it('lets one trial through after two seconds and closes on its answer; the others meanwhile are not sent', async () => {
    const { ask, breaker, fail, reports, sent, set } = setUp()
    await fail('chathub.unavailable', 5)
    await jest.advanceTimersByTimeAsync(1999)
    await ask()
    expect(sent()).toBe(5)
    await jest.advanceTimersByTimeAsync(1)
    let answer = (_: typeof reply): void => {}
    set(() => new Promise((resolve) => (answer = resolve)))
    const trial = ask()
    const others = [ask(), ask(), ask()]
    await jest.advanceTimersByTimeAsync(0)
    expect(breaker.state()).toBe('half-open')
    expect(sent()).toBe(6)
    set(async () => reply)
    answer(reply)
    expect(await trial).toBe(reply)
    expect(await Promise.all(others)).toEqual([reply, reply, reply])
    expect(breaker.state()).toBe('closed')
    expect(reports.map((told) => 'state' in told && told.state)).toEqual(['open', 'half-open', 'closed'])
  })

  it('opens again for two seconds when the trial fails', async () => {
    const { ask, breaker, fail, sent } = setUp()
    await fail('chathub.unavailable', 5)
    await jest.advanceTimersByTimeAsync(2000)
    await fail('chathub.timeout', 1)
    expect(breaker.state()).toBe('open')
    await ask()
    expect(sent()).toBe(6)
  })

  it('a trial that did not come to ChatHub, such as for a full queue, proves nothing: the next is tried two seconds later', async () => {
    const { ask, breaker, fail, sent } = setUp()
    await fail('chathub.unavailable', 5)
    await jest.advanceTimersByTimeAsync(2000)
    await fail('queue.full', 1)
    expect(breaker.state()).toBe('open')
    await jest.advanceTimersByTimeAsync(2000)
    expect(await ask()).toBe(reply)
    expect(breaker.state()).toBe('closed')
    expect(sent()).toBe(7)
  })
})
