import { describe, expect, it } from '@jest/globals'
import { every, pause, systemClock } from '../src/clock.ts'
import { createClock } from './support/clock.ts'

describe('every', () => {
  it('runs its callback once per period until it is stopped', async () => {
    const clock = createClock()
    const ranAt: number[] = []
    const stop = every(clock, 100, () => ranAt.push(clock.now()))
    await clock.advance(250)
    stop()
    await clock.advance(1000)
    expect(ranAt).toEqual([100, 200])
    expect(clock.pending()).toBe(0)
  })

  it('can be stopped from inside its callback', async () => {
    const clock = createClock()
    let runs = 0
    const stop = every(clock, 100, () => {
      runs++
      stop()
    })
    await clock.advance(1000)
    expect(runs).toBe(1)
    expect(clock.pending()).toBe(0)
  })

  it('goes on after a callback that throws', async () => {
    const clock = createClock()
    let runs = 0
    every(clock, 100, () => {
      runs++
      throw new Error('one run failed')
    })
    await expect(clock.advance(100)).rejects.toThrow('one run failed')
    await expect(clock.advance(100)).rejects.toThrow('one run failed')
    expect(runs).toBe(2)
  })
})

describe('pause', () => {
  it('resolves when its time has passed, or at once when its signal is aborted', async () => {
    const clock = createClock()
    const resolved: string[] = []
    const abort = new AbortController()
    void pause(clock, 100).then(() => resolved.push('time'))
    void pause(clock, 1000, abort.signal).then(() => resolved.push('signal'))
    await clock.advance(100)
    expect(resolved).toEqual(['time'])
    abort.abort()
    await clock.advance(0)
    expect(resolved).toEqual(['time', 'signal'])
    await pause(clock, 1000, abort.signal)
    expect(clock.pending()).toBe(0)
  })
})

describe('the clock of the system', () => {
  it('runs a timer after its time, and does not run a cancelled one', async () => {
    const startedAt = systemClock.now()
    let cancelledRan = false
    systemClock.after(1, () => {
      cancelledRan = true
    })()
    await new Promise<void>((resolve) => systemClock.after(5, resolve))
    expect(systemClock.now()).toBeGreaterThan(startedAt)
    expect(Math.abs(systemClock.wall() - Date.now())).toBeLessThan(60_000)
    expect(cancelledRan).toBe(false)
  })
})
