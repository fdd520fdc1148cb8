import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { fold } from '../../src/contract/names.ts'
import type { Operator } from '../../src/contract/operator.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { type Baseline, countRows, isPending, type Row } from '../../src/writes/operation.ts'
import {
  baselineOf,
  lateOperators,
  type Modes,
  matchRows,
  planRows,
  previewRows,
  rowsToSend,
} from '../../src/writes/row-planner.ts'
import { organization, people, rosterOf, someName, somePeople } from '../lists/people.ts'
import { countTurns } from '../support/turns.ts'

const asked = (...names: string[]): Row[] => names.map((name, index) => ({ index, name, outcome: 'pending' }))
const skip = { onDuplicate: 'skip', onDeleted: 'report' } as const
const outcomes = (rows: Row[]) =>
  rows.map(({ outcome, id }) => (id === undefined ? outcome : `${outcome} ${id}`))
const modes = fc.record({
  onDuplicate: fc.constantFrom('skip' as const, 'allow' as const, 'fail' as const),
  onDeleted: fc.constantFrom('report' as const, 'reactivate' as const),
})

const toAdd = (rows: Row[], mode: Modes) => rowsToSend(rows, mode).adding
const toChange = (rows: Row[], mode: Modes = skip) => rowsToSend(rows, mode).changing

describe('planning rows with names', () => {
  it('adds new names, and reports existing ones with their id, compared folded', () => {
    const roster = rosterOf('Olena', 'Taras:inactive', 'Іван')
    expect(outcomes(planRows(roster, asked('OLENA', ' taras ', 'Anna', 'іван'), skip))).toEqual([
      'exists 1',
      'exists 2',
      'pending',
      'exists 3',
    ])
  })

  it('lets the second of two equal names wait for the first, and gives it the id if that is known', async () => {
    const [roster, names] = [rosterOf('Olena'), asked('Anna', 'ANNA', 'olena', 'Olena ')]
    const rows = planRows(roster, names, skip)
    expect(outcomes(rows)).toEqual(['pending', 'pending', 'exists 1', 'exists 1'])
    expect(toAdd(rows, skip).map(({ index }) => index)).toEqual([0])
    expect(outcomes(await previewRows(roster, names, skip))).toEqual([
      'created',
      'exists',
      'exists 1',
      'exists 1',
    ])
  })

  it('ends the second of two equal names as the first: it exists, is rejected, or is unknown', () => {
    for (const [first, second] of [
      [{ outcome: 'created', id: 7 }, 'exists 7'],
      [{ outcome: 'reactivated', id: 7 }, 'exists 7'],
      [{ outcome: 'rejected', reason: 'chathub.rejected' }, 'rejected'],
      [{ outcome: 'unknown' }, 'unknown'],
    ] as const) {
      const [one, two] = asked('Anna', 'ANNA')
      const rows = planRows(rosterOf(), [{ ...(one as Row), ...first }, two as Row], skip)
      expect(outcomes(rows)[1]).toBe(second)
    }
  })

  it('reports or reactivates a deleted operator of the name, unless another one is not deleted', async () => {
    const roster = rosterOf('Olena:deleted', 'Taras:deleted', 'Olena', 'Taras:deleted')
    expect(outcomes(planRows(roster, asked('Olena', 'Taras'), skip))).toEqual(['exists 3', 'existsDeleted 2'])
    const revive = { ...skip, onDeleted: 'reactivate' } as const
    const names = asked('Olena', 'Taras', 'taras')
    const rows = planRows(roster, names, revive)
    expect(outcomes(rows)).toEqual(['exists 3', 'pending 2', 'pending'])
    expect([toAdd(rows, revive), toChange(rows).map(({ id }) => id)]).toEqual([[], [2]])
    expect(outcomes(await previewRows(roster, names, revive))).toEqual([
      'exists 3',
      'reactivated 2',
      'exists',
    ])
  })

  it('reports an operator that was sent for reactivation and is active as reactivated', () => {
    const row: Row = { index: 0, name: 'Taras', id: 2, outcome: 'pending' }
    expect(outcomes(planRows(rosterOf('Olena', 'Taras'), [row], skip))).toEqual(['reactivated 2'])
    expect(outcomes(planRows(rosterOf('Taras', 'Olena'), [row], skip))).toEqual(['exists 1'])
  })

  it('adds every name when duplicates are allowed', () => {
    const rows = asked('Olena', 'Olena')
    expect(planRows(rosterOf('Olena'), rows, { ...skip, onDuplicate: 'allow' })).toEqual(rows)
  })

  it('keeps the place and name of each row and gives it one outcome; the counts sum to the total', () => {
    fc.assert(
      fc.property(somePeople, fc.array(someName), modes, (operators, names, mode) => {
        const rows = planRows(createRoster(organization, operators), asked(...names), mode)
        expect(rows.map(({ index, name }) => [index, name])).toEqual(
          names.map((name, index) => [index, name]),
        )
        expect(Object.values(countRows(rows)).reduce((sum, count) => sum + count, 0)).toBe(names.length)
      }),
    )
  })

  it('adds no name twice and no existing name, unless duplicates are allowed', () => {
    fc.assert(
      fc.property(somePeople, fc.array(someName), modes, (operators, names, mode) => {
        if (mode.onDuplicate === 'allow') return
        const rows = planRows(createRoster(organization, operators), asked(...names), mode)
        const added = toAdd(rows, mode).map(({ name }) => fold(name as string))
        const there = new Set(operators.map(({ name }) => fold(name)))
        expect(new Set(added).size).toBe(added.length)
        expect(added.filter((name) => there.has(name))).toEqual([])
        // And nothing is lost: each name asked for is there, or is added.
        for (const name of names) expect(there.has(fold(name)) || added.includes(fold(name))).toBe(true)
        const revived = toChange(rows).map(({ id }) => id)
        expect(new Set(revived).size).toBe(revived.length)
      }),
    )
  })
})

describe('a preview', () => {
  it('is what planning says, with each row that would be sent as written, and turns the event loop between slices', async () => {
    await fc.assert(
      fc.asyncProperty(somePeople, fc.array(someName), modes, async (operators, names, mode) => {
        const roster = createRoster(organization, operators)
        const rows = planRows(roster, asked(...names), mode)
        const [added, changed] = [toAdd(rows, mode), toChange(rows, mode)]
        const written = (row: Row) =>
          added.includes(row) ? 'created' : changed.includes(row) ? 'reactivated' : 'exists'
        expect(await previewRows(roster, asked(...names), mode)).toEqual(
          rows.map((row) => (isPending(row) ? { ...row, outcome: written(row) } : row)),
        )
      }),
    )
    const turns = countTurns()
    await previewRows(rosterOf(), asked(...Array.from({ length: 20_000 }, (_, i) => `Olena ${i}`)), skip)
    turns.stop()
    expect(turns.now()).toBeGreaterThan(3)
  })
})

describe('a row with an invalid name', () => {
  it('decides nothing for a later row whose name is equal when folded', () => {
    const rows: Row[] = [
      { index: 0, name: 'Anna\nSmith', outcome: 'rejected', reason: 'name.chars' },
      { index: 1, name: 'Anna Smith', outcome: 'pending' },
    ]
    expect(planRows(rosterOf(), rows, skip).map(({ outcome }) => outcome)).toEqual(['rejected', 'pending'])
  })
})

describe('planning changes of status', () => {
  it('rejects unknown operators, changes no status that is already set, and changes each operator once', () => {
    const rows = [1, 2, 9, 1].map((id, index): Row => ({ index, id, outcome: 'pending' }))
    const decided = planRows(rosterOf('Olena', 'Taras:inactive'), rows, { status: 'inactive' })
    expect(outcomes(decided)).toEqual(['pending 1', 'unchanged 2', 'rejected 9', 'pending 1'])
    expect(toChange(decided).map(({ index }) => index)).toEqual([0])
    const after = planRows(rosterOf('Olena:inactive'), decided.slice(3), { status: 'inactive' })
    expect(outcomes(after)).toEqual(['unchanged 1'])
  })
})

describe('late operators', () => {
  it('carry a watched name, are not known, and are not deleted', () => {
    const roster = rosterOf('Anna', 'Anna', 'Borys', 'Borys', 'Clara', 'Clara:deleted', 'Dmytro', 'Dmytro')
    const names: Baseline = [
      ['anna', [1, 2]],
      ['borys', [3]],
      ['clara', [5]],
      ['emma', []],
    ]
    expect(lateOperators(roster, names)).toEqual(new Map([['borys', [4]]]))
  })
})

describe('matching the operators that ChatHub created', () => {
  it('compares folded names, ignores the baseline, and gives each operator to one row', () => {
    const before = rosterOf('Olena', 'Anna')
    const sent = asked('olena', 'Olena', 'Тарас', 'Anna')
    const found: Operator[] = [
      ...people('Olena', 'Anna'),
      { id: 12, name: 'Тарас', status: 'active' },
      { id: 11, name: 'OLENA', status: 'active' },
    ]
    expect(outcomes(matchRows(sent, found, baselineOf(before, sent)))).toEqual([
      'created 11',
      'pending',
      'created 12',
      'pending',
    ])
  })

  it('prefers the exact spelling to the folded name', () => {
    const found = people('ANNA', 'Anna', 'anna').map((operator) => ({ ...operator, id: operator.id + 10 }))
    expect(outcomes(matchRows(asked('Anna', 'ANNA', 'aNNa'), found, []))).toEqual([
      'created 12',
      'created 11',
      'created 13',
    ])
  })

  it('accepts names of properties that every object has', () => {
    const names = ['Constructor', '__proto__', 'toString', 'hasOwnProperty']
    const before = rosterOf(...names)
    const sent = asked(...names, 'Anna')
    const baseline = JSON.parse(JSON.stringify(baselineOf(before, sent)))
    for (const known of [baseline, []]) {
      const made = [...names, 'Anna'].map((name, i): Operator => ({ id: 10 + i, name, status: 'active' }))
      expect(outcomes(matchRows(sent, made, known))).toEqual(
        [10, 11, 12, 13, 14].map((id) => `created ${id}`),
      )
      expect(matchRows(asked('Anna'), people(...names), known)[0]?.outcome).toBe('pending')
    }
    expect(lateOperators(before, baseline)).toEqual(new Map())
  })

  it('decides as many rows as operators were created, none twice, in whatever order they come', () => {
    fc.assert(
      fc.property(
        somePeople,
        fc.array(someName, { maxLength: 20 }),
        fc.infiniteStream(fc.nat()),
        (start, names, mix) => {
          const roster = createRoster(organization, start)
          const sent = asked(...names)
          const made = names.map((name, i): Operator => ({ id: 1000 + i, name, status: 'active' }))
          const order = new Map(made.map(({ id }) => [id, mix.next().value]))
          const answered = made.toSorted((a, b) => (order.get(a.id) as number) - (order.get(b.id) as number))
          const half = answered.slice(0, Math.ceil(answered.length / 2))
          const matched = matchRows(sent, [...start, ...half], baselineOf(roster, sent))
          const ids = matched.flatMap(({ outcome, id }) => (outcome === 'created' ? [id as number] : []))
          expect(ids.toSorted()).toEqual(half.map(({ id }) => id).toSorted())
          for (const { name, id } of matched)
            if (id !== undefined) expect(fold(made[id - 1000]?.name as string)).toBe(fold(name as string))
        },
      ),
    )
  })
})
