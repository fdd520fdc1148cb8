import { expect, it } from '@jest/globals'
import { createReadAges } from '../../src/metrics/read-ages.ts'
import { createClock } from '../support/clock.ts'

it('the ages that readers got are a mean, a p95 and shares, of the last minutes', async () => {
  const clock = createClock()
  const ages = createReadAges(clock)
  expect(ages.status()).toMatchObject({ meanAgeSeconds: null, p95AgeSeconds: null, fresh: 0 })
  ages.add('fresh', 10_000, 90)
  ages.add('revalidated', 100_000, 6)
  ages.add('waited', 0, 3)
  ages.add('stale', 1000_000, 1)
  const { p95AgeSeconds, ...rest } = ages.status()
  expect(rest).toEqual({ meanAgeSeconds: 25, fresh: 0.9, revalidated: 0.06, waited: 0.03, stale: 0.01 })
  expect(p95AgeSeconds).toBeGreaterThanOrEqual(100)
  expect(p95AgeSeconds).toBeLessThanOrEqual(105.1)
  await clock.advance(300_000)
  ages.add('fresh', 0, 50)
  expect(ages.status()).toMatchObject({ meanAgeSeconds: 12.5, fresh: 0.95 })
  await clock.advance(365 * 86_400_000)
  expect(ages.status()).toMatchObject({ meanAgeSeconds: null })
})
