import { describe, expect, it } from '@jest/globals'
import type { Report } from '../../src/report.ts'
import { createStorage, type Usage } from '../../src/writes/storage.ts'
import { createClock } from '../support/clock.ts'

const rows = (count: number, length = 90) =>
  Array.from({ length: count }, () => ({ name: 'x'.repeat(length) }))
/** 101 rows take 10,100 bytes. */
const large = rows(101)

const setUp = async (usage: Usage | 'unbounded' | undefined = { usedBytes: 50_000, maxBytes: 100_000 }) => {
  const clock = createClock()
  const reports: Report[] = []
  const now: { usage: Usage | 'unbounded' | undefined } = { usage }
  const storage = createStorage({
    usage: async () => now.usage,
    highPercent: 80,
    clock,
    report: (report) => reports.push(report),
  })
  await clock.advance(1000)
  const write = (written = large, work = async () => 'kept') =>
    storage.withRoom(written, work).catch(({ code }) => code)
  return { clock, storage, now, reports, write }
}

describe('the room for large writes', () => {
  it('ends between two looks too, and small writes find room', async () => {
    const { clock, write, storage } = await setUp()
    for (let i = 0; i < 3; i++) expect(await write()).toBe('kept')
    expect([await write(), storage.status().state]).toEqual(['storage.full', 'full'])
    expect(await write(rows(100))).toBe('kept')
    await clock.advance(1000)
    expect([await write(), storage.status().state]).toEqual(['kept', 'ok'])
  })

  it('is not taken by writes that are refused, and is by those that run', async () => {
    const { clock, write } = await setUp()
    for (let i = 0; i < 20; i++)
      expect(
        await write(large, () => Promise.reject(Object.assign(new Error(), { code: 'quota.exceeded' }))),
      ).toBe('quota.exceeded')
    let end = (_: string): void => {}
    const running = write(rows(1000, 30), () => new Promise<string>((resolve) => (end = resolve)))
    await clock.advance(1000)
    expect(await write()).toBe('storage.full')
    end('kept')
    expect(await running).toBe('kept')
    await clock.advance(1000)
    expect(await write()).toBe('kept')
  })

  it('is told once when it ends and once when it is there again; what is not known changes nothing', async () => {
    const { clock, now, reports, write, storage } = await setUp({ usedBytes: 81, maxBytes: 100 })
    now.usage = undefined
    await clock.advance(5000)
    expect(await write()).toBe('storage.full')
    now.usage = 'unbounded'
    await clock.advance(1000)
    expect([await write(), storage.status()]).toEqual([
      'kept',
      { state: 'unbounded', usedBytes: null, maxBytes: null },
    ])
    expect(reports).toEqual([
      { name: 'storage', state: 'full', usedBytes: 81, maxBytes: 100 },
      { name: 'storage', state: 'ok' },
    ])
  })
})
