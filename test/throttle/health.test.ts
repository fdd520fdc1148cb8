import { expect, it } from '@jest/globals'
import { CallerGaveUp, type Exchange } from '../../src/chathub/exchange.ts'
import { Failure, type FailureCode } from '../../src/errors.ts'
import { createHealth } from '../../src/throttle/health.ts'
import { createClock, settle } from '../support/clock.ts'

const setUp = (probeMs = 20_000) => {
  const clock = createClock()
  const health = createHealth({ clock, probeMs })
  let outcome: Failure | undefined
  const probes: { lane: string; atMs: number }[] = []
  const startedAt = clock.now()
  const exchange = health.withHealth((async () => {
    if (outcome) throw outcome
    return {}
  }) as unknown as Exchange)
  const ask = () => exchange({} as never).catch(() => {})
  return {
    clock,
    health,
    probes,
    ask,
    answers: (code?: FailureCode, cause?: Error) => {
      outcome = code && new Failure(code, { cause })
    },
    probe: (context: { lane: string }) => {
      probes.push({ lane: context.lane, atMs: clock.now() - startedAt })
      return ask()
    },
  }
}

it('the state is unknown until a call proves one, and then says since when and when it was last proven', async () => {
  const { health, clock, ask, answers } = setUp()
  const startedAt = clock.wall()
  expect(health.status()).toEqual({ state: 'unknown', since: startedAt, checkedAt: null })
  await clock.advance(1000)
  await ask()
  await clock.advance(1000)
  await ask()
  expect(health.status()).toEqual({ state: 'ok', since: startedAt + 1000, checkedAt: startedAt + 2000 })
  answers('chathub.credentials')
  await clock.advance(1000)
  await ask()
  expect(health.status()).toEqual({ state: 'refused', since: startedAt + 3000, checkedAt: startedAt + 3000 })
})

it.each<[FailureCode, Error | undefined, string]>([
  ['chathub.unavailable', undefined, 'unavailable'],
  ['chathub.timeout', undefined, 'unavailable'],
  ['chathub.credentials', undefined, 'refused'],
  ['chathub.forbidden', undefined, 'ok'],
  ['chathub.throttled', undefined, 'ok'],
  ['chathub.timeout', new CallerGaveUp('left'), 'unknown'],
  ['queue.full', undefined, 'unknown'],
])('after %s with the cause %s the state is %s', async (code, cause, state) => {
  const { health, ask, answers } = setUp()
  answers(code, cause)
  await ask()
  expect(health.status().state).toBe(state)
})

it('the gateway asks at once, and then 15 to 30 s after the last call, in the lowest lane', async () => {
  const { health, clock, probes, probe, ask } = setUp()
  health.start(probe)
  await clock.advance(0)
  expect(probes).toEqual([{ lane: 'refreshes', atMs: 0 }])
  for (let second = 0; second < 300; second++) await clock.advance(1000)
  const pauses = probes.slice(1).map(({ atMs }, i) => atMs - (probes[i]?.atMs as number))
  expect(pauses.length).toBeGreaterThanOrEqual(9)
  for (const ms of pauses) expect([ms >= 15_000, ms <= 30_000]).toEqual([true, true])

  // Calls of others prove the state, so nothing more is asked.
  probes.length = 0
  for (let i = 0; i < 20; i++) {
    await ask()
    await clock.advance(14_000)
  }
  expect(probes).toEqual([])
  health.stop()
  await clock.advance(600_000)
  expect(probes).toEqual([])
})

it('the gateway never asks by itself when the setting is 0', async () => {
  const { health, clock, probes, probe } = setUp(0)
  health.start(probe)
  await clock.advance(600_000)
  expect(probes).toEqual([])
})

it('a check asks once for all who wait, not again within seconds, and sooner after a failure', async () => {
  const { health, clock, ask, answers } = setUp()
  let asked = 0
  const check = () =>
    health.check(() => {
      asked++
      return ask()
    })
  expect(await Promise.all([check(), check()])).toEqual(['ok', 'ok'])
  await clock.advance(4999)
  await check()
  expect(asked).toBe(1)
  answers('chathub.unavailable')
  await clock.advance(1)
  expect(await check()).toBe('unavailable')
  answers()
  await clock.advance(1000)
  expect(await check()).toBe('ok')
  await settle()
  expect(asked).toBe(3)
})
