import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { createConnectionBurst } from '../../src/http/connection-burst.ts'

const open = () => {
  let now = 0
  const burst = createConnectionBurst({ now: () => now })
  const told: string[] = []
  const pass = (ms: number): void => {
    now += ms
  }
  return { pass, burst, told, wait: (name: string) => burst.after(() => told.push(name)) }
}

describe('a burst of connections', () => {
  it('delays nothing while no connection arrives', () => {
    const { burst, told, wait } = open()
    wait('answer')
    expect([told, burst.isOpen()]).toEqual([['answer'], false])
  })

  it('ends with the first turn without a connection, and calls back in order', async () => {
    const { burst, told, wait } = open()
    burst.accepted()
    for (const name of ['a', 'b', 'c']) {
      wait(name)
      await nextTurn()
      burst.accepted()
    }
    expect(told).toEqual([])
    await nextTurn()
    await nextTurn()
    expect([told, burst.isOpen()]).toEqual([['a', 'b', 'c'], false])
  })

  it('ends 50 ms after the turn in which it began, however many connections follow', async () => {
    const { pass, burst, told, wait } = open()
    burst.accepted()
    // A long turn: its own time does not count.
    pass(1000)
    wait('answer')
    await nextTurn()
    for (let turn = 0; turn < 50; turn++) {
      expect(told).toEqual([])
      burst.accepted()
      pass(1)
      await nextTurn()
    }
    expect(told).toEqual(['answer'])
  })

  it('takes a third of the time at most while connections arrive in each turn', async () => {
    const { pass, burst } = open()
    let [held, all, isHeld] = [0, 0, false]
    for (let turn = 0; turn < 20_000; turn++) {
      burst.accepted()
      // A turn that works takes 10 ms, and one that lets connections in 0.1 ms.
      const wasOpen = turn > 0 && isHeld
      const ms = wasOpen ? 0.1 : 10
      pass(ms)
      await nextTurn()
      isHeld = burst.isOpen()
      all += ms
      if (wasOpen) held += ms
    }
    expect(held / all).toBeLessThan(0.35)
    expect(held / all).toBeGreaterThan(0.2)
  })
})
