import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import type { Clock } from '../../src/clock.ts'
import { Failure } from '../../src/errors.ts'
import { floorsText } from '../../src/events/floors-text.ts'
import { createMemoryEventStore } from '../../src/events/memory-event-store.ts'
import { createObserver } from '../../src/events/observer.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { createClock, type HandClock } from '../support/clock.ts'
import { until } from '../support/until.ts'

describe('what is told', () => {
  const person = (id: number, status: 'active' | 'inactive' = 'active') => ({
    id,
    name: `Person ${id}`,
    status,
  })
  const setUp = () => {
    const clock = createClock() as HandClock & Clock
    const store = createMemoryEventStore(clock, { keepMs: 3_600_000, eventsMax: 100 })
    const again: number[] = []
    const doubt = { is: false }
    const outage = { is: false, endedAt: Number.NEGATIVE_INFINITY }
    const during = (): void => {
      if (outage.is) throw new Failure('redis.unavailable')
    }
    const start = () =>
      createObserver({
        floors: floorsText.parse('{}'),
        ...{ clock, loadAgain: (list) => void again.push(list), cameBackAt: () => outage.endedAt },
        store: {
          ...store,
          load: async (...list) => {
            during()
            return store.load(...list)
          },
          touch: async (...known) => {
            during()
            return store.touch(...known)
          },
        },
        betweenWrites: async (_roster, _askedAt, work) => {
          if (!doubt.is) await work()
          return !doubt.is
        },
      })
    const observer = start()
    const listOf = (ids: readonly number[], askedAt = clock.now()) => {
      const operators = ids.map((id) => person(id))
      const roster = createRoster({ id: 24, name: 'Support' }, operators)
      return { list: 24, listed: operators, askedAt, roster }
    }
    const all = async () => {
      const page = await store.read(undefined, [24], 1000)
      if (page === 'gone') throw new Error(page)
      return page.logged.map(({ text }) => JSON.parse(text))
    }
    const events = async () => (await all()).filter(({ type }) => type !== 'resync')
    const load = async (ids: readonly number[], by = observer) => {
      await clock.advance(10)
      await by.loaded(listOf(ids))
      await clock.advance(10)
    }
    const written = (id: number, reason: string | null = null, name = `Person ${id}`) =>
      observer.written({
        ...{ organization: 24, at: clock.wall(), client: 'crm', operation: '24-abc' },
        changes: [
          {
            ...{ kind: 'added', from: null, to: 'active', outcome: 'applied', reason },
            operator: { id, name },
          },
        ],
      })
    const brief = async () =>
      (await events()).map(({ type, via, operator }) => `${type} ${operator.id} ${via}`)
    return { clock, again, doubt, outage, observer, start, listOf, all, events, brief, load, written }
  }

  it.each([
    ['has what a write told before', [1, 3], true],
    ['does not have what a write told before', [1], false],
    ['was asked for before that write', [1, 3], true],
  ])('by the first list only to those who come back, unless it differs: it %s', async (how, ids, begins) => {
    const { observer, clock, all, listOf, load, written } = setUp()
    const early = listOf([1])
    await clock.advance(10)
    await written(3)
    if (how.startsWith('was')) await observer.loaded(early)
    else await load(ids)
    const resyncs = (await all()).filter(({ type }) => type === 'resync')
    expect(resyncs.map((one) => one.begins === true)).toEqual([begins])
  })

  it('from what to what a write has changed, though the first list had the new status already', async () => {
    const { observer, clock, events, load } = setUp()
    await load([1, 2])
    const change = { kind: 'statusChanged', outcome: 'applied', reason: null } as const
    const write = (from: 'active' | 'inactive' | 'deleted', to: 'active' | 'inactive') => {
      const changes = [{ ...change, from, to, operator: { id: 1, name: 'Person 1' } }]
      return observer.written({ organization: 24, at: clock.wall(), client: 'crm', changes })
    }
    await write('inactive', 'active')
    await write('active', 'inactive')
    await write('deleted', 'active')
    expect((await events()).map(({ from, to }) => [from, to])).toEqual([
      ['inactive', 'active'],
      ['active', 'inactive'],
      ['inactive', 'active'],
    ])
  })

  it('nothing of a write by a list that was asked for before it, or after it', async () => {
    const { clock, observer, listOf, load, brief, written } = setUp()
    await load([1, 2])
    await clock.advance(10)
    const before = listOf([1, 2])
    await clock.advance(10)
    await written(3)
    await observer.loaded(before)
    await load([1, 2, 3])
    await written(3) // told again by another instance
    await load([1, 2, 3])
    expect(await brief()).toEqual(['operator.added 3 gateway'])
    await load([1, 2])
    expect(await brief()).toEqual(['operator.added 3 gateway', 'operator.removed 3 observed'])
  })

  it('what ChatHub has again as it was in a list from before a write, though the answer is the same', async () => {
    const { clock, observer, listOf, load, brief, written } = setUp()
    await load([1, 2])
    await clock.advance(10)
    const before = listOf([1, 2])
    await clock.advance(10)
    await written(3)
    await observer.loaded(before)
    await clock.advance(10)
    await observer.loaded({ ...before, askedAt: clock.now() })
    await clock.advance(10)
    expect(await brief()).toEqual(['operator.added 3 gateway', 'operator.removed 3 observed'])
  })

  it('another name than a write told, when the list has it', async () => {
    const { load, brief, written } = setUp()
    await load([1])
    await written(2, null, 'Person 2 as it was before somebody renamed it')
    await load([1, 2])
    await load([1, 2])
    expect(await brief()).toEqual(['operator.added 2 gateway', 'operator.renamed 2 observed'])
  })

  it('nothing while a write is in doubt, and what is left afterwards', async () => {
    const { clock, doubt, load, brief, written } = setUp()
    await load([1])
    doubt.is = true
    await load([1, 2, 3])
    await clock.advance(3000)
    expect(await brief()).toEqual([])
    await written(2)
    doubt.is = false
    await clock.advance(2000)
    expect(await brief()).toEqual(['operator.added 2 gateway', 'operator.added 3 observed'])
  })

  it('a late duplicate, with its operation and a flag', async () => {
    const { load, events, written } = setUp()
    await load([1])
    await written(2, 'doubled')
    await load([1, 2])
    expect(await events()).toMatchObject([
      { type: 'operator.added', operator: { id: 2 }, operation: '24-abc', via: 'observed', late: true },
    ])
    expect((await events())[0].between).toHaveLength(2)
  })

  it('nothing of a list that is older than the known one; another is loaded', async () => {
    const { clock, again, observer, listOf, load, brief } = setUp()
    await load([1])
    const old = listOf([1])
    await load([1, 2])
    await observer.loaded(old)
    await clock.advance(10)
    expect([await brief(), again]).toEqual([['operator.added 2 observed'], [24]])
  })

  it('resync, when a list without what the base line has was asked for before that arrived', async () => {
    const { clock, observer, start, listOf, all, again } = setUp()
    const base = listOf([1, 2])
    await clock.advance(10)
    // Another instance asked later, and was answered before somebody added the second one.
    const served = listOf([1])
    await clock.advance(10)
    await observer.loaded(base)
    await start().loaded(served)
    await clock.advance(10)
    expect((await all()).map(({ type, begins = false }) => [type, begins])).toEqual([
      ['resync', true],
      ['resync', false],
    ])
    expect(again).toEqual([24])
  })

  it.each(['equal to the known one', 'the first that the log knows'])(
    'resync once, when an instance may have served a list in an outage and ended: the next list is %s',
    async (which) => {
      const { clock, outage, start, observer, load, all } = setUp()
      const told = async () => (await all()).filter(({ type, begins }) => type === 'resync' && !begins).length
      const [dying, third] = [start(), start()]
      if (which === 'equal to the known one') {
        await load([1])
        await load([1])
      }
      await clock.advance(1000)
      outage.is = true
      await load([1, 2], dying)
      dying.close()
      outage.is = false
      await clock.advance(1000)
      outage.endedAt = clock.now()
      expect(await told()).toBe(0)
      await load([1])
      expect(await told()).toBe(1)
      for (const by of [observer, third, third]) await load([1], by)
      expect(await told()).toBe(1)
    },
  )

  it('resync, when the instance itself served a list that it could not compare, whatever others did meanwhile', async () => {
    const { clock, outage, start, load, all, listOf, observer } = setUp()
    await load([1])
    outage.is = true
    await observer.loaded(listOf([1, 2]))
    await clock.advance(61_000)
    outage.is = false
    await load([1], start())
    await load([1])
    expect((await all()).map(({ type, begins = false }) => [type, begins])).toEqual([
      ['resync', true],
      ['resync', false],
    ])
  })

  it('a great loss only by the second list, also at an instance that has seen no list before', async () => {
    const { again, start, load, brief } = setUp()
    await load([1, 2, 3, 4, 5])
    const other = start()
    await load([1, 2], other)
    expect([await brief(), again]).toEqual([[], [24]])
    await load([1, 2], other)
    expect(await brief()).toEqual([3, 4, 5].map((id) => `operator.removed ${id} observed`))
  })

  it('nothing more from a list that the cache has let go: it is not held', async () => {
    const { clock, observer } = setUp()
    const load = async () => {
      const listed = [person(1)]
      await observer.loaded({ list: 24, listed, askedAt: clock.now() })
      return new WeakRef(listed)
    }
    const held = await load()
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    await until(() => {
      collect()
      return held.deref() === undefined
    })
  })
})
