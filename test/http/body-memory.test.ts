import { describe, expect, it } from '@jest/globals'
import { createBodyMemory, heapShare } from '../../src/http/body-memory.ts'
import { createClock } from '../support/clock.ts'

const KiB = 1024

describe('the memory of bodies', () => {
  it('holds so many bytes at a time; a smaller body still fits where a large one does not', () => {
    const { enter } = createBodyMemory({
      bodiesBytesMax: 1000 * KiB,
      heapShare: () => 0,
      clock: createClock(),
    })
    const leave = enter(900 * KiB)
    expect(() => enter(101 * KiB)).toThrow('server.overloaded')
    enter(100 * KiB)
    expect(() => enter(1)).toThrow('server.overloaded')
    enter(0)
    leave()
    enter(900 * KiB)
  })

  it('takes no large body while the heap is nearly full, and looks again after 100 ms', async () => {
    const clock = createClock()
    let share = 0.9
    const { enter } = createBodyMemory({ bodiesBytesMax: 1000 * KiB, heapShare: () => share, clock })
    expect(() => enter(64 * KiB)).toThrow('server.overloaded')
    enter(63 * KiB)
    share = 0.8
    expect(() => enter(64 * KiB)).toThrow('server.overloaded')
    await clock.advance(100)
    enter(64 * KiB)
  })

  it('knows the share of the heap that is in use', () => {
    expect(heapShare()).toBeGreaterThan(0)
    expect(heapShare()).toBeLessThan(1)
  })
})
