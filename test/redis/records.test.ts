import { describe, expect, it } from '@jest/globals'
import { createMemoryRecords } from '../../src/redis/records.ts'
import { createClock } from '../support/clock.ts'

describe('records in memory', () => {
  it('are bounded by bytes: the longest unused goes first, and one that is too large is not kept', async () => {
    const records = createMemoryRecords(createClock(), 10_000)
    const big = 'x'.repeat(1500)
    for (const key of ['a', 'b', 'c']) await records.put(key, big, 1000)
    await records.get('a')
    await records.put('d', big, 1000)
    const kept = async (key: string) => (await records.get(key)) !== undefined
    expect([await kept('a'), await kept('b'), await kept('c'), await kept('d')]).toEqual([
      true,
      false,
      true,
      true,
    ])
    await records.put('e', 'x'.repeat(10_000), 1000)
    expect([await kept('e'), await kept('a')]).toEqual([false, true])
  })

  it('that ran out push nothing out that still counts', async () => {
    const clock = createClock()
    const records = createMemoryRecords(clock, 121_000)
    await records.put('long', 1, 10_000)
    for (let i = 0; i < 998; i++) await records.put(`short ${i}`, 1, 100)
    await clock.advance(100)
    for (let i = 0; i < 900; i++) await records.put(`next ${i}`, 1, 100)
    expect(await records.get('long')).toBe(1)
  })
})
