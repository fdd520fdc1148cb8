import { expect, it } from '@jest/globals'
import { createRoundTrip } from '../../src/redis/round-trip.ts'

const limitAfter = (samples: number[], minMs = 50, maxMs = 1000): number => {
  const roundTrip = createRoundTrip(minMs, maxMs)
  for (const ms of samples) roundTrip.note(ms)
  return roundTrip.limitMs()
}

it.each([
  ['nothing was measured', [], 50],
  ['Redis is near', [1, 1, 1], 50],
  ['Redis is 5 ms away', [5], 50],
  ['Redis is 40 ms away', [40], 160],
  ['Redis is 120 ms away', [118, 120, 125], 480],
  ['Redis is very far away', [400], 1000],
  ['one answer of five was slow', [1, 1, 900, 1, 1], 50],
  ['three of five are slow, so Redis has moved', [1, 1, 120, 120, 120], 480],
  ['six were measured: the first is forgotten', [900, 900, 900, 1, 1, 1], 50],
])('the time limit when %s', (_, samples, limit) => {
  expect(limitAfter(samples)).toBe(limit)
})

it('the least wait that is set counts beyond the bound', () => {
  expect(limitAfter([120], 2000, 1000)).toBe(2000)
})
