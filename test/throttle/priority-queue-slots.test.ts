import { describe, expect, it, jest } from '@jest/globals'
import fc from 'fast-check'
import type { Lane } from '../../src/chathub/exchange.ts'
import type { Slot } from '../../src/throttle/budget.ts'
import { isLong } from '../support/long.ts'
import { createTestQueue, pass, useVirtualTime, windowMs } from './queue-harness.ts'

useVirtualTime()

const nobody = { people: 0, writes: 0, imports: 0, refreshes: 0 }
const order: readonly Lane[] = ['people', 'writes', 'imports', 'refreshes']

describe('the slots of the queue', () => {
  it('of urgent calls are kept for them while Bottleneck is still accepting these calls', async () => {
    const { ask, budget, context, story } = createTestQueue(2)
    await ask('urgent slot', context('people'))
    await pass(500)
    await ask('share of the background', context('imports'))
    void ask('import', context('imports', 'b'))
    await pass(500)
    // Bottleneck accepts one call after the other, so the person's job comes after all these.
    for (let i = 0; i < 40; i++) void ask('refresh', context('refreshes', `c${i}`, 1_000_000))
    void ask('person', context('people', 'b'))
    expect(budget.status().usedInLastSecond).toBe(2)
    await pass(300)
    expect(story).toEqual(['urgent slot', 'share of the background', 'person'])
    await pass(300)
    expect(story.at(-1)).toBe('import')
  })

  it('are all granted, and no caller is forgotten, in whatever order calls come, leave and end', async () => {
    const lane = fc.constantFrom(...order)
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ lane, client: fc.nat(3), ms: fc.integer({ min: 200, max: 9000 }) }),
      },
      { weight: 2, arbitrary: fc.record({ abort: fc.nat(30) }) },
      { weight: 3, arbitrary: fc.record({ pass: fc.oneof(fc.nat(5), fc.nat(900)) }) },
      { weight: 1, arbitrary: fc.record({ done: fc.nat(30) }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { minLength: 10, maxLength: 60 }),
        async (n, queueMax, sequence) => {
          const { clock, budget, queue } = createTestQueue(n, queueMax)
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
              queue.acquireSlot({ ...context, signal: abort.signal }).then(
                (slot) => {
                  settled++
                  held.push(slot)
                },
                () => settled++,
              )
            }
            expect(budget.status().usedInLastSecond).toBeLessThanOrEqual(n)
            // The bound holds as soon as Bottleneck has accepted all calls, which takes it 2 ms for each.
            const waiting = Object.values(queue.waiting())
            expect(waiting.every((calls) => calls >= 0)).toBe(true)
            if ('pass' in one && one.pass > 200)
              expect(waiting.reduce((sum, calls) => sum + calls, 0)).toBeLessThanOrEqual(queueMax)
          }
          await pass(9000)
          for (const slot of held) slot.release()
          await pass(2 * windowMs)
          expect(settled).toBe(aborts.length)
          expect(queue.waiting()).toEqual(nobody)
          expect(budget.status().usedInLastSecond).toBe(0)
          expect(jest.getTimerCount()).toBe(0)
        },
      ),
      { numRuns: isLong ? 1000 : 40 },
    )
  })

  it('go to waiting calls in the order of their lanes, whatever came first', async () => {
    const lane = fc.constantFrom(...order)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(lane, { minLength: 2, maxLength: 20 }),
        async (n, calls) => {
          const { ask, context, exhaust, story } = createTestQueue(n)
          exhaust()
          calls.forEach((each, i) => void ask(each, context(each, `c${i}`)))
          await pass((calls.length + 2) * windowMs)
          expect(story.toSorted()).toEqual([...calls].sort())
          // The background has slots of its own, so one of its calls may go beside the last urgent ones.
          const misplaced = (lanes: readonly Lane[]): number => {
            const places = story
              .map((each) => order.indexOf(each as Lane))
              .filter((place) => lanes.includes(order[place] as Lane))
            return places.filter((place, i) => places.slice(i + 1).some((later) => later < place)).length
          }
          expect(misplaced(['people', 'writes'])).toBe(0)
          expect(misplaced(['imports', 'refreshes'])).toBe(0)
          expect(misplaced(order)).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: isLong ? 500 : 25 },
    )
  })

  it('are granted at the full rate after calls gave theirs back unused', async () => {
    const { context, queue } = createTestQueue(5)
    for (let round = 0; round < 20; round++) (await queue.acquireSlot(context('people'))).release()
    const slots = await Promise.all(Array.from({ length: 5 }, () => queue.acquireSlot(context('people'))))
    expect(slots).toHaveLength(5)
    for (const slot of slots) slot.release()
    expect(queue.waiting()).toEqual(nobody)
  })
})
