import { describe, expect, it } from '@jest/globals'
import { type Call, type Exchange, SlotTooOld } from '../../src/chathub/exchange.ts'
import { Failure } from '../../src/errors.ts'
import type { Report } from '../../src/report.ts'
import { withRateLimit } from '../../src/throttle/rate-limit.ts'
import { createTestQueue, pass, useVirtualTime } from './queue-harness.ts'

useVirtualTime()

const setUp = (exchange: Exchange, requestsPerSecond = 5, operation: Call['operation'] = 'operators') => {
  const test = createTestQueue(requestsPerSecond)
  const reports: Report[] = []
  const call: Call = {
    operation,
    method: 'GET',
    path: '/',
    write: false,
    context: test.context('people'),
  }
  return {
    ...test,
    reports,
    ask: () => withRateLimit(exchange, test.queue, (told) => reports.push(told))(call),
  }
}
const reply = { status: 200, body: Buffer.alloc(0), sentAt: 0 }
const leaving = async (call: Call) => {
  call.maySend?.()
  return reply
}

describe('the rate limit', () => {
  it('takes one slot for each attempt and uses it as the request leaves', async () => {
    const { ask, budget } = setUp(leaving)
    await ask()
    await ask()
    expect(budget.status().usedInLastSecond).toBe(2)
  })

  it('releases the slot if no request left', async () => {
    const { ask, budget } = setUp(async () => {
      throw new Failure('chathub.unavailable')
    })
    await expect(ask()).rejects.toMatchObject({ code: 'chathub.unavailable' })
    expect(budget.status().usedInLastSecond).toBe(0)
  })

  it('takes another slot if the first expired before the request left, and reports it', async () => {
    let attempts = 0
    const { ask, budget, reports } = setUp(async (call) => {
      if (++attempts < 3) throw new SlotTooOld()
      return leaving(call)
    })
    await expect(ask()).resolves.toBe(reply)
    expect(attempts).toBe(3)
    expect(budget.status().usedInLastSecond).toBe(1)
    expect(reports).toEqual([{ name: 'slot-too-old' }, { name: 'slot-too-old' }])
  })

  it('pauses all calls as long as a 429 of ChatHub asks for', async () => {
    const { ask, queue, context, clock, reports } = setUp(async (call) => {
      call.maySend?.()
      throw new Failure('chathub.throttled', { retryAfterMs: 7000 })
    })
    await expect(ask()).rejects.toMatchObject({ code: 'chathub.throttled' })
    expect(reports).toEqual([{ name: 'upstream-paused', ms: 7000 }])
    const grantedAt = queue.acquireSlot(context('people')).then(() => clock.now())
    await pass(6999)
    expect(queue.waiting().people).toBe(1)
    await pass(25)
    expect(await grantedAt).toBeGreaterThanOrEqual(7000)
  })

  it('does not pause other calls when ChatHub throttles a login', async () => {
    const throttled = async () => {
      throw new Failure('chathub.throttled', { retryAfterMs: 7000 })
    }
    const { ask, queue, context, clock, reports } = setUp(throttled, 5, 'login')
    await expect(ask()).rejects.toMatchObject({ code: 'chathub.throttled' })
    const grantedAt = queue.acquireSlot(context('people')).then(() => clock.now())
    await pass(0)
    expect(reports).toEqual([])
    expect(await grantedAt).toBe(clock.now())
  })

  it('does not pause for any other failure', async () => {
    const { ask, budget } = setUp(async () => {
      throw new Failure('chathub.timeout', { retryAfterMs: 7000 })
    })
    await expect(ask()).rejects.toMatchObject({ code: 'chathub.timeout' })
    expect(budget.status().pausedForMs).toBe(0)
  })
})
