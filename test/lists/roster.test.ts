import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { fold } from '../../src/contract/names.ts'
import type { Operator } from '../../src/contract/operator.ts'
import {
  comparing,
  countStatuses,
  createRoster,
  decodeRoster,
  type Roster,
  select,
} from '../../src/lists/roster.ts'
import { organization, people, rosterOf, someName, somePeople } from './people.ts'

const names = (found: readonly { name: string }[]) => found.map(({ name }) => name)
const ids = (found: readonly { id: number }[]) => found.map(({ id }) => id)

describe('a roster', () => {
  it('has the whole list as its bytes, and is decoded from the same bytes', () => {
    fc.assert(
      fc.property(somePeople, (operators) => {
        const roster = createRoster(organization, operators)
        const body = roster.bytes
        expect(JSON.parse(body.toString())).toEqual({
          organization,
          items: operators,
          total: operators.length,
          nextCursor: null,
        })
        const back = decodeRoster(body)
        expect(back.operators).toEqual(operators)
        expect(back.organization).toEqual(organization)
        expect(back.bytes.equals(roster.bytes)).toBe(true)
      }),
    )
  })

  it('with more operators is the roster of them all, whatever it has prepared', () => {
    const ready = fc.constantFrom<((roster: Roster) => unknown)[]>(
      () => undefined,
      (roster) => roster.byName('Olena'),
      (roster) => roster.byId(1),
      (roster) => [roster.byId(1), roster.byName('Olena'), roster.statistics(), roster.containing('olena')],
    )
    fc.assert(
      fc.property(somePeople, fc.nat(40), fc.nat(3), ready, (operators, some, more, prepare) => {
        let roster = createRoster(organization, operators.slice(0, some))
        prepare(roster)
        const before = roster.byName('Olena')
        const kept = structuredClone(before)
        for (let from = some; from < operators.length; from += more + 1) {
          const shorter = roster
          roster = shorter.with(operators.slice(from, from + more + 1))
          prepare(roster)
          const stranger: Operator = { id: 501, name: 'Olena', status: 'active' }
          const other = shorter.with([stranger]) // two lists may continue the same one
          expect(other.byName('Olena').at(-1)).toBe(stranger)
          expect(roster.byId(501)).toBeUndefined()
          expect(other.byId(operators[from]?.id as number)).toBeUndefined()
        }
        const whole = createRoster(organization, operators)
        expect(roster.bytes.toString()).toBe(whole.bytes.toString())
        expect(roster.bytes.equals(whole.bytes)).toBe(true)
        expect(roster.operators).toEqual(operators)
        expect(roster.statistics()).toEqual(whole.statistics())
        for (const { id, name } of operators) {
          expect(roster.byId(id)).toEqual(whole.byId(id))
          expect(roster.byName(name)).toEqual(whole.byName(name))
        }
        expect(before).toEqual(kept)
      }),
    )
  })

  it('with more operators is right though its bytes come from another version', () => {
    const bytes = Buffer.from(JSON.stringify({ organization, total: 1, items: people('Olena') }))
    const roster = decodeRoster(bytes).with([{ id: 2, name: 'Taras', status: 'active' }])
    expect(roster.bytes.equals(rosterOf('Olena', 'Taras').bytes)).toBe(true)
  })

  it.each(['', '{}', '[]', 'null', '{"items":[]}', '{"organization":{"id":1}}', 'not json'])(
    'is not decoded from other bytes: %j',
    (text) => {
      expect(() => decodeRoster(Buffer.from(text))).toThrow()
    },
  )

  it('finds by id and by folded name, all namesakes in ChatHub’s order', () => {
    const roster = rosterOf('Olena', 'Taras', ' OLENA ', 'Oleña', 'olena:deleted')
    expect(roster.byId(2)?.name).toBe('Taras')
    expect(roster.byId(99)).toBeUndefined()
    expect(ids(roster.byName('oLENA'))).toEqual([1, 3, 5])
    expect(roster.byName('nobody')).toEqual([])
    expect(roster.byName('__proto__')).toEqual([])
  })

  it('counts every operator in exactly one status', () => {
    expect(rosterOf('a', 'b:inactive', 'c:deleted', 'd:unknown', 'e').statistics()).toEqual({
      total: 5,
      active: 2,
      inactive: 1,
      deleted: 1,
      unknown: 1,
    })
    fc.assert(
      fc.property(somePeople, (operators) => {
        const { total, active, inactive, deleted, unknown } = countStatuses(operators)
        expect(active + inactive + deleted + unknown).toBe(total)
        expect(total).toBe(operators.length)
      }),
    )
  })

  it('keeps views up to four times the bytes of the list, or 64 KiB', () => {
    const roster = createRoster(organization, [])
    let made = 0
    const view = (key: string) => roster.view(key, () => ({ made: ++made, text: 'x'.repeat(20_000) }))
    for (const key of ['a', 'b', 'c']) view(key)
    view('a')
    expect(made).toBe(3)
    view('d') // b was used longest ago
    view('a')
    view('c')
    expect(made).toBe(4)
    view('b')
    expect(made).toBe(5)
  })

  it('makes each view once, and keeps the 64 that were used last', () => {
    const roster = rosterOf('a')
    let made = 0
    const view = (key: number) => roster.view(`${key}`, () => ({ key, made: ++made }))
    expect(view(0)).toBe(view(0))
    for (let key = 1; key < 64; key++) view(key)
    view(0)
    view(64)
    expect(made).toBe(65)
    view(0)
    expect(made).toBe(65)
    view(1)
    expect(made).toBe(66)
  })
})

describe('selecting', () => {
  const roster = rosterOf('Zoë', 'anna', 'José:inactive', 'Jose:deleted', 'Żółć:unknown', 'Anna')

  it('returns every operator in ChatHub’s order without a query', () => {
    expect(select(roster, {})).toBe(roster.operators)
  })

  it('filters by statuses, by whole names and by parts of names, together', () => {
    expect(ids(select(roster, { status: ['inactive', 'unknown'] }))).toEqual([3, 5])
    expect(ids(select(roster, { name: 'ANNA' }))).toEqual([2, 6])
    expect(ids(select(roster, { name: 'Jose' }))).toEqual([4])
    expect(ids(select(roster, { q: 'jose' }))).toEqual([3, 4])
    expect(ids(select(roster, { q: 'JOSÉ', status: ['deleted'] }))).toEqual([4])
    expect(ids(select(roster, { name: 'anna', q: 'nn', status: ['active'] }))).toEqual([2, 6])
    expect(ids(select(roster, { q: '' }))).toHaveLength(6)
    expect(select(roster, { q: '.*' })).toEqual([])
  })

  it('sorts by each key in order, ascending or descending, and finally by id', () => {
    const sort = (by: 'id' | 'name' | 'status', down = false) => ({ by, down })
    expect(names(select(roster, { sort: [sort('name')] }))).toEqual([
      'anna',
      'Anna',
      'Jose',
      'José',
      'Zoë',
      'Żółć',
    ])
    expect(ids(select(roster, { sort: [sort('id', true)] }))).toEqual([6, 5, 4, 3, 2, 1])
    expect(ids(select(roster, { sort: [sort('status'), sort('id', true)] }))).toEqual([6, 2, 1, 4, 3, 5])
  })

  it('changes nothing in the roster, and agrees with a test of each operator alone', () => {
    fc.assert(
      fc.property(
        somePeople,
        fc.constantFrom('ole', 'z', 'anna lee', 'ó', ''),
        fc.boolean(),
        (operators, q, down) => {
          const before = JSON.stringify(operators)
          const own = createRoster(organization, operators)
          const found = select(own, { q, status: ['active', 'inactive'], sort: [{ by: 'name', down }] })
          expect(JSON.stringify(own.operators)).toBe(before)
          const plain = (text: string) => fold(text).normalize('NFD').replace(/\p{M}/gu, '')
          const expected = operators.filter(
            ({ name, status }) => status !== 'deleted' && plain(name).includes(plain(q)),
          )
          expect(new Set(ids(found))).toEqual(new Set(ids(expected)))
          expect(found).toHaveLength(expected.length)
        },
      ),
    )
  })

  it('sorts what a filter leaves of a long list as that part alone would be sorted', () => {
    const long = fc.array(someName, { minLength: 600, maxLength: 700 })
    const status = fc.constantFrom('active', 'deleted')
    const operatorsOf = fc.tuple(long, fc.array(status, { minLength: 1, maxLength: 9 }))
    fc.assert(
      fc.property(operatorsOf, ([all, statuses]) => {
        const own = rosterOf(...all.map((name, at) => `${name}:${statuses[at % statuses.length]}`))
        const active = own.operators.filter((operator) => operator.status === 'active')
        for (const down of [false, true, false]) {
          const sort = [{ by: 'name' as const, down }]
          const expected = active.toSorted(comparing(sort))
          expect(ids(select(own, { status: ['active'], sort }))).toEqual(ids(expected))
          expect(own.sorted(sort)).toBe(own.sorted(sort))
        }
      }),
      { numRuns: 20 },
    )
  })

  it('has a total order: the same result from any order of the list', () => {
    fc.assert(
      fc.property(somePeople, (operators) => {
        const sort = [{ by: 'name' as const, down: true }]
        const one = select(createRoster(organization, operators), { sort })
        const other = select(createRoster(organization, operators.toReversed()), { sort })
        expect(ids(one)).toEqual(ids(other))
      }),
    )
  })
})
