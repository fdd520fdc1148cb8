import { expect, it } from '@jest/globals'
import { createKeyUses } from '../../src/access/key-uses.ts'
import { hashKey } from '../../src/access/keys.ts'
import { createClock } from '../support/clock.ts'
import { createTestRecords } from './records.ts'

it('a use of a key is stored once a minute by each instance, nobody waits for it, and all instances see it', async () => {
  const clock = createClock()
  const records = createTestRecords(clock)
  const [one, two] = [createKeyUses({ records, clock }), createKeyUses({ records, clock })]
  const hash = hashKey('a-key')
  const firstAt = clock.wall()
  for (let i = 0; i < 50; i++) {
    one.used(hash)
    await clock.advance(1000)
  }
  expect(records.calls).toEqual(['put key-used'])
  expect(await two.lastOf(hash)).toBe(firstAt)
  await clock.advance(10_000)
  one.used(hash)
  expect(await two.lastOf(hash)).toBe(firstAt + 60_000)
  records.away = true
  await clock.advance(60_000)
  one.used(hash)
  expect(await one.lastOf(hash)).toBeUndefined()
  expect(records.stored()).not.toContain(hash)
})
