import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import type { Event } from '../../src/contract/event.ts'
import type { EventStore, Retention } from '../../src/events/event-store.ts'
import { createMemoryEventStore } from '../../src/events/memory-event-store.ts'
import { createRedisEventStore } from '../../src/events/redis-event-store.ts'
import { createRedis } from '../../src/redis/redis.ts'
import { isLong, newSeed, randomOf } from '../support/long.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { createEventWorld } from './event-world.ts'
import { runProcesses } from './process-world.ts'

type Open = (retention: Retention) => Promise<{ store: EventStore; close(): void }>
const usual: Retention = { keepMs: 3_600_000, eventsMax: 100 }
let lists = 1000

/** What every log of events guarantees. */
const suite = (open: () => Open): void => {
  const closing: (() => void)[] = []
  afterAll(() => {
    for (const close of closing) close()
  })
  const openOne = async (retention = usual) => {
    const { store, close } = await open()(retention)
    closing.push(close)
    return store
  }
  const told = (organization: number, ...texts: string[]) => ({
    rows: new Map([[1, texts.at(-1) as string]]),
    seen: { askedAt: 1, arrivedAt: 2, begunAt: 1, active: 1, belowSince: 0, isLow: false },
    events: texts.map((text) => ({ organization, text })),
  })
  const tell = async (store: EventStore, organization: number, ...texts: string[]) => {
    const { version } = await store.load(organization)
    expect(await store.append(organization, version, told(organization, ...texts))).toBeDefined()
  }
  const textsOf = (page: Awaited<ReturnType<EventStore['read']>>) =>
    page === 'gone' ? page : page.logged.map(({ text }) => text)

  it('changes a list and appends its events in one step, and only to the version that was read', async () => {
    const store = await openOne()
    const list = ++lists
    const before = await store.load(list)
    expect([before.rows.size, before.seen]).toEqual([0, undefined])
    const version = (await store.append(list, before.version, told(list, 'a'))) as string
    expect(await store.append(list, before.version, told(list, 'b'))).toBeUndefined()
    const after = await store.load(list)
    expect([after.version, [...after.rows], after.seen?.begunAt]).toEqual([version, [[1, 'a']], 1])
    expect([...(await store.load(list, [1, 2])).rows, ...(await store.load(list, [2])).rows]).toEqual([
      [1, 'a'],
    ])
    expect(textsOf(await store.read(undefined, [list], 10))).toEqual(['a'])
    expect(await store.touch(list, version, 5)).toBe(true)
    expect(await store.touch(list, before.version, 5)).toBe(false)
    const touched = await store.load(list)
    expect([touched.version, Number(touched.seen?.arrivedAt) >= before.now]).toEqual([version, true])
    const emptied = await store.append(list, version, { ...told(list), rows: new Map([[1, null]]) })
    expect([emptied !== undefined, (await store.load(list)).rows.size]).toEqual([true, 0])
  })

  it('reads what follows a place in pages, of some organizations or of all, in one order', async () => {
    const store = await openOne()
    const [one, two] = [++lists, ++lists]
    const begin = await store.place()
    await tell(store, one, '1', '2')
    await tell(store, two, '3')
    await tell(store, one, '4')
    expect(textsOf(await store.read(begin, [two, one], 10))).toEqual(['1', '2', '3', '4'])
    expect(textsOf(await store.read(begin, 'all', 10))).toEqual(['1', '2', '3', '4'])
    expect(textsOf(await store.read(begin, [two], 10))).toEqual(['3'])
    const page = await store.read(begin, [one, two], 3)
    if (page === 'gone') throw new Error(page)
    expect([textsOf(page), page.isComplete]).toEqual([['1', '2', '3'], false])
    const rest = await store.read(page.end, [one, two], 3)
    expect(rest).toMatchObject({ logged: [{ text: '4', organization: one }], isComplete: true })
    expect(rest === 'gone' ? rest : rest.end).toEqual(await store.place())
    const many = Array.from({ length: 250 }, () => ++lists)
    await tell(store, many[240] as number, 'far')
    expect(textsOf(await store.read(page.end, [one, ...many], 10))).toEqual(['4', 'far'])
  })

  it('keeps a bounded number, and says when a place is not reached any more', async () => {
    const store = await openOne()
    const [one, two] = [++lists, ++lists]
    const begin = await store.place()
    await tell(store, two, 'quiet')
    for (let i = 0; i < 30; i++) await tell(store, one, ...Array.from({ length: 10 }, (_, j) => `${i} ${j}`))
    const page = await store.read(undefined, [one], 1000)
    if (page === 'gone') throw new Error(page)
    expect(page.logged.length).toBeGreaterThanOrEqual(100)
    expect(page.logged.length).toBeLessThan(120)
    expect(page.logged.at(-1)?.text).toBe('29 9')
    expect([await store.read(begin, [one], 10), await store.read(begin, 'all', 10)]).toEqual(['gone', 'gone'])
    expect(textsOf(await store.read(begin, [two], 10))).toEqual(['quiet'])
    const place = await store.place()
    for (const away of [
      { ...place, epoch: '1' },
      { ...place, ms: 1 },
      { ...place, seq: place.seq + 1 },
    ])
      expect(await store.read(away, [two], 10)).toBe('gone')
  })

  it('is read backwards in pages, within what is kept', async () => {
    const store = await openOne()
    const one = ++lists
    await tell(store, one, '1', '2', '3')
    await tell(store, ++lists, 'of another')
    const newest = await store.readBack(one, undefined, 2)
    expect(newest).toMatchObject({ logged: [{ text: '3', organization: one }, { text: '2' }], lostMs: 0 })
    expect((await store.readBack(one, newest.logged[1], 2)).logged.map(({ text }) => text)).toEqual(['1'])
    expect((await store.readBack(one, { ms: 1, seq: 1 }, 2)).logged).toEqual([])
    expect(await store.readBack(++lists, undefined, 2)).toEqual({ logged: [], lostMs: 0 })
    for (let i = 0; i < 13; i++) await tell(store, one, ...Array.from({ length: 10 }, () => `${i}`))
    expect((await store.readBack(one, undefined, 1)).lostMs).toBeGreaterThan(0)
  })

  it('has the last steps of the number of active accounts', async () => {
    const store = await openOne()
    const one = ++lists
    expect((await store.steps(one)).steps).toEqual([])
    const count = 120
    for (let active = 1; active <= count; active++) {
      const { version } = await store.load(one, [])
      const step = [active, active, 1, 0, active] as const
      await store.append(one, version, { ...told(one), step })
    }
    const { steps, seen, now } = await store.steps(one)
    expect([steps.length >= 100, steps.length <= 110]).toEqual([true, true])
    expect([steps.at(-1), seen?.active]).toEqual([[count, count, 1, 0, count], 1])
    expect(now).toBeGreaterThan(1)
  })

  it('replaces texts without moving an event, and tells listeners of what is appended', async () => {
    const store = await openOne()
    const one = ++lists
    let heard = 0
    const stop = store.listen(() => heard++)
    await until(async () => {
      await tell(store, one, `Anna ${heard}`)
      return heard > 1
    })
    stop()
    const before = await store.read(undefined, [one], 1000)
    await store.rewrite(one, (text) => text.replace('Anna', '[erased]'))
    const after = await store.read(undefined, [one], 1000)
    if (before === 'gone' || after === 'gone') throw new Error('gone')
    const places = ({ logged }: typeof before) => logged.map(({ ms, seq }) => [ms, seq])
    expect([places(after), after.logged[0]?.text]).toEqual([places(before), '[erased] 0'])
    expect(JSON.stringify(await store.read(undefined, 'all', 1000))).not.toContain('Anna')
  })
}

describe('the log of one process', () => {
  suite(() => async (retention) => ({
    store: createMemoryEventStore(systemClock, retention),
    close: () => {},
  }))
})

describeWithRedis('the log in Redis', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())
  suite(() => async (retention) => {
    const { url, prefix } = database
    const own = `${prefix}${lists}:`
    const redis = createRedis({ url, prefix: own, clock: systemClock, commandMs: 20_000, report: () => {} })
    await until(() => redis.state() === 'ready')
    return { store: createRedisEventStore(redis.tolerant, retention), close: redis.close }
  })

  const changes = isLong ? 10_000 : 300
  it(`of three instances leaves no reader silently wrong: ${changes} changes, kills, a flush`, async () => {
    const random = randomOf(newSeed('events'))
    const world = createEventWorld(database, random)
    const client = database.client()
    await world.start()
    const readers = [1, 2, 3, 4].map(() => world.startReader())
    const running = new Set<Promise<unknown>>()
    const run = (work: Promise<unknown>): void => {
      const ended = work.catch(() => {}).finally(() => running.delete(ended))
      running.add(ended)
    }
    const flushAt = Math.floor(changes * (0.3 + 0.4 * random()))
    for (let change = 0; change < changes; change++) {
      const organization = world.anyOrganization()
      if (random() < 0.5) run(world.write(organization))
      else world.changeBehind(organization)
      if (random() < 0.4) run(world.load(world.anyOrganization()))
      if (random() < 0.02) await world.kill()
      if (random() < 0.05) readers[Math.floor(random() * readers.length)]?.connect()
      for (const reader of readers) reader.reconnectIfCut()
      if (change === flushAt) {
        const keys = await client.keys(`${database.prefix}events:*`)
        if (keys.length > 0) await client.del(...keys)
      }
      while (running.size > 5) await Promise.race(running)
    }
    await Promise.all(running)
    let wrong: (string | undefined)[] = []
    await until(
      async () => {
        wrong = await Promise.all(readers.map(({ difference }) => difference()))
        return wrong.every((one) => one === undefined)
      },
      'every reader has the truth',
      50,
    ).catch((error) => {
      throw new Error(`${error.message}\n${wrong.join('\n').slice(0, 2000)}`)
    })
    const log = await world.log()
    expect(repeatedIn(log)).toEqual([])
    for (const { events } of readers) {
      const ids = events.filter(({ type }) => type !== 'resync').map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
    }
    const count = (part: string) => log.filter((event) => JSON.stringify(event).includes(part)).length
    process.stderr.write(
      `events: ${changes} changes, ${log.length} events after the flush, ${count('"gateway"')} of writes, ${count('resync')} base lines, ` +
        `${readers.map(({ events }) => events.filter(({ type }) => type === 'resync').length).join()} resyncs of readers\n`,
    )
    for (const reader of readers) reader.stop()
    world.stop()
  })
})

if (isLong)
  describeWithRedis('three gateway processes', () => {
    const count = Number(process.env['CHANGES'] ?? 10_000)
    it(`leave no reader silently wrong: ${count} changes, SIGKILL, an emptied Redis`, async () => {
      const summary = await runProcesses(count, randomOf(newSeed('events of processes')))
      process.stderr.write(`events of processes: ${summary}\n`)
    }, 1_800_000)
  })

/** Events that tell again what an earlier one told. After a base line it is not known what an earlier one told. */
const repeatedIn = (log: readonly Event[]): Event[] => {
  const known = new Map<number, { organization: number | null; status: string; isThere: boolean }>()
  return log.filter(({ type, organization, operator, from }) => {
    if (type === 'resync')
      for (const [id, one] of known)
        if (organization === null || one.organization === organization) known.delete(id)
    if (!operator) return false
    const before = known.get(operator.id)
    const { status } = operator
    known.set(operator.id, { organization, status, isThere: type !== 'operator.removed' })
    if (type === 'operator.statusChanged' && from === status) return true
    if (!before) return false
    if (type === 'operator.added') return before.isThere
    if (type === 'operator.statusChanged') return before.status === operator.status || before.status !== from
    return !before.isThere
  })
}
