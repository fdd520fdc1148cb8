import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createWaitingRoom } from '../../src/http/waiting-room.ts'

const waitMs = 100
const turnMs = 10

/** A room whose clock moves by the work of each request alone. */
const open = () => {
  let now = 0
  let isBurst = false
  type Waiting = { begin(): void; refuse(): void; isGone(): boolean }
  const room = createWaitingRoom<Waiting>({
    clock: { now: () => now, wall: () => now, after: () => () => {} },
    waitMs,
    connectionBurst: { isOpen: () => isBurst },
    begin: (request) => request.begin(),
    refuse: (request) => request.refuse(),
    isGone: (request) => request.isGone(),
  })
  const told: string[] = []
  /** The work of the turn, ms. */
  let work = 0
  return {
    told,
    time: () => now,
    burst: (isOpen: boolean): void => {
      isBurst = isOpen
    },
    arrive: (name: string, costMs: number, isGone = () => false, ended = () => {}): void => {
      room.passed(now)
      const begin = (): void => {
        told.push(`begun ${name}`)
        now += costMs
        work += costMs
        ended()
      }
      room.enter({ begin, refuse: () => told.push(`refused ${name}`), isGone }, now)
    },
    /** As a write that was let in and waited for its turn elsewhere. */
    enter: (name: string, costMs: number): void => {
      const begin = (): void => {
        told.push(`begun ${name}`)
        now += costMs
      }
      room.enter({ begin, refuse: () => {}, isGone: () => false }, now)
    },
    /** Gives the work of the turn that ends. */
    turn: async (): Promise<number> => {
      work = 0
      await nextTurn()
      return work
    },
    pass: (ms: number): void => {
      now += ms
    },
  }
}

describe('the waiting room', () => {
  it('begins at once what the turn has time for, then the others in order', async () => {
    const { arrive, told, turn } = open()
    for (const name of ['a', 'b', 'c', 'd', 'e']) arrive(name, 5)
    expect(told).toEqual(['begun a', 'begun b'])
    while (told.length < 5) await turn()
    expect(told.slice(2)).toEqual(['begun c', 'begun d', 'begun e'])
  })

  it('counts the work of each request, also of those that enter right after another', async () => {
    const { enter, told, turn } = open()
    for (const name of ['a', 'b', 'c', 'd']) enter(name, 5)
    expect(told).toEqual(['begun a', 'begun b'])
    while (told.length < 4) await turn()
    expect(told.slice(2)).toEqual(['begun c', 'begun d'])
  })

  it('begins the newest first once the oldest has waited for half of the time', async () => {
    const { arrive, told, turn } = open()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) arrive(name, 15)
    while (told.length < 7) await turn()
    expect(told.map((line) => line.at(-1)).join('')).toBe('abcdegf')
  })

  it('at ten times the load that can be carried spends nine tenths of its time on answers that come in time', async () => {
    const { arrive, told, turn, pass, time } = open()
    // A request costs 1 ms, and its caller leaves after 200 ms.
    let arrivedUntil = 0
    let good = 0
    while (time() < 2000) {
      for (; arrivedUntil < time(); arrivedUntil += 0.1) {
        const since = arrivedUntil
        const isGone = () => time() - since > 200
        arrive('x', 1, isGone, () => void (isGone() || good++))
      }
      await turn()
      if (told.length === 0) pass(1)
    }
    expect(good / time()).toBeGreaterThan(0.9)
  })

  it('refuses what has waited too long, and nothing that is begun', async () => {
    const { arrive, told, turn } = open()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'old']) arrive(name, 15)
    while (told.length < 5) await turn()
    for (const name of ['x', 'y', 'z']) {
      arrive(name, 15)
      await turn()
    }
    await turn()
    expect(told.slice(5)).toEqual(['begun x', 'begun y', 'begun z', 'refused old'])
  })

  it('begins nothing while connections are let in, and everything after', async () => {
    const { arrive, told, turn, burst } = open()
    arrive('a', 1)
    burst(true)
    for (const name of ['b', 'c']) arrive(name, 1)
    for (let turns = 0; turns < 5; turns++) await turn()
    expect(told).toEqual(['begun a'])
    burst(false)
    while (told.length < 3) await turn()
    expect(told).toEqual(['begun a', 'begun b', 'begun c'])
  })

  it('refuses nothing because the process stood still', async () => {
    const { arrive, told, turn, pass } = open()
    arrive('long', turnMs)
    for (const name of ['a', 'b', 'c']) arrive(name, 1)
    pass(100 * waitMs)
    while (told.length < 4) await turn()
    expect(told).toEqual(['begun long', 'begun a', 'begun b', 'begun c'])
  })

  it('begins nothing for a client that has left', async () => {
    const { arrive, told, turn } = open()
    arrive('first', turnMs)
    arrive('gone', 1, () => true)
    arrive('last', 1)
    for (let turns = 0; turns < 5; turns++) await turn()
    expect(told).toEqual(['begun first', 'begun last'])
  })

  it('keeps 10,000 requests at most: the oldest is refused', () => {
    const { arrive, told } = open()
    arrive('first', turnMs)
    for (let number = 1; number <= 10_001; number++) arrive(`${number}`, 1)
    expect(told).toEqual(['begun first', 'refused 1'])
  })

  it('begins or refuses each request once, and no turn has more than 10 ms of work and one request', async () => {
    const request = fc.record({ costMs: fc.integer({ min: 0, max: 30 }), isGone: fc.boolean() })
    const turns = fc.array(fc.array(request, { maxLength: 8 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(turns, async (arrivals) => {
        const { arrive, told, turn, pass } = open()
        const all: string[] = []
        for (const [number, requests] of arrivals.entries()) {
          pass(number % 3)
          // What arrives in one turn: the first request, and others while there is time.
          let direct = 0
          for (const [index, { costMs, isGone }] of requests.entries()) {
            const before = told.length
            if (!isGone) all.push(`${number}.${index}`)
            arrive(`${number}.${index}`, costMs, () => isGone && index > 0)
            if (isGone && index === 0) all.push(`${number}.0`)
            if (told.length > before) {
              expect(direct).toBeLessThan(turnMs)
              direct += costMs
            }
          }
          expect(await turn()).toBeLessThan(turnMs + 30)
        }
        const seen = () => new Set(told.map((line) => line.split(' ')[1]))
        for (let left = 0; left < 200 && all.some((name) => !seen().has(name)); left++) await turn()
        expect(told.length).toBe(seen().size)
        expect(all.filter((name) => !seen().has(name))).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})
