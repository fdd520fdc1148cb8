import { expect, it } from '@jest/globals'
import { createRecentLoad } from '../../src/metrics/recent-load.ts'
import { createClock } from '../support/clock.ts'

it('keeps a sample each five seconds, those of the last ten minutes, the oldest first', async () => {
  const clock = createClock()
  let used = 0
  const load = createRecentLoad(clock, () => ({ used: used++, allowed: 5, waiting: 0 }))
  expect(load.samples()).toEqual([])
  await clock.advance(10_000)
  expect(load.samples()).toEqual([
    { at: '2026-01-01T00:00:05.000Z', used: 0, allowed: 5, waiting: 0 },
    { at: '2026-01-01T00:00:10.000Z', used: 1, allowed: 5, waiting: 0 },
  ])
  await clock.advance(600_000)
  expect([load.samples().length, load.samples()[0]?.used, load.samples().at(-1)?.used]).toEqual([120, 2, 121])
  load.stop()
  expect(clock.pending()).toBe(0)
})
