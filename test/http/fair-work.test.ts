import { describe, expect, it } from '@jest/globals'
import { createFairWork } from '../../src/http/fair-work.ts'

describe('fair work', () => {
  it('gives each client a turn: one with much work delays another by one piece', async () => {
    const fairWork = createFairWork()
    const order: string[] = []
    const work = (client: string) => fairWork(client, () => void order.push(client))
    await Promise.all([work('many'), work('many'), work('many'), work('many'), work('few')])
    expect(order).toEqual(['many', 'few', 'many', 'many', 'many'])
  })

  it('runs one piece at a time, and lets the event loop turn between two', async () => {
    const fairWork = createFairWork()
    let running = 0
    let turns = 0
    const count = (): void => {
      turns++
      if (turns < 100) setImmediate(count)
    }
    setImmediate(count)
    const seen: number[] = []
    const piece = async (): Promise<void> => {
      expect(++running).toBe(1)
      seen.push(turns)
      await Promise.resolve()
      running--
    }
    await Promise.all([fairWork('a', piece), fairWork('a', piece), fairWork('b', piece)])
    expect(new Set(seen).size).toBe(3)
  })

  it('gives what the work gives, and goes on after a failure', async () => {
    const fairWork = createFairWork()
    const failing = fairWork('a', () => {
      throw new Error('broken')
    })
    const next = fairWork('a', () => 7)
    await expect(failing).rejects.toThrow('broken')
    await expect(next).resolves.toBe(7)
    await expect(fairWork('a', async () => 8)).resolves.toBe(8)
  })
})
