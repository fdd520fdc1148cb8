import { describe, expect, it, jest } from '@jest/globals'
import type { Lane } from '../../src/chathub/exchange.ts'
import { bottleneckMs, createTestQueue, pass, useVirtualTime, windowMs } from './queue-harness.ts'

useVirtualTime()

const nobody = { people: 0, writes: 0, imports: 0, refreshes: 0 }
const order: readonly Lane[] = ['people', 'writes', 'imports', 'refreshes']

describe('the order of the queue', () => {
  it('is people, writes, imports, refreshes', async () => {
    const { ask, context, exhaust, story } = createTestQueue(1)
    exhaust()
    for (const lane of order.toReversed()) void ask(lane, context(lane))
    await pass(5 * windowMs)
    expect(story).toEqual(order)
  })

  it('lets a person who comes while imports wait for their share go first', async () => {
    const { ask, context, story } = createTestQueue(5)
    for (let i = 0; i < 5; i++) void ask(`import ${i}`, context('imports'))
    await pass(bottleneckMs)
    expect(story).toEqual(['import 0', 'import 1', 'import 2'])
    await ask('person', context('people'))
    expect(story.at(-1)).toBe('person')
  })

  it('is the order of arrival among the first calls of many clients', async () => {
    const { ask, context, exhaust, story } = createTestQueue(1)
    exhaust()
    for (const client of ['a', 'b', 'c', 'd']) void ask(client, context('people', client))
    await pass(5 * windowMs)
    expect(story).toEqual(['a', 'b', 'c', 'd'])
  })

  it('lets a client with one call go before the other calls of a client with thirty', async () => {
    const { ask, context, exhaust, story } = createTestQueue(1)
    exhaust()
    for (let i = 0; i < 30; i++) void ask(`greedy ${i}`, context('people', 'greedy'))
    void ask('modest', context('people', 'modest'))
    await pass(2 * windowMs + bottleneckMs)
    expect(story).toEqual(['greedy 0', 'modest'])
  })

  it('gives equal shares to clients of which each asks again as soon as it was served', async () => {
    const { context, queue } = createTestQueue(50)
    const served = new Array<number>(80).fill(0)
    let over = false
    const callers = served.map(async (_, client) => {
      while (!over) {
        ;(await queue.acquireSlot(context('people', `c${client}`))).consume()
        served[client] = (served[client] as number) + 1
      }
    })
    await pass(9 * windowMs)
    over = true
    await pass(3 * windowMs)
    await Promise.all(callers)
    expect(Math.min(...served)).toBeGreaterThanOrEqual(5)
    expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(2)
    expect(queue.waiting()).toEqual(nobody)
  })

  it('does not depend on the system clock, which may be set back', async () => {
    const { ask, context, exhaust, story } = createTestQueue(1)
    exhaust()
    void ask('first', context('people', 'a'))
    void ask('second', context('people', 'b'))
    await pass(windowMs + bottleneckMs)
    jest.setSystemTime(Date.now() - 3_600_000)
    await pass(windowMs + bottleneckMs)
    expect(story).toEqual(['first', 'second'])
  })
})

describe('the bound of the queue', () => {
  it('drops a less urgent call for a more urgent one, and otherwise refuses the new call', async () => {
    const { ask, context, exhaust, queue, story } = createTestQueue(1, 3)
    exhaust()
    void ask('person 1', context('people', 'a'))
    void ask('refresh', context('refreshes'))
    void ask('import', context('imports'))
    await pass(bottleneckMs)
    void ask('late refresh', context('refreshes', 'b'))
    await pass(bottleneckMs)
    void ask('person 2', context('people', 'b'))
    void ask('write', context('writes'))
    await pass(bottleneckMs)
    expect(story).toEqual(['late refresh: queue.full', 'refresh: queue.full', 'import: queue.full'])
    expect(queue.waiting()).toEqual({ ...nobody, people: 2, writes: 1 })
    void ask('another import', context('imports', 'b'))
    void ask('person 3', context('people', 'c'))
    await pass(bottleneckMs)
    expect(story.slice(3)).toEqual(['another import: queue.full', 'write: queue.full'])
    await pass(4 * windowMs)
    expect(story.slice(5)).toEqual(['person 1', 'person 2', 'person 3'])
  })

  it('refuses at once what is beyond it, however many calls come at one moment', async () => {
    const { ask, context, exhaust, queue, story } = createTestQueue(1, 3)
    exhaust()
    const asked = Array.from({ length: 50 }, (_, i) => ask(`${i}`, context('people', `c${i}`)))
    await Promise.all(asked.slice(3))
    expect(story).toHaveLength(47)
    expect(new Set(story.map((line) => line.split(': ')[1]))).toEqual(new Set(['queue.full']))
    expect(queue.waiting().people).toBe(3)
  })

  it('is free again after all waiting calls were aborted', async () => {
    const { ask, context, exhaust, story } = createTestQueue(1, 2)
    exhaust()
    const abort = new AbortController()
    for (let i = 0; i < 2; i++) void ask(`gone ${i}`, { ...context('writes'), signal: abort.signal })
    await pass(bottleneckMs)
    abort.abort()
    await pass(bottleneckMs)
    for (let i = 0; i < 2; i++) void ask(`new ${i}`, context('refreshes', `c${i}`))
    await pass(3 * windowMs)
    expect(story).toEqual(['gone 0: chathub.timeout', 'gone 1: chathub.timeout', 'new 0', 'new 1'])
  })
})

describe('a deadline', () => {
  it('that is out of reach is refused at once, with a Retry-After that holds', async () => {
    const { ask, clock, context, exhaust, queue } = createTestQueue(1)
    exhaust()
    void ask('waits', context('people', 'a', 5000))
    await pass(bottleneckMs)
    const before = clock.now()
    const failure = await queue.acquireSlot(context('people', 'b', 1500)).catch((error) => error)
    expect(failure.code).toBe('queue.full')
    expect(clock.now()).toBe(before)
    expect(failure.retryAfterMs).toBeGreaterThanOrEqual(1000)
    await pass(failure.retryAfterMs)
    const slot = queue.acquireSlot(context('people', 'b', 1500))
    await pass(windowMs)
    expect((await slot).consume()).toBe(true)
  })

  it.each([
    [2 * windowMs + 450, 'second: queue.full'],
    [2 * windowMs + 550, 'second'],
    [100, 'second: queue.full'],
  ])('of %i ms leaves 500 ms for the answer', async (left, told) => {
    const { ask, context, exhaust, story } = createTestQueue(1, 200, 500)
    exhaust()
    void ask('first', context('people'))
    void ask('second', context('people', 'other', left))
    await pass(3 * windowMs)
    expect(story.toSorted()).toEqual(['first', told])
  })

  it('that passes while the call waits ends the wait, and the next call takes the slot', async () => {
    const { ask, budget, context, exhaust, queue, story } = createTestQueue(1)
    exhaust()
    void ask('short', context('people', 'a', 1100))
    void ask('second', context('people', 'b', 4000))
    await pass(bottleneckMs)
    budget.pause(1500)
    await pass(1100)
    expect(story).toEqual(['short: queue.full'])
    expect(queue.waiting().people).toBe(1)
    await pass(1000)
    expect(story).toEqual(['short: queue.full', 'second'])
  })
})

describe('an aborted call', () => {
  it('ends its wait at once, and is never sent', async () => {
    const { ask, budget, context, exhaust, queue, story } = createTestQueue(1)
    const abort = new AbortController()
    exhaust()
    void ask('waiting', { ...context('people'), signal: abort.signal })
    await pass(bottleneckMs)
    abort.abort()
    await ask('before', { ...context('people'), signal: abort.signal })
    expect(story).toEqual(['waiting: chathub.timeout', 'before: chathub.timeout'])
    expect(queue.waiting()).toEqual(nobody)
    await pass(2 * windowMs)
    await ask('before', { ...context('people'), signal: abort.signal })
    expect(budget.status().usedInLastSecond).toBe(0)
  })

  it('leaves its slot to the next call of its class, and never to an import beyond the share of the background', async () => {
    // The person leaves at each step of the few milliseconds between the grant and the start of the job.
    for (let step = 0; step < 8; step++) {
      const { ask, budget, context, exhaust, story } = createTestQueue(2)
      exhaust()
      const abort = new AbortController()
      void ask('import 1', context('imports', 'a'))
      void ask('import 2', context('imports', 'b'))
      void ask('person', { ...context('people'), signal: abort.signal })
      await pass(windowMs + step)
      abort.abort()
      await pass(bottleneckMs)
      // Of 2 a second, 1 is for the background.
      expect(story.filter((line) => line.startsWith('import'))).toEqual(['import 1'])
      await pass(windowMs)
      expect(story.at(-1)).toBe('import 2')
      expect(budget.status().usedInLastSecond).toBe(1)
    }
  })
})
