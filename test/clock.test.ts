import { describe, expect, it } from '@jest/globals'
import { alone, atEndOfTurn, every, inSlices, nextSlice, pause, systemClock } from '../src/clock.ts'
import { createClock, settle } from './support/clock.ts'

describe('alone', () => {
  it('leaves out a run while the one before goes on, and runs again after a failure', async () => {
    const ends: (() => void)[] = []
    const run = alone(() => new Promise((_, reject) => ends.push(() => reject(new Error('failed')))))
    run()
    run()
    expect(ends).toHaveLength(1)
    ends[0]?.()
    await settle()
    run()
    expect(ends).toHaveLength(2)
  })
})

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

describe('work in slices', () => {
  it('goes on after what ends a turn, also when that comes later in the turn', async () => {
    const order: string[] = []
    const slice = nextSlice().then(() => order.push('slice'))
    atEndOfTurn(() => order.push('answer'))
    atEndOfTurn(() => order.push('another answer'))
    await slice
    expect(order).toEqual(['answer', 'another answer', 'slice'])
  })

  it('takes turns: between two iterations of the event loop one of all that wait goes on', async () => {
    const worked: number[] = []
    const spin = (worker: number): void => {
      for (const until = performance.now() + 0.5; performance.now() < until; );
      worked.push(worker)
    }
    const workers = Array.from({ length: 8 }, (_, worker) =>
      inSlices(
        Array.from({ length: 5 }, () => worker),
        spin,
      ),
    )
    let isOver = false
    const all = Promise.all(workers).then(() => {
      isOver = true
    })
    worked.length = 0 // the first item of each is worked on before anything waits
    const rounds: number[][] = []
    while (!isOver) {
      rounds.push(worked.splice(0))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await all
    const busy = rounds.filter(({ length }) => length > 0)
    expect(busy.filter(({ length }) => length > 1)).toEqual([])
    expect(busy.flat()).toEqual(Array.from({ length: 32 }, (_, turn) => turn % 8))
  })
})
