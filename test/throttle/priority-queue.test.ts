import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Lane } from '../../src/chathub/exchange.ts'
import type { Slot } from '../../src/throttle/budget.ts'
import { until } from '../chathub/at-simulator.ts'
import { createHandLanes, windowMs } from './queue-harness.ts'

const nobody = { people: 0, writes: 0, imports: 0, refreshes: 0 }

describe('the lanes before ChatHub', () => {
  it('let people go before writes, writes before imports, imports before refreshes', async () => {
    const { enter, context, exhaust, pass, story } = createHandLanes(1)
    exhaust()
    for (const lane of ['refreshes', 'imports', 'writes', 'people'] as const) void enter(lane, context(lane))
    for (let i = 0; i < 4; i++) await pass(windowMs)
    expect(story).toEqual(['people', 'writes', 'imports', 'refreshes'])
  })

  it('let a person go first who comes while imports wait for their share', async () => {
    const { enter, context, pass, story } = createHandLanes(5)
    for (let i = 0; i < 5; i++) void enter(`import ${i}`, context('imports'))
    await pass(0)
    expect(story).toEqual(['import 0', 'import 1', 'import 2'])
    await enter('person', context('people'))
    expect(story.at(-1)).toBe('person')
  })

  it('keep the order of arrival among the first calls of many clients', async () => {
    const { enter, context, exhaust, pass, story } = createHandLanes(1)
    exhaust()
    for (const client of ['a', 'b', 'c', 'd']) void enter(client, context('people', client))
    for (let i = 0; i < 4; i++) await pass(windowMs)
    expect(story).toEqual(['a', 'b', 'c', 'd'])
  })

  it('let a client with one call pass a client with thirty', async () => {
    const { enter, context, exhaust, pass, story } = createHandLanes(1)
    exhaust()
    for (let i = 0; i < 30; i++) void enter(`greedy ${i}`, context('people', 'greedy'))
    void enter('modest', context('people', 'modest'))
    await pass(windowMs)
    await pass(windowMs)
    expect(story).toEqual(['greedy 0', 'modest'])
  })

  it('bound the queue, and drop the least urgent call for a more urgent one', async () => {
    const { enter, context, exhaust, lanes, pass, story } = createHandLanes(1, 3)
    exhaust()
    void enter('person 1', context('people', 'a'))
    void enter('refresh', context('refreshes'))
    void enter('import', context('imports'))
    await pass(0)
    await enter('late refresh', context('refreshes', 'b'))
    void enter('person 2', context('people', 'b'))
    void enter('write', context('writes'))
    await pass(0)
    expect(story).toEqual(['late refresh: queue.full', 'refresh: queue.full', 'import: queue.full'])
    expect(lanes.waiting()).toEqual({ ...nobody, people: 2, writes: 1 })
    await enter('another import', context('imports', 'b'))
    void enter('person 3', context('people', 'c'))
    await pass(0)
    expect(story.slice(3)).toEqual(['another import: queue.full', 'write: queue.full'])
    for (let i = 0; i < 3; i++) await pass(windowMs)
    expect(story.slice(5)).toEqual(['person 1', 'person 2', 'person 3'])
  })

  it('count only those who still wait against the bound', async () => {
    const { enter, context, exhaust, pass, story } = createHandLanes(1, 2)
    exhaust()
    const leaving = new AbortController()
    for (let i = 0; i < 2; i++) void enter(`gone ${i}`, { ...context('writes'), signal: leaving.signal })
    await pass(0)
    leaving.abort()
    await pass(0)
    for (let i = 0; i < 2; i++) void enter(`new ${i}`, context('refreshes', `c${i}`))
    for (let i = 0; i < 3; i++) await pass(windowMs)
    expect(story).toEqual(['gone 0: chathub.timeout', 'gone 1: chathub.timeout', 'new 0', 'new 1'])
  })

  it('refuse at once a call that cannot make its deadline, with a Retry-After that holds', async () => {
    const { clock, enter, context, exhaust, lanes, pass } = createHandLanes(1)
    exhaust()
    void enter('waits', context('people', 'a', 5000))
    await pass(0)
    const failure = await lanes.enter(context('people', 'b', 1500)).catch((error) => error)
    expect(failure.code).toBe('queue.full')
    expect(clock.now()).toBe(0)
    expect(failure.retryAfterMs).toBeGreaterThanOrEqual(1000)
    await pass(failure.retryAfterMs)
    const slot = lanes.enter(context('people', 'b', 1500))
    await pass(windowMs)
    expect((await slot).consume()).toBe(true)
  })

  it.each([
    [2 * windowMs + 499, 'second: queue.full'],
    [2 * windowMs + 501, 'second'],
    [100, 'second: queue.full'],
  ])('refuse a call whose turn comes too late for its answer: of %i ms left', async (left, told) => {
    const { enter, context, exhaust, pass, story } = createHandLanes(1, 200, 500)
    exhaust()
    void enter('first', context('people'))
    void enter('second', context('people', 'other', left))
    await pass(windowMs)
    await pass(windowMs)
    expect(story.toSorted()).toEqual(['first', told])
  })

  it('refuse a call at its deadline while it waits, and give its place to the next', async () => {
    const { budget, enter, context, exhaust, lanes, pass, story } = createHandLanes(1)
    exhaust()
    void enter('short', context('people', 'a', 1100))
    void enter('second', context('people', 'b', 4000))
    await pass(0)
    budget.pause(1500)
    await pass(1100)
    expect(story).toEqual(['short: queue.full'])
    expect(lanes.waiting().people).toBe(1)
    await pass(1000)
    expect(story).toEqual(['short: queue.full', 'second'])
  })

  it('end the wait of an aborted call at once, and never start one that was aborted before', async () => {
    const { budget, enter, context, exhaust, lanes, pass, story } = createHandLanes(1)
    const abort = new AbortController()
    exhaust()
    void enter('waiting', { ...context('people'), signal: abort.signal })
    await pass(0)
    abort.abort()
    await pass(0)
    await enter('before', { ...context('people'), signal: abort.signal })
    expect(story).toEqual(['waiting: chathub.timeout', 'before: chathub.timeout'])
    expect(lanes.waiting()).toEqual(nobody)
    await pass(windowMs)
    await enter('before', { ...context('people'), signal: abort.signal })
    expect(budget.status().usedInLastSecond).toBe(0)
  })

  it('do not let an import use the slot of a person who left, once their own share is used up', async () => {
    let leftInTime = 0
    // The slot is on its way for about a millisecond of real time; the person leaves in it nearly every time.
    for (let round = 0; round < 20; round++) {
      const { clock, enter, context, exhaust, pass, story } = createHandLanes(2)
      exhaust()
      const abort = new AbortController()
      void enter('import 1', context('imports', 'a'))
      void enter('import 2', context('imports', 'b'))
      void enter('person', { ...context('people'), signal: abort.signal })
      await clock.advance(windowMs)
      abort.abort()
      await pass(0)
      if (story.includes('person: chathub.timeout')) leftInTime++
      // Of 2 a second 2 − max(1, ⌊0.8⌋) = 1 is for the background.
      expect(story.filter((line) => line.startsWith('import'))).toEqual(['import 1'])
      await pass(windowMs)
      expect(story.at(-1)).toBe('import 2')
    }
    expect(leftInTime).toBeGreaterThan(0)
  })

  it('lose no slot and forget nobody, whatever order calls come, leave, abort and run out of time in', async () => {
    const lane = fc.constantFrom<Lane>('people', 'writes', 'imports', 'refreshes')
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ lane, client: fc.nat(3), ms: fc.integer({ min: 200, max: 9000 }) }),
      },
      { weight: 2, arbitrary: fc.record({ abort: fc.nat(30) }) },
      { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 0, max: 900 }) }) },
      { weight: 1, arbitrary: fc.record({ done: fc.nat(30) }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { minLength: 10, maxLength: 50 }),
        async (n, queueMax, sequence) => {
          const { clock, budget, lanes, pass } = createHandLanes(n, queueMax)
          const aborts: AbortController[] = []
          const held: Slot[] = []
          let settled = 0
          for (const one of sequence) {
            if ('pass' in one) await pass(one.pass)
            else if ('abort' in one) aborts[one.abort]?.abort()
            else if ('done' in one) held.splice(one.done % Math.max(1, held.length), 1)[0]?.consume()
            else {
              const abort = new AbortController()
              aborts.push(abort)
              const context = { lane: one.lane, client: `${one.client}`, deadline: clock.now() + one.ms }
              lanes.enter({ ...context, signal: abort.signal }).then(
                (slot) => {
                  settled++
                  held.push(slot)
                },
                () => settled++,
              )
            }
            const { usedInLastSecond } = budget.status()
            expect(usedInLastSecond).toBeLessThanOrEqual(n)
            expect(Object.values(lanes.waiting()).every((count) => count >= 0 && count <= queueMax)).toBe(
              true,
            )
          }
          await pass(9000)
          for (const slot of held) slot.release()
          await pass(windowMs)
          expect(settled).toBe(aborts.length)
          expect(lanes.waiting()).toEqual(nobody)
          expect(budget.status().usedInLastSecond).toBe(0)
          expect(clock.pending()).toBe(0)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('go on at full rate after calls gave their slots back unused', async () => {
    const { lanes, context, pass } = createHandLanes(5)
    for (let round = 0; round < 20; round++) (await lanes.enter(context('people'))).release()
    const slots = await Promise.all(Array.from({ length: 5 }, () => lanes.enter(context('people'))))
    expect(slots).toHaveLength(5)
    for (const slot of slots) slot.release()
    await pass(0)
    expect(lanes.waiting()).toEqual(nobody)
  })

  it('grant all of 5,000 a second to hundreds of callers at once, and starve none of them', async () => {
    const { budget, clock, context, lanes } = createHandLanes(5000, 1000)
    const counts = new Array<number>(400).fill(0)
    let granted = 0
    let over = false
    const ask = async (_: number, client: number): Promise<void> => {
      while (!over) {
        const slot = await lanes.enter(context('people', `c${client}`))
        slot.consume()
        granted++
        counts[client] = (counts[client] as number) + 1
      }
    }
    const callers = counts.map(ask)
    for (let window = 1; window <= 3; window++) {
      await until(() => granted === 5000 * window && lanes.waiting().people === counts.length)
      expect(budget.status().usedInLastSecond).toBe(5000)
      await clock.advance(windowMs - 1)
      expect(granted).toBe(5000 * window)
      over = window === 3
      await clock.advance(1)
    }
    await Promise.all(callers)
    expect(granted).toBe(15_000 + counts.length)
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(30)
    expect(lanes.waiting()).toEqual(nobody)
  })
})
