import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Clock } from '../../src/clock.ts'
import { coverageIn, type Step } from '../../src/events/coverage-steps.ts'
import { decodeRow, encodeRow } from '../../src/events/differences.ts'
import { floorsText } from '../../src/events/floors-text.ts'
import { createMemoryEventStore } from '../../src/events/memory-event-store.ts'
import { createObserver } from '../../src/events/observer.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { createClock, type HandClock } from '../support/clock.ts'
import { newSeed } from '../support/long.ts'

type Status = 'active' | 'inactive' | 'deleted'
type Action = { kind: 'behind' | 'write'; who: number; to: Status | 'removed' } | { kind: 'list' | 'restart' }
const people = 6
const others = Array.from({ length: 10 }, (_, place): [number, Status] => [100 + place, 'inactive'])
const action: fc.Arbitrary<Action & { ms: number }> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('behind' as const, 'write' as const),
    who: fc.nat(people - 1),
    to: fc.constantFrom('active' as const, 'inactive' as const, 'deleted' as const, 'removed' as const),
    ms: fc.nat(3),
  }),
  fc.record({ kind: fc.constantFrom('list' as const, 'list' as const, 'restart' as const), ms: fc.nat(3) }),
)

/** An organization whose truth is known at every instant, and what the gateway learns of it. */
const createWorld = () => {
  const clock = createClock() as HandClock & Clock
  const store = createMemoryEventStore(clock, { keepMs: 3_600_000, eventsMax: 1000 })
  const start = () =>
    createObserver({
      ...{ store, clock, loadAgain: () => {}, floors: floorsText.parse('{}') },
      cameBackAt: () => Number.NEGATIVE_INFINITY,
      betweenWrites: async (_roster, _askedAt, work) => {
        await work()
        return true
      },
    })
  let observer = start()
  const statuses = new Map<number, Status>([[1, 'active']])
  const truth: [at: number, active: number][] = [[clock.wall(), 1]]
  /** A change that another one undoes before a compared list shows it cannot be known. */
  const touched = new Set<number>()
  let shown = new Set<number>()
  let list: { askedAt: number; shown?: [number, Status][] } | undefined
  const set = (who: number, to: Status | 'removed') => {
    if (to === 'removed') statuses.delete(who)
    else statuses.set(who, to)
    truth.push([clock.wall(), [...statuses.values()].filter((status) => status === 'active').length])
  }
  /** A list is asked for, shows what is true then, and arrives. */
  const goOnWithList = async () => {
    if (!list) list = { askedAt: clock.now() }
    else if (!list.shown) {
      list.shown = [...statuses]
      shown = new Set(touched)
    } else {
      // With others, whose number does not let a list look as if it had lost too much.
      const operators = [...list.shown, ...others].map(([id, status]) => ({
        id,
        name: `Person ${id}`,
        status,
      }))
      const roster = createRoster({ id: 24, name: 'Support' }, operators)
      await observer.loaded({ list: 24, listed: operators, askedAt: list.askedAt, roster })
      list = undefined
      await clock.advance(0)
      for (const who of shown) touched.delete(who)
    }
  }
  const change = async (kind: 'behind' | 'write', who: number, to: Status | 'removed') => {
    const from = statuses.get(who)
    if (touched.has(who) || from === to || (to === 'removed' && (kind === 'write' || !from))) return
    touched.add(who)
    shown.delete(who)
    set(who, to)
    if (kind === 'behind') return
    await observer.written({
      ...{ organization: 24, at: clock.wall(), client: 'crm', operation: '24-abc' },
      changes: [
        {
          ...{ kind: from ? 'statusChanged' : 'added', from: from ?? null, to: to as Status },
          ...{ outcome: 'applied', reason: null, operator: { id: who, name: `Person ${who}` } },
        },
      ],
    })
  }
  return {
    ...{ clock, store, truth },
    run: async (one: Action & { ms: number }) => {
      await clock.advance(one.ms)
      if (one.kind === 'restart') observer = start()
      else if (one.kind === 'list') await goOnWithList()
      else if ('who' in one) await change(one.kind, one.who, one.to)
    },
  }
}

describe('coverage', () => {
  it('never contradicts the truth, has no gaps, and knows it exactly where no list is open', async () => {
    let exact = 0
    const check = async (all: (Action & { ms: number })[]) => {
      const { clock, store, truth, run } = createWorld()
      const from = clock.wall()
      for (const one of all) await run(one)
      await clock.advance(5)
      const { seen, steps } = await store.steps(24)
      const found = coverageIn(steps, seen, { period: [from, clock.wall()], keptSince: 0, most: 1000 })
      const places = found.map((step) => [Date.parse(step.from), Date.parse(step.to)] as const)
      expect([places[0]?.[0], ...places.map(([, to]) => to)]).toEqual([
        ...places.map(([start]) => start),
        clock.wall(),
      ])
      for (const [place, { active, least, most }] of found.entries()) {
        const [start, end] = places[place] as [number, number]
        // What lasted for less than a millisecond does not count.
        const valid = truth.filter(
          ([at], index) => at < end && (truth[index + 1]?.[0] ?? Infinity) > Math.max(at, start),
        )
        for (const [, real] of valid)
          expect([real, (least ?? 0) <= real && real <= (most ?? people)]).toEqual([real, true])
        expect(least ?? 0).toBeGreaterThanOrEqual(0)
        if (active === null) continue
        exact += end - start
        expect(new Set(valid.map(([, real]) => real))).toEqual(new Set([active]))
      }
    }
    const seed = newSeed('coverage')
    const actions = fc.array(action, { minLength: 10, maxLength: 60 })
    await fc.assert(fc.asyncProperty(actions, check), { seed, numRuns: 100 })
    expect(exact).toBeGreaterThan(0)
  })

  const seen = (askedAt: number) => ({
    ...{ askedAt, arrivedAt: askedAt + 1, begunAt: 1000 },
    ...{ active: 0, belowSince: 0, isLow: false },
  })
  const stepsOf = (steps: Step[], until: number, keptSince = 0) =>
    coverageIn(steps, seen(until), { period: [0, 9000], keptSince, most: 100 }).map(
      ({ from, least, most }) => [Date.parse(from), least, most],
    )
  const base: Step = [1000, 1000, null, null, 3]
  it('is unknown before the first list, after the last one, and where nothing is kept', () => {
    expect(stepsOf([], 8000)).toEqual([[0, null, null]])
    expect(coverageIn([base], undefined, { period: [0, 9000], keptSince: 0, most: 100 })).toHaveLength(1)
    const known = [
      [0, null, null],
      [1000, 3, 3],
      [8000, null, null],
    ]
    expect(stepsOf([base], 8000)).toEqual(known)
    expect(stepsOf([base], 8000, 1500)).toEqual([known[0], [1500, 3, 3], known[2]])
  })
  it('has bounds while a change may have happened, also with writes in between', () => {
    const steps: Step[] = [base, [3000, 3000, 1, 0, 4], [2000, 5000, 0, 2, 2]]
    expect(stepsOf(steps, 8000)).toEqual([
      [0, null, null],
      [1000, 3, 3],
      [2000, 1, 3],
      [3000, 2, 4],
      [5000, 2, 2],
      [8000, null, null],
    ])
  })
  it('is never less than nobody, while the same account may have been lost, gained and lost again', () => {
    const one: Step = [1000, 1000, null, null, 1]
    const steps: Step[] = [one, [2000, 5000, 0, 1, 0], [2500, 5500, 1, 0, 1], [3000, 6000, 0, 1, 0]]
    expect(stepsOf(steps, 8000)).toEqual([
      [0, null, null],
      [1000, 1, 1],
      [2000, 0, 1],
      [2500, 0, 2],
      [5000, 0, 1],
      [6000, 0, 0],
      [8000, null, null],
    ])
  })
  it('is unknown between two steps that do not fit together, and from a lost list to the next base line', () => {
    expect(stepsOf([base, [4000, 4000, 1, 0, 9]], 8000)).toEqual([
      [0, null, null],
      [4000, 9, 9],
      [8000, null, null],
    ])
    expect(stepsOf([base, [2000, 2000, 0, 1, 2], [5000, 5000, null, null, 2]], 8000)).toEqual([
      [0, null, null],
      [1000, 3, 3],
      [2000, null, null],
      [5000, 2, 2],
      [8000, null, null],
    ])
  })
})

it('a row keeps who changed it, whatever the client and the person are called', () => {
  fc.assert(
    fc.property(fc.string(), fc.option(fc.string()), fc.nat(), (client, subject, since) => {
      const by = client === '' ? undefined : { client, subject }
      const row = { status: 'unknown' as const, statusCode: 7, name: 'digest', toldAt: 1, since, by }
      expect(decodeRow(encodeRow(row))).toEqual(row)
    }),
    { seed: newSeed('rows') },
  )
})
