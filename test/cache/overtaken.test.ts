import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Store } from '../../src/cache/store.ts'
import { Failure } from '../../src/errors.ts'
import { settle } from '../support/clock.ts'
import { isLong } from '../support/long.ts'
import { createHandCache, key } from './cache-harness.ts'

/** A store whose steps take turns of the event loop, before and after they act, as many as `delays` says in turn. */
const slow =
  (delays: readonly number[]) =>
  (inner: Store): Store => {
    let next = 0
    const delay = async (): Promise<void> => {
      const turns = delays[next++ % delays.length] ?? 0
      for (let i = 0; i < turns; i++) await setImmediate()
    }
    const later =
      <A extends unknown[], R>(run: (...given: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        await delay()
        const result = await run(...args)
        await delay()
        return result
      }
    return {
      read: later(inner.read),
      fill: later(inner.fill),
      bump: later(inner.bump),
      release: later(inner.release),
      keys: later(inner.keys),
    }
  }

describe('a write', () => {
  it('makes the next reader ask ChatHub, and the older list is not fresh for anybody', async () => {
    const { cache, fill, loads, read } = createHandCache()
    await fill(1)
    await cache.commit(key)
    expect(cache.peek(key)).toBeUndefined()
    const answer = read()
    await settle()
    await loads[0]!.succeed(2)
    expect(await answer).toMatchObject({ copy: { value: 2 }, freshness: { how: 'loaded' } })
  })

  it('with what it made of the list costs the next reader nothing, and does not make the list younger', async () => {
    const { cache, clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(10_000)
    const copy = cache.remembered(key)!
    await cache.commit(key, { ...copy, value: 2, bytes: Buffer.from('2') })
    expect(await read()).toMatchObject({ copy: { value: 2 }, freshness: { how: 'hit', ageMs: 10_000 } })
    expect(loads).toHaveLength(0)
  })

  it('during a load has that load done again for those who wait, and its answer is never kept', async () => {
    const { cache, loads, read, reports } = createHandCache()
    const answer = read()
    await settle()
    await cache.commit(key)
    await loads[0]!.succeed(1)
    expect(reports).toContainEqual({ name: 'load-invalidated', list: 'operators' })
    expect(cache.peek(key)).toBeUndefined()
    await loads[0]!.succeed(2)
    expect((await answer).copy.value).toBe(2)
    expect(cache.peek(key)?.copy.value).toBe(2)
  })

  it('during a load is not joined with it: who comes after has a load of its own', async () => {
    const { cache, loads, read } = createHandCache()
    void read()
    await settle()
    await cache.commit(key)
    const after = read()
    await settle()
    expect(loads).toHaveLength(2)
    await loads[1]!.succeed(2)
    expect((await after).copy.value).toBe(2)
    await loads[0]!.succeed(1)
    expect((await read()).copy.value).toBe(2)
  })

  it('again and again during a load has it end with the third answer, which is given but not kept', async () => {
    const { cache, loads, read } = createHandCache()
    const answer = read()
    await settle()
    for (let value = 1; value <= 3; value++) {
      await cache.commit(key)
      await loads[0]!.succeed(value)
    }
    expect((await answer).copy.value).toBe(3)
    expect(cache.peek(key)).toBeUndefined()
  })

  it('forgets what a reader found in the store while the write was on its way there', async () => {
    let arrive = (): void => {}
    const way = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const { cache, fill, read } = createHandCache((inner) => ({
      ...inner,
      bump: (...args) => way.then(() => inner.bump(...args)),
    }))
    await fill(1)
    const writing = cache.commit(key)
    expect(await read()).toMatchObject({ copy: { value: 1 }, freshness: { how: 'hit' } })
    arrive()
    await writing
    expect(cache.peek(key)).toBeUndefined()
  })

  it('a list that a write invalidated is never fresh, however young, when no new one can be had', async () => {
    const { cache, fill, loads, read } = createHandCache()
    await fill(1)
    await cache.commit(key)
    const answer = read()
    await settle()
    await loads[0]!.fail(new Failure('chathub.unavailable'))
    const { freshness } = await answer
    expect(freshness).toMatchObject({ how: 'stale-after-failure', ageMs: 0 })
    expect(freshness.ttlMs).toBeLessThan(0)
  })

  it('a purge during a load counts like a write, and leaves no old copy to fall back on', async () => {
    const { cache, clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(130_000)
    void read()
    await settle()
    await cache.purge()
    await loads[0]!.succeed(1)
    expect(cache.peek(key)).toBeUndefined()
    const answer = read().catch((error) => error)
    await settle()
    for (const load of [...loads]) await load.fail(new Failure('chathub.unavailable'))
    expect(await answer).toMatchObject({ code: 'chathub.unavailable' })
  })

  it('a purge during a write leaves nothing of what the write made', async () => {
    const bumped: (() => void)[] = []
    const held = (inner: Store): Store => ({
      ...inner,
      bump: async (...args) => {
        const result = await inner.bump(...args)
        if (args[1] !== 'drop') await new Promise<void>((resolve) => bumped.push(resolve))
        return result
      },
    })
    const { cache, fill, loads, read } = createHandCache(held)
    await fill(1)
    const copy = cache.remembered(key)!
    const writing = cache.commit(key, { ...copy, value: 2, bytes: Buffer.from('2') })
    await settle()
    await cache.purge(key)
    bumped[0]?.()
    await writing
    const refused = expect(read()).rejects.toMatchObject({ code: 'chathub.unavailable' })
    await settle()
    await loads[0]!.fail(new Failure('chathub.unavailable'))
    await refused
  })

  it('a purge of one list leaves the others', async () => {
    const { cache, fill } = createHandCache()
    await fill(1)
    await cache.purge('operators:6')
    expect(cache.peek(key)).toBeDefined()
  })
})

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('read' as const), now: fc.boolean(), forWrite: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('write' as const), patch: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(5), late: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(20_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('turns' as const), turns: fc.integer({ min: 1, max: 8 }) }),
  },
)

describe('whatever order reads, writes and answers of ChatHub come in', () => {
  it('a read that begins after a write was acknowledged never gets the older list as fresh', async () => {
    let checked = 0
    const run = async (
      delays: number[],
      steps: (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
    ) => {
      /** ChatHub's list is a number that each write raises; `acknowledged` is what every reader must see. */
      let truth = 0
      const { cache, clock, loads, read } = createHandCache(slow(delays), () => truth)
      let acknowledged = 0
      let writes = Promise.resolve()
      const reading: Promise<void>[] = []
      for (const one of steps) {
        if (one.do === 'read') {
          const mustHave = acknowledged
          const answer = read(one.now ? { notBefore: clock.now(), forWrite: one.forWrite } : {})
          reading.push(
            answer.then(
              ({ copy, freshness }) => {
                if (freshness.how.startsWith('stale') || freshness.how === 'revalidated') return
                if (mustHave > 0) checked++
                expect(copy.value).toBeGreaterThanOrEqual(mustHave)
              },
              (error) => expect(error).toBeInstanceOf(Failure),
            ),
          )
        } else if (one.do === 'write') {
          const patch = one.patch
          // One write at a time, as under the organization's lock.
          writes = writes.then(async () => {
            const base = cache.remembered(key)
            const patched = patch && base?.value === truth
            const value = ++truth
            const copy = patched && base ? { ...base, value, bytes: Buffer.from(`${value}`) } : undefined
            await cache.commit(key, copy)
            acknowledged = Math.max(acknowledged, value)
          })
        } else if (one.do === 'end' || one.do === 'fail') {
          const load = loads[one.which % Math.max(1, loads.length)]
          if (one.do === 'fail') await load?.fail(new Failure('chathub.unavailable'))
          // ChatHub looked at its list at any moment between question and answer.
          else if (load) await load.succeed(one.late ? truth : load.seen)
        } else if (one.do === 'purge') await cache.purge(key)
        else if (one.do === 'pass') await clock.advance(one.ms)
        else for (let turn = 0; turn < one.turns; turn++) await setImmediate()
      }
      let over = false
      const all = Promise.allSettled([writes, ...reading]).then(() => {
        over = true
      })
      while (!over) {
        for (const load of [...loads]) await load.succeed(load.seen)
        await clock.advance(500)
      }
      await all
      await Promise.all(reading)
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 20, maxLength: 80 }),
        fc.array(fc.nat(4), { maxLength: 9 }),
        (steps, delays) => run(delays, steps),
      ),
      { numRuns: isLong ? 5000 : 60 },
    )
    expect(checked).toBeGreaterThan(30)
  })
})
