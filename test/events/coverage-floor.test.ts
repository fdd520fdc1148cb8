import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Clock } from '../../src/clock.ts'
import { Failure } from '../../src/errors.ts'
import { type Floor, type Floors, isOpen, watchFloors } from '../../src/events/coverage-floor.ts'
import type { EventStore } from '../../src/events/event-store.ts'
import { floorsText } from '../../src/events/floors-text.ts'
import { createMemoryEventStore } from '../../src/events/memory-event-store.ts'
import { createObserver } from '../../src/events/observer.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { createClock, type HandClock } from '../support/clock.ts'
import { newSeed } from '../support/long.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const floorOf = (entry: object) => floorsText.parse(JSON.stringify({ 24: entry })).named.get(24) as Floor

/** The last (-1) or a later Sunday of a month, at an hour of UTC. */
const sunday = (year: number, month: number, which: number, hour: number): number => {
  const first = which === -1 ? Date.UTC(year, month + 1, 1) - 7 * dayMs : Date.UTC(year, month, 1)
  const away = (7 - new Date(first).getUTCDay()) % 7
  return first + (away + 7 * Math.max(0, which - 1)) * dayMs + hour * hourMs
}
/** Zones as their laws have them, written down without Intl. */
const zones = {
  'Europe/Paris': {
    hours: 1,
    begin: (year: number) => sunday(year, 2, -1, 1),
    end: (year: number) => sunday(year, 9, -1, 1),
  },
  'America/New_York': {
    hours: -5,
    begin: (year: number) => sunday(year, 2, 2, 7),
    end: (year: number) => sunday(year, 10, 1, 6),
  },
  UTC: { hours: 0, begin: () => Infinity, end: () => Infinity },
}
type Zone = keyof typeof zones
const localOf = (zone: Zone, at: number): Date => {
  const { hours, begin, end } = zones[zone]
  const year = new Date(at).getUTCFullYear()
  const isSummer = at >= begin(year) && at < end(year)
  return new Date(at + (hours + (isSummer ? 1 : 0)) * hourMs)
}

describe('the hours of a floor', () => {
  it('are those that a clock on the wall shows, also in the weeks in which it is changed', () => {
    const instant = fc
      .record({
        zone: fc.constantFrom<Zone[]>('Europe/Paris', 'America/New_York', 'UTC'),
        year: fc.integer({ min: 2024, max: 2032 }),
        near: fc.constantFrom('begin' as const, 'end' as const),
        away: fc.integer({ min: -4 * 24 * 60, max: 4 * 24 * 60 }),
      })
      .map(({ zone, year, near, away }) => {
        const changed = zones[zone][near](year)
        return { zone, at: (Number.isFinite(changed) ? changed : Date.UTC(year, 5, 1)) + away * minuteMs }
      })
    const spans = fc.record({
      from: fc.nat(1439),
      to: fc.integer({ min: 1, max: 1440 }),
      first: fc.nat(6),
      last: fc.nat(6),
    })
    const text = (minute: number) =>
      `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
    const names = ['Su', 'Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa']
    const check = (
      { zone, at }: { zone: Zone; at: number },
      span: { from: number; to: number; first: number; last: number },
    ) => {
      const { from, to, first, last } = span
      const local = localOf(zone, at)
      const [day, minute] = [local.getUTCDay(), local.getUTCHours() * 60 + local.getUTCMinutes()]
      const isDay = (one: number) =>
        first <= last ? one >= first && one <= last : one >= first || one <= last
      const isOvernight = to <= from
      const expected =
        (isDay(day) && minute >= from && (isOvernight || minute < to)) ||
        (isOvernight && isDay((day + 6) % 7) && minute < to)
      const hours = [`${names[first]}-${names[last]} ${text(from)}-${text(to)}`]
      expect([new Date(at), isOpen(floorOf({ zone, hours }), at)]).toEqual([new Date(at), expected])
    }
    fc.assert(fc.property(instant, spans, check), { seed: newSeed('hours'), numRuns: 300 })
  })

  it('may name several days, and hold always without any', () => {
    const floor = floorOf({ zone: 'UTC', hours: ['Mo,We-Th 09:00-10:00', 'Su 22:00-24:00'] })
    const monday = Date.UTC(2026, 10, 30)
    const open = Array.from({ length: 7 * 24 }, (_, hour) => hour).filter((hour) =>
      isOpen(floor, monday + hour * hourMs),
    )
    expect(open).toEqual([9, 57, 81, 166, 167])
    expect(isOpen(floorOf({}), 0)).toBe(true)
  })

  it('are refused with what is wanted, and where', () => {
    const messages = (text: string) =>
      floorsText.safeParse(text).error?.issues.map(({ message }) => message) ?? []
    const example = ', in JSON such as {"24":{"floor":2}}'
    for (const [text, ...wanted] of [
      ['{', 'an object'],
      ['[]', 'an object'],
      ['{"x":{}}', 'the id of an organization, or * at x'],
      ['{"24":{"floor":-1}}', 'a whole number from 0 to 100000 at 24.floor'],
      ['{"24":{"zone":"Mars/Base"}}', 'an IANA time zone such as Europe/Kyiv at 24.zone'],
      ['{"24":{"hours":["Mo-Fr 09:00-18:00"]}}', 'a zone, because there are hours at 24'],
      ['{"24":{"zone":"UTC","hours":["Mo 9-18"]}}', 'hours such as "Mo-Fr 09:00-18:00" at 24.hours.0'],
      ['{"24":{"zone":"UTC","hours":["Mo 10:00-24:30"]}}', 'hours such as "Mo-Fr 09:00-18:00" at 24.hours.0'],
    ] as const)
      expect([text, messages(text)]).toEqual([text, wanted.map((one) => one + example)])
    const { named, others } = floorsText.parse('{"*":{"floor":0},"6":{"forMinutes":1}}')
    expect([[...named], others.floor]).toEqual([[[6, { floor: 1, forMs: minuteMs, zone: 'UTC' }]], 0])
    expect(floorsText.parse('{}').others).toMatchObject({ floor: 1, forMs: 5 * minuteMs })
  })
})

type Action =
  | { kind: 'wait'; minutes: number }
  | { kind: 'list'; by: number; active: number }
  | { kind: 'write'; by: number; who: number }
  | { kind: 'kill'; by: number; when: 'before' | 'after' }
const lookMinutes = 5
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), minutes: fc.nat(8).map((some) => some * lookMinutes) }),
  fc.record({ kind: fc.constant('wait' as const), minutes: fc.constantFrom(0, 240) }),
  fc.record({ kind: fc.constant('list' as const), by: fc.nat(2), active: fc.nat(4) }),
  fc.record({ kind: fc.constant('list' as const), by: fc.nat(2), active: fc.nat(4) }),
  fc.record({ kind: fc.constant('write' as const), by: fc.nat(2), who: fc.nat(3) }),
  fc.record({
    kind: fc.constant('kill' as const),
    by: fc.nat(2),
    when: fc.constantFrom('before' as const, 'after' as const),
  }),
)

/** Three instances over one store, each of which may die before or after it appends. They look every five minutes. */
const createFleet = (floors: Floors, startsAt: number) => {
  const clock = createClock(startsAt) as HandClock & Clock
  const slow: Clock = { ...clock, after: (ms, run) => clock.after(60 * lookMinutes * ms, run) }
  const store = createMemoryEventStore(clock, { keepMs: 1000 * dayMs, eventsMax: 10_000 })
  const start = () => {
    const dies: { when?: 'before' | 'after' | undefined; isDead: boolean } = { isDead: false }
    const fail = (): never => {
      dies.isDead = true
      observer.close()
      stop()
      throw new Failure('redis.unavailable')
    }
    const own: EventStore = {
      ...store,
      append: async (...given) => {
        if (dies.isDead || dies.when === 'before') fail()
        const version = await store.append(...given)
        return dies.when === 'after' ? fail() : version
      },
    }
    const observer = createObserver({
      ...{ store: own, clock: slow, floors, loadAgain: () => {} },
      cameBackAt: () => Number.NEGATIVE_INFINITY,
      betweenWrites: async (_roster, _askedAt, work) => work().then(() => true),
    })
    const stop = watchFloors({ store: own, clock: slow, floors, listenedTo: () => [24] })
    return { observer, dies }
  }
  const instances = [start(), start(), start()]
  const instance = (by: number) => {
    if (instances[by]?.dies.isDead) instances[by] = start()
    return instances[by] as ReturnType<typeof start>
  }
  const statusOf = (isActive: boolean) => (isActive ? ('active' as const) : ('inactive' as const))
  const act = async (one: Action) => {
    if (one.kind === 'wait') await clock.advance(one.minutes * minuteMs)
    else if (one.kind === 'kill') instance(one.by).dies.when = one.when
    else if (one.kind === 'list') {
      const operators = [1, 2, 3, 4].map((id) => ({ id, name: `P${id}`, status: statusOf(id <= one.active) }))
      const askedAt = clock.now()
      await clock.advance(1)
      const roster = createRoster({ id: 24, name: 'Support' }, operators)
      await instance(one.by).observer.loaded({ list: 24, listed: operators, askedAt, roster })
      await clock.advance(1)
    } else {
      const id = one.who + 1
      const known = await store.load(24, [id])
      if (!known.seen) return
      const to = statusOf(!known.rows.get(id)?.startsWith('active '))
      const change = {
        kind: 'statusChanged' as const,
        from: null,
        to,
        outcome: 'applied' as const,
        reason: null,
      }
      const changes = [{ ...change, operator: { id, name: `P${id}` } }]
      await instance(one.by)
        .observer.written({ organization: 24, at: clock.wall(), client: 'crm', changes })
        .catch(() => {})
      await clock.advance(1)
    }
    // Somebody is always alive.
    for (const by of [0, 1, 2]) instance(by)
  }
  const told = async () => {
    const page = await store.read(undefined, [24], 10_000)
    if (page === 'gone') throw new Error(page)
    return page.logged.map(({ text }) => JSON.parse(text)).filter(({ type }) => type.startsWith('coverage.'))
  }
  return { clock, store, act, told }
}

describe('coverage.low and coverage.restored', () => {
  it('are told once for each change of state by instances that die, and only when that is known', async () => {
    let count = 0
    const check = async (all: Action[], floor: number, forMinutes: number) => {
      const hours = ['Mo-Su 08:00-20:00']
      const floors = floorsText.parse(
        JSON.stringify({ 24: { floor, forMinutes, zone: 'Europe/Paris', hours } }),
      )
      // The days before and after the clocks go forward.
      const { clock, store, act, told } = createFleet(floors, Date.UTC(2026, 2, 28, 12))
      const facts: { at: number; active: number; askedAt: number }[] = []
      const counts = (at: number) => {
        const hour = localOf('Europe/Paris', at).getUTCHours()
        return hour >= 8 && hour < 20
      }
      const activeAt = (at: number) => facts.findLast((fact) => fact.at <= at)?.active ?? Infinity
      for (const one of [...all, { kind: 'wait', minutes: 2 * lookMinutes } as Action]) {
        await act(one)
        const { seen } = await store.load(24, [])
        if (seen) facts.push({ at: clock.wall(), active: seen.active, askedAt: seen.askedAt })
      }
      const events = await told()
      count += events.length
      const types = events.map(({ type }) => type)
      expect(types).toEqual(types.map((_, place) => (place % 2 === 0 ? 'coverage.low' : 'coverage.restored')))
      for (const { type, observedAt, coverage } of events) {
        const [at, since] = [Date.parse(observedAt), Date.parse(coverage.since)]
        // What an action changed is known when it has ended, 2 ms later at most.
        if (type === 'coverage.restored') {
          expect(
            [activeAt(at), activeAt(at + 1), activeAt(at + 2)].some((one) => one >= floor) || !counts(at),
          ).toBe(true)
          continue
        }
        expect([coverage.active < floor, counts(at), counts(since)]).toEqual([true, true, true])
        expect(at - since).toBeGreaterThanOrEqual(forMinutes * minuteMs)
        for (const fact of facts)
          if (fact.at > since + 2 && fact.at < at) expect(fact.active).toBeLessThan(floor)
        if (forMinutes > 0)
          expect(facts.some(({ askedAt }) => askedAt >= since + forMinutes * minuteMs && askedAt <= at)).toBe(
            true,
          )
      }
      // What has been so for longer than the distance of two looks was told.
      const isLow = types.at(-1) === 'coverage.low'
      const now = clock.wall()
      const last = facts.at(-1)
      if (!last) return
      if (last.active >= floor || (!counts(now) && !counts(now - 2 * lookMinutes * minuteMs)))
        expect(isLow).toBe(false)
      const belowSince = facts.findLast(({ active }) => active >= floor)?.at ?? (facts[0]?.at as number)
      const knownSince = last.askedAt - (forMinutes + 2 * lookMinutes) * minuteMs
      const isOpenSince = (start: number) => {
        for (let at = start; at <= now; at += minuteMs) if (!counts(at)) return false
        return true
      }
      if (last.active < floor && belowSince < knownSince && isOpenSince(knownSince)) expect(isLow).toBe(true)
    }
    const actions = fc.array(action, { minLength: 10, maxLength: 60 })
    const property = fc.asyncProperty(
      actions,
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0, 5, 25),
      check,
    )
    await fc.assert(property, { seed: newSeed('floor'), numRuns: 40 })
    expect(count).toBeGreaterThan(0)
  })

  it('say how many are active, how many should be, and since when they are too few', async () => {
    const floors = floorsText.parse('{"24":{"floor":2,"forMinutes":5}}')
    const { clock, act, told } = createFleet(floors, Date.UTC(2026, 0, 1))
    const list = (active: number) => act({ kind: 'list', by: 0, active })
    await list(3)
    await list(1)
    const since = new Date(clock.wall() - 1).toISOString()
    await act({ kind: 'wait', minutes: 60 })
    expect(await told()).toEqual([])
    await list(1)
    await act({ kind: 'wait', minutes: lookMinutes })
    const [low] = await told()
    expect(low).toMatchObject({
      type: 'coverage.low',
      organization: 24,
      coverage: { active: 1, floor: 2, since },
    })
    await act({ kind: 'write', by: 1, who: 3 })
    expect((await told()).slice(1)).toMatchObject([
      { type: 'coverage.restored', coverage: { active: 2, floor: 2, since } },
    ])
  })
})
