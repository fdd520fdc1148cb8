import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Call, CallerGaveUp } from '../../src/chathub/exchange.ts'
import { Failure, type FailureCode } from '../../src/errors.ts'
import type { Report } from '../../src/report.ts'
import { createBreaker } from '../../src/throttle/breaker.ts'
import { createClock, settle } from '../support/clock.ts'

const reply = { status: 200, body: Buffer.alloc(0), sentAt: 0 }
const call: Call = {
  operation: 'operators',
  method: 'GET',
  path: '/',
  write: false,
  context: { lane: 'people', client: 'crm', deadline: 60_000 },
}

/** A breaker before an exchange whose behavior `set` replaces. */
const setUp = () => {
  const clock = createClock()
  const reports: Report[] = []
  const breaker = createBreaker({ clock, report: (told) => reports.push(told) })
  let sent = 0
  let behave = async (): Promise<typeof reply> => reply
  const exchange = breaker.withBreaker(async () => {
    sent++
    return behave()
  })
  const ask = (deadline = call.context.deadline) =>
    exchange({ ...call, context: { ...call.context, deadline } }).catch((error: Failure) => error)
  const fail = async (code: FailureCode, times: number, cause?: Error | undefined) => {
    behave = async () => {
      throw new Failure(code, cause ? { cause } : {})
    }
    for (let i = 0; i < times; i++) await ask()
    behave = async () => reply
  }
  return {
    ask,
    breaker,
    clock,
    fail,
    states: () => reports.map((told) => 'state' in told && told.state),
    sent: () => sent,
    set: (next: typeof behave) => {
      behave = next
    },
  }
}
/** An exchange that answers only when `finish` is called. */
const heldExchange = () => {
  let finish = (_: typeof reply | Failure): void => {}
  const held = new Promise<typeof reply>((resolve, reject) => {
    finish = (outcome) => (outcome instanceof Failure ? reject(outcome) : resolve(outcome))
  })
  return { exchange: () => held, finish: (outcome: typeof reply | Failure) => finish(outcome) }
}

const answers: FailureCode[] = [
  'chathub.throttled',
  'chathub.credentials',
  'chathub.forbidden',
  'chathub.rejected',
  'chathub.invalid-response',
]

describe('the breaker before ChatHub', () => {
  it.each<FailureCode>(['chathub.unavailable', 'chathub.timeout'])(
    'opens after five %s in a row and then refuses calls at once, with a Retry-After that holds',
    async (code) => {
      const { ask, breaker, clock, fail, sent, states } = setUp()
      await fail(code, 4)
      expect(breaker.state()).toBe('closed')
      await fail(code, 1)
      expect(breaker.state()).toBe('open')
      expect(states()).toEqual(['open'])
      await clock.advance(300)
      expect(await ask()).toMatchObject({ code: 'chathub.unavailable', retryAfterMs: 1700, inDoubt: false })
      await clock.advance(1000)
      expect(await ask()).toMatchObject({ retryAfterMs: 1000 })
      expect(sent()).toBe(5)
    },
  )

  it('counts failures in a row anew after each answer', async () => {
    const { ask, breaker, fail } = setUp()
    await fail('chathub.unavailable', 4)
    await ask()
    await fail('chathub.unavailable', 4)
    expect(breaker.state()).toBe('closed')
  })

  it('opens when half of twenty calls within ten seconds failed, and not at nineteen', async () => {
    const { ask, breaker, clock, fail } = setUp()
    for (let i = 0; i < 9; i++) {
      await ask()
      await fail('chathub.timeout', 1)
      await clock.advance(1000)
    }
    await ask()
    expect(breaker.state()).toBe('closed')
    await fail('chathub.timeout', 1)
    expect(breaker.state()).toBe('open')
  })

  it('forgets calls that ended more than ten seconds ago', async () => {
    const { ask, breaker, clock, fail } = setUp()
    for (let i = 0; i < 9; i++) {
      await fail('chathub.timeout', 1)
      await ask()
    }
    await clock.advance(10_000)
    await ask()
    await fail('chathub.timeout', 1)
    expect(breaker.state()).toBe('closed')
  })

  it('opens exactly when one of its two rules holds, whatever the order of answers and failures', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.constantFrom(0, 0, 1000, 3000)), { maxLength: 60 }),
        async (sequence) => {
          const { ask, breaker, clock, fail } = setUp()
          const ended: { second: number; failed: boolean }[] = []
          for (const [failed, ms] of sequence) {
            await clock.advance(ms)
            await (failed ? fail('chathub.timeout', 1) : ask())
            ended.push({ second: clock.now() / 1000, failed })
            const recent = ended.filter(({ second }) => second > clock.now() / 1000 - 10)
            const failures = recent.filter((each) => each.failed).length
            const inRow = ended.length >= 5 && ended.slice(-5).every((each) => each.failed)
            const mostly = failed && recent.length >= 20 && failures >= recent.length / 2
            expect(breaker.state()).toBe(inRow || mostly ? 'open' : 'closed')
            if (breaker.state() === 'open') return
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it.each<FailureCode>([...answers, 'queue.full'])(
    'does not count %s as a failure of ChatHub',
    async (code) => {
      const { breaker, fail, sent } = setUp()
      await fail(code, 30)
      expect(breaker.state()).toBe('closed')
      expect(sent()).toBe(30)
    },
  )

  it('does not count calls whose caller gave up', async () => {
    const { breaker, fail } = setUp()
    await fail('chathub.timeout', 30, new CallerGaveUp('the caller gave up'))
    expect(breaker.state()).toBe('closed')
  })

  it('does not count an outcome that arrives after the breaker has opened and closed again', async () => {
    const { ask, breaker, clock, fail, set } = setUp()
    const late = heldExchange()
    set(late.exchange)
    const slow = Array.from({ length: 5 }, () => ask())
    await fail('chathub.unavailable', 5)
    await clock.advance(2000)
    await ask()
    expect(breaker.state()).toBe('closed')
    late.finish(new Failure('chathub.timeout'))
    await Promise.all(slow)
    expect(breaker.state()).toBe('closed')
  })

  it('sends one trial after two seconds and closes on its answer, while the other calls wait', async () => {
    const { ask, breaker, clock, fail, sent, set, states } = setUp()
    await fail('chathub.unavailable', 5)
    await clock.advance(1999)
    await ask()
    expect(sent()).toBe(5)
    await clock.advance(1)
    const held = heldExchange()
    set(held.exchange)
    const trial = ask()
    const others = [ask(), ask(), ask()]
    await settle()
    expect(breaker.state()).toBe('half-open')
    expect(sent()).toBe(6)
    set(async () => reply)
    held.finish(reply)
    expect(await trial).toBe(reply)
    expect(await Promise.all(others)).toEqual([reply, reply, reply])
    expect(states()).toEqual(['open', 'half-open', 'closed'])
  })

  it('lets no call wait for a trial beyond the deadline of that call', async () => {
    const { ask, clock, fail, sent, set } = setUp()
    await fail('chathub.unavailable', 5)
    await clock.advance(2000)
    const held = heldExchange()
    set(held.exchange)
    const trial = ask()
    const [patient, brief] = [ask(), ask(clock.now() + 1000)]
    await clock.advance(1000)
    expect(await brief).toMatchObject({ code: 'chathub.unavailable', retryAfterMs: 1000, inDoubt: false })
    expect(sent()).toBe(6)
    held.finish(reply)
    expect(await Promise.all([trial, patient])).toEqual([reply, reply])
  })

  it('opens again for two seconds when the trial fails, and refuses the calls that waited for it', async () => {
    const { ask, breaker, clock, fail, sent, set } = setUp()
    await fail('chathub.unavailable', 5)
    await clock.advance(2000)
    const held = heldExchange()
    set(held.exchange)
    const asked = [ask(), ask()]
    await settle()
    held.finish(new Failure('chathub.timeout'))
    expect(await Promise.all(asked)).toMatchObject([
      { code: 'chathub.timeout' },
      { code: 'chathub.unavailable', retryAfterMs: 2000 },
    ])
    expect(breaker.state()).toBe('open')
    expect(sent()).toBe(6)
  })

  it.each(answers)('closes when ChatHub answers the trial with %s', async (code) => {
    const { breaker, clock, fail } = setUp()
    await fail('chathub.unavailable', 5)
    await clock.advance(2000)
    await fail(code, 1)
    expect(breaker.state()).toBe('closed')
  })

  it.each<[FailureCode, Error | undefined]>([
    ['queue.full', undefined],
    ['chathub.timeout', new CallerGaveUp('the caller gave up')],
  ])('opens again when the trial ends with %s before ChatHub had its time', async (code, cause) => {
    const { ask, breaker, clock, fail, sent } = setUp()
    await fail('chathub.unavailable', 5)
    await clock.advance(2000)
    await fail(code, 1, cause)
    expect(breaker.state()).toBe('open')
    await clock.advance(2000)
    expect(await ask()).toBe(reply)
    expect(breaker.state()).toBe('closed')
    expect(sent()).toBe(7)
  })
})
