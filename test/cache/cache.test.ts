import { describe, expect, it } from '@jest/globals'
import { keepMs, stateAt } from '../../src/cache/entry.ts'
import type { Store } from '../../src/cache/store.ts'
import { Failure } from '../../src/errors.ts'
import { settle } from '../support/clock.ts'
import { createHandCache, key, times } from './cache-harness.ts'

const down = new Failure('chathub.unavailable')
const outcome = (answer: Promise<unknown>) => answer.catch((error) => error)

describe('the times of a list', () => {
  it('make it fresh, then served while refreshed, then waited for, then expired', () => {
    const states = [0, 59_999, 60_000, 119_999, 120_000, 3_599_999, 3_600_000].map((age) =>
      stateAt(age, times),
    )
    expect(states).toEqual(['fresh', 'fresh', 'revalidate', 'revalidate', 'wait', 'wait', 'expired'])
    expect(keepMs(times)).toBe(3_600_000)
  })

  it('never let a fresh list expire, however short the stale time', () => {
    const short = { ...times, staleMs: 1000 }
    expect([59_999, 60_000].map((age) => stateAt(age, short))).toEqual(['fresh', 'expired'])
    expect(keepMs(short)).toBe(60_000)
  })
})

describe('the cache', () => {
  it('loads a list that it does not have, once, for all who wait', async () => {
    const { cache, loads, read, reports } = createHandCache()
    const answers = Promise.all([read(), read(), read()])
    await settle()
    expect(loads).toHaveLength(1)
    expect(loads[0]?.previous).toBeUndefined()
    await loads[0]!.succeed(1)
    const [first, ...others] = await answers
    expect(first).toMatchObject({ copy: { value: 1 }, freshness: { how: 'loaded', ageMs: 0, ttlMs: 60_000 } })
    expect(others.map(({ freshness }) => freshness.how)).toEqual(['collapsed', 'collapsed'])
    expect(reports.map((told) => 'event' in told && told.event)).toEqual(['miss', 'collapsed', 'collapsed'])
    expect(cache.size()).toMatchObject({ lists: 1 })
  })

  it('serves a fresh list from memory without asking anybody, its age counted from when its request left', async () => {
    const { cache, clock, loads, read } = createHandCache()
    expect(cache.peek(key)).toBeUndefined()
    const answer = read()
    await clock.advance(2000)
    await loads[0]!.succeed(1)
    expect((await answer).freshness).toMatchObject({ how: 'loaded', ageMs: 2000 })
    await clock.advance(57_999)
    expect(cache.peek(key)?.freshness).toMatchObject({ how: 'hit', ageMs: 59_999, ttlMs: 1 })
    expect((await read()).freshness.how).toBe('hit')
    expect(loads).toHaveLength(0)
    await clock.advance(1)
    expect(cache.peek(key)).toBeUndefined()
  })

  it('serves a list a little past its freshness at once, and refreshes it behind', async () => {
    const { clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(60_000)
    const answers = await Promise.all([read(), read()])
    for (const { copy, freshness } of answers) {
      expect(copy.value).toBe(1)
      expect(freshness).toMatchObject({ how: 'revalidated', ageMs: 60_000, ttlMs: expect.any(Number) })
      expect(freshness.ttlMs).toBeLessThanOrEqual(0)
    }
    await settle()
    expect(loads).toHaveLength(1)
    expect(loads[0]).toMatchObject({ context: { lane: 'refreshes', client: 'refresh' }, previous: 1 })
    await loads[0]!.succeed(2)
    expect(await read()).toMatchObject({ copy: { value: 2 }, freshness: { how: 'hit' } })
  })

  it('waits a moment for an older list, and takes the new one when it comes in time', async () => {
    const { clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(120_000)
    const answer = read()
    await clock.advance(799)
    expect(loads[0]?.context.lane).toBe('people')
    await loads[0]!.succeed(2)
    expect(await answer).toMatchObject({ copy: { value: 2 }, freshness: { how: 'loaded', ageMs: 799 } })
  })

  it('gives the older list when no new one comes in that moment, and keeps the new one that comes later', async () => {
    const { clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(120_000)
    const answer = read()
    await clock.advance(800)
    expect(await answer).toMatchObject({ copy: { value: 1 }, freshness: { how: 'stale', ageMs: 120_800 } })
    await loads[0]!.succeed(2)
    expect((await read()).copy.value).toBe(2)
  })

  it('gives the older list at once, marked, when ChatHub fails', async () => {
    const { clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(120_000)
    const answer = read()
    await settle()
    await loads[0]!.fail(down)
    expect(await answer).toMatchObject({
      copy: { value: 1 },
      freshness: { how: 'stale-after-failure', failedStatus: 503, ageMs: 120_000, ttlMs: -60_000 },
    })
  })

  it('does not serve an old copy of an organization that is gone', async () => {
    const { cache, clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(120_000)
    const answer = outcome(read())
    await settle()
    await loads[0]!.fail(new Failure('organization.unknown'))
    expect(await answer).toMatchObject({ code: 'organization.unknown' })
    expect(cache.remembered(key)).toBeUndefined()
  })

  it('serves nothing past its stale time: only a new answer will do, until the deadline', async () => {
    const { clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(3_600_000)
    const failing = outcome(read())
    await settle()
    await loads[0]!.fail(down)
    expect(await failing).toBe(down)
    const late = outcome(read({ waits: 3000 }))
    await clock.advance(3000)
    expect(await late).toMatchObject({ code: 'chathub.timeout', retryAfterMs: 1000 })
    const answer = read()
    await settle()
    await loads[0]!.succeed(2)
    expect((await answer).copy.value).toBe(2)
  })

  it('fails everybody who waits for a load that fails, and tries again for the next', async () => {
    const { loads, read } = createHandCache()
    const answers = Promise.all([outcome(read()), outcome(read())])
    await settle()
    await loads[0]!.fail(down)
    expect(await answers).toEqual([down, down])
    const answer = read()
    await settle()
    await loads[0]!.succeed(1)
    expect((await answer).copy.value).toBe(1)
  })

  it('does not make a reader wait for a refresh that stands at the end of the queue', async () => {
    const { clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(119_000)
    await read()
    await clock.advance(1000)
    const answer = read()
    await settle()
    expect(loads.map(({ context }) => context.lane)).toEqual(['refreshes', 'people'])
    await loads[1]!.succeed(2)
    expect((await answer).copy.value).toBe(2)
  })

  it('tries a refresh that failed again after a second, no sooner', async () => {
    const { clock, fill, loads, read, reports } = createHandCache()
    await fill(1)
    await clock.advance(60_000)
    await read()
    await settle()
    await loads[0]!.fail(down)
    expect(reports).toContainEqual({
      name: 'refresh-failed',
      list: 'operators',
      because: 'chathub.unavailable',
    })
    await clock.advance(999)
    await read()
    await settle()
    expect(loads).toHaveLength(0)
    await clock.advance(1)
    await read()
    await settle()
    expect(loads).toHaveLength(1)
  })

  it('remembers for five seconds that ChatHub refuses a list', async () => {
    const { clock, loads, read } = createHandCache()
    const answer = outcome(read())
    await settle()
    await loads[0]!.fail(new Failure('chathub.forbidden'))
    expect(await answer).toMatchObject({ code: 'chathub.forbidden' })
    await clock.advance(4999)
    expect(await outcome(read())).toMatchObject({ code: 'chathub.forbidden' })
    expect(loads).toHaveLength(0)
    await clock.advance(1)
    void outcome(read())
    await settle()
    expect(loads).toHaveLength(1)
  })

  it('asks for a list no older than the request with one running and one waiting load, for any number', async () => {
    const { clock, loads, read } = createHandCache()
    const first = read()
    await clock.advance(100)
    const newer = Promise.all([1, 2, 3].map(() => read({ notBefore: clock.now() })))
    await clock.advance(100)
    expect(loads).toHaveLength(1)
    await loads[0]!.succeed(1)
    expect((await first).copy.value).toBe(1)
    expect(loads.map(({ askedAt }) => askedAt)).toEqual([200])
    await loads[0]!.succeed(2)
    expect((await newer).map(({ copy }) => copy.value)).toEqual([2, 2, 2])
    expect(loads).toHaveLength(0)
  })

  it('asks for a new list though a fresh one is there, and gives no old one when that fails', async () => {
    const { clock, fill, loads, read } = createHandCache()
    await fill(1)
    await clock.advance(1000)
    const answer = outcome(read({ notBefore: clock.now() }))
    await settle()
    await loads[0]!.fail(down)
    expect(await answer).toBe(down)
    expect((await read()).freshness.how).toBe('hit')
  })

  it('lets a reader with time left go on when the load it joined ran out of the first reader’s time', async () => {
    const { clock, loads, read } = createHandCache()
    const first = outcome(read({ waits: 1000 }))
    await clock.advance(900)
    const second = read({ waits: 5000 })
    await loads[0]!.fail(new Failure('queue.full'))
    expect(await first).toMatchObject({ code: 'queue.full' })
    expect(loads.map(({ context }) => context.deadline)).toEqual([5900])
    await loads[0]!.succeed(1)
    expect((await second).copy.value).toBe(1)
  })

  it('does not make a person wait for a load that an import makes', async () => {
    const { loads, read } = createHandCache()
    void outcome(read({ lane: 'imports' }))
    await settle()
    void outcome(read())
    await settle()
    expect(loads.map(({ context }) => context.lane)).toEqual(['imports', 'people'])
  })

  it('treats a copy that cannot be read back as none', async () => {
    const { loads, read, store } = createHandCache((inner) => ({
      ...inner,
      read: async (name) => {
        const { epoch } = await inner.read(name)
        return { epoch, stored: { bytes: Buffer.from('junk'), epoch, ageMs: 0 }, claimed: false }
      },
    }))
    expect((await store.read(key)).stored).toBeDefined()
    const answer = read().catch((error) => error)
    await settle()
    expect(loads).toHaveLength(1)
    await loads[0]!.succeed(1)
    expect((await answer).copy.value).toBe(1)
  })

  it('serves what the store knows when it was away at first and ChatHub fails', async () => {
    let away = false
    const flickering = (inner: Store): Store => ({
      ...inner,
      read: (...asked) => (away ? Promise.reject(new Failure('redis.unavailable')) : inner.read(...asked)),
    })
    const { cache, loads, read, store } = createHandCache(flickering)
    const kept = { bytes: Buffer.from('7'), epoch: '0', ageMs: 1000 }
    expect(await store.fill(key, kept, 3_600_000)).toBe(true)
    away = true
    const answer = read()
    await settle()
    away = false
    await loads[0]!.fail(down)
    expect(await answer).toMatchObject({
      copy: { value: 7 },
      freshness: { how: 'stale-after-failure', failedStatus: 503 },
    })
    expect(cache.remembered(key)?.value).toBe(7)
    away = true
    const refused = outcome(read({ notBefore: 0 }))
    await settle()
    await loads[0]!.fail(down)
    expect(await refused).toBe(down)
  })
})
