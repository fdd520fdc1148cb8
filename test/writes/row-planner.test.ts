import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { fold } from '../../src/contract/names.ts'
import type { Operator } from '../../src/contract/operator.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { type Baseline, countRows, type Row } from '../../src/writes/operation.ts'
import {
  baselineOf,
  lateDuplicates,
  type Modes,
  matchRows,
  planRows,
  previewRows,
  rowsToSend,
} from '../../src/writes/row-planner.ts'
import { organization, people, rosterOf, someName, somePeople } from '../lists/people.ts'

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

describe('what is to happen with the names of an add', () => {
  it('new ones are added, those there before are named with their id, folded', () => {
    const roster = rosterOf('Olena', 'Taras:inactive', 'Іван')
    expect(outcomes(planRows(roster, asked('OLENA', ' taras ', 'Anna', 'іван'), skip))).toEqual([
      'exists 1',
      'exists 2',
      'pending',
      'exists 3',
    ])
  })

  it('the second of two equal names waits for the first, and has its id where that is there already', () => {
    const rows = planRows(rosterOf('Olena'), asked('Anna', 'ANNA', 'olena', 'Olena '), skip)
    expect(outcomes(rows)).toEqual(['pending', 'pending', 'exists 1', 'exists 1'])
    expect(toAdd(rows, skip).map(({ index }) => index)).toEqual([0])
    expect(outcomes(previewRows(rows, skip))).toEqual(['created', 'exists', 'exists 1', 'exists 1'])
  })

  it('what became of the first befalls the second: it exists, was refused, or is in doubt', () => {
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

  it('a deleted namesake is reported or to be revived, but only when no living one is there', () => {
    const roster = rosterOf('Olena:deleted', 'Taras:deleted', 'Olena', 'Taras:deleted')
    expect(outcomes(planRows(roster, asked('Olena', 'Taras'), skip))).toEqual(['exists 3', 'existsDeleted 2'])
    const revive = { ...skip, onDeleted: 'reactivate' } as const
    const rows = planRows(roster, asked('Olena', 'Taras', 'taras'), revive)
    expect(outcomes(rows)).toEqual(['exists 3', 'pending 2', 'pending'])
    expect([toAdd(rows, revive), toChange(rows).map(({ id }) => id)]).toEqual([[], [2]])
    expect(outcomes(previewRows(rows, revive))).toEqual(['exists 3', 'reactivated 2', 'exists'])
  })

  it('one that was being revived and lives is reactivated, not found', () => {
    const row: Row = { index: 0, name: 'Taras', id: 2, outcome: 'pending' }
    expect(outcomes(planRows(rosterOf('Olena', 'Taras'), [row], skip))).toEqual(['reactivated 2'])
    expect(outcomes(planRows(rosterOf('Taras', 'Olena'), [row], skip))).toEqual(['exists 1'])
  })

  it('with duplicates allowed everything is added', () => {
    const rows = asked('Olena', 'Olena')
    expect(planRows(rosterOf('Olena'), rows, { ...skip, onDuplicate: 'allow' })).toEqual(rows)
  })

  it('every row keeps its place and name and gets one outcome, and the counts sum to the total', () => {
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

  it('unless duplicates are allowed, no name is added twice, nor one that somebody living or deleted has', () => {
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

describe('a row that is no name', () => {
  it('takes nothing from one that reads like it', () => {
    const rows: Row[] = [
      { index: 0, name: 'Anna\nSmith', outcome: 'rejected', reason: 'name.chars' },
      { index: 1, name: 'Anna Smith', outcome: 'pending' },
    ]
    const modes = { onDuplicate: 'skip', onDeleted: 'report' } as const
    expect(planRows(rosterOf(), rows, modes).map(({ outcome }) => outcome)).toEqual(['rejected', 'pending'])
  })
})

describe('what is to happen with statuses', () => {
  it('nobody unknown is asked for, nothing that is so already, and nobody twice', () => {
    const rows = [1, 2, 9, 1].map((id, index): Row => ({ index, id, outcome: 'pending' }))
    const decided = planRows(rosterOf('Olena', 'Taras:inactive'), rows, { status: 'inactive' })
    expect(outcomes(decided)).toEqual(['pending 1', 'unchanged 2', 'rejected 9', 'pending 1'])
    expect(toChange(decided).map(({ index }) => index)).toEqual([0])
    const after = planRows(rosterOf('Olena:inactive'), decided.slice(3), { status: 'inactive' })
    expect(outcomes(after)).toEqual(['unchanged 1'])
  })
})

describe('names that stand twice', () => {
  it('are those of which somebody is neither ours, nor was there before, nor is deleted', () => {
    const roster = rosterOf('Anna', 'Anna', 'Borys', 'Borys', 'Clara', 'Clara:deleted', 'Dmytro', 'Dmytro')
    const baseline: Baseline = [
      ['anna', [1]],
      ['borys', []],
      ['clara', []],
      ['emma', []],
    ]
    const rows = [2, 3, 5].map((id, index): Row => ({ index, id, outcome: 'created' }))
    expect(lateDuplicates(roster, baseline, rows)).toEqual(new Set(['borys']))
  })
})

describe('whom ChatHub made', () => {
  it('is matched by folded name against what was there before, each operator to one row', () => {
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

  it('is matched by its very spelling before its folded name', () => {
    const found = people('ANNA', 'Anna', 'anna').map((operator) => ({ ...operator, id: operator.id + 10 }))
    expect(outcomes(matchRows(asked('Anna', 'ANNA', 'aNNa'), found, []))).toEqual([
      'created 12',
      'created 11',
      'created 13',
    ])
  })

  it('may be called like something that every object has', () => {
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
    const rows = [11, 12, 13, 14].map((id, index): Row => ({ index, id, outcome: 'created' }))
    expect(lateDuplicates(before, baseline, rows)).toEqual(new Set())
  })

  it('in whatever order it answers: as many rows are settled as it made, none of them twice', () => {
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
          const settled = matchRows(sent, [...start, ...half], baselineOf(roster, sent))
          const ids = settled.flatMap(({ outcome, id }) => (outcome === 'created' ? [id as number] : []))
          expect(ids.toSorted()).toEqual(half.map(({ id }) => id).toSorted())
          for (const { name, id } of settled)
            if (id !== undefined) expect(fold(made[id - 1000]?.name as string)).toBe(fold(name as string))
        },
      ),
    )
  })
})
