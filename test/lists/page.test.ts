import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { CursorText } from '../../src/contract/cursor.ts'
import type { Operator, OperatorQuery, SortKey } from '../../src/contract/operator.ts'
import { isWhole, page } from '../../src/lists/page.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { organization, people, rosterOf, someName, somePeople } from './people.ts'

const ids = ({ items }: { items: Partial<Operator>[] }) => items.map(({ id }) => id)
const cursorOf = ({ nextCursor }: { nextCursor: string | null }) => CursorText.parse(nextCursor)

const sorts: fc.Arbitrary<SortKey[] | undefined> = fc.constantFrom(
  undefined,
  [{ by: 'name', down: false }],
  [
    { by: 'status', down: true },
    { by: 'name', down: true },
  ],
  [{ by: 'id', down: true }],
)

describe('a page', () => {
  it('is the whole list without a limit', () => {
    const roster = rosterOf('a', 'b:deleted', 'c:unknown')
    expect(page(roster, {})).toEqual({
      organization,
      items: people('a', 'b:deleted', 'c:unknown'),
      total: 3,
      nextCursor: null,
    })
    expect(isWhole({})).toBe(true)
    expect(isWhole({ limit: 3 })).toBe(false)
  })

  it('has the limit, the total after the filter, and a cursor while there is more', () => {
    const roster = rosterOf('a', 'b:inactive', 'c', 'd', 'e')
    const first = page(roster, { limit: 2, status: ['active'] })
    expect([ids(first), first.total]).toEqual([[1, 3], 4])
    const second = page(roster, { limit: 2, status: ['active'], cursor: cursorOf(first) })
    expect([ids(second), second.total, second.nextCursor]).toEqual([[4, 5], 4, null])
  })

  it('has the fields asked for, and always the id', () => {
    const roster = rosterOf('a', 'b:unknown')
    expect(page(roster, { fields: ['name'] }).items).toEqual([
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ])
    expect(page(roster, { fields: ['status'] }).items[1]).toEqual({ id: 2, status: 'unknown', statusCode: 7 })
    expect(page(roster, { fields: ['id'] }).items[0]).toEqual({ id: 1 })
  })

  it('is refused for the cursor of another organization or another order', () => {
    const roster = rosterOf('a', 'b', 'c')
    const sort: SortKey[] = [{ by: 'name', down: false }]
    const cursor = cursorOf(page(roster, { limit: 1, sort }))
    const elsewhere = createRoster({ ...organization, id: 999 }, roster.operators)
    for (const refused of [
      () => page(roster, { cursor }),
      () => page(roster, { cursor, sort: [{ by: 'name', down: true }] }),
      () => page(elsewhere, { cursor, sort }),
    ])
      expect(refused).toThrow(
        expect.objectContaining({
          code: 'request.invalid',
          errors: [expect.objectContaining({ pointer: '/query/cursor' })],
        }),
      )
    expect(ids(page(roster, { cursor, sort }))).toEqual([2, 3])
  })

  it('has a short cursor without names', () => {
    const names = Array.from({ length: 20 }, (_, index) => `Somebody ${index}`)
    for (const sort of [undefined, [{ by: 'name' as const, down: false }]]) {
      const { nextCursor } = page(rosterOf(...names), { limit: 15, sort })
      expect(nextCursor?.length).toBeLessThan(400)
      expect(Buffer.from(nextCursor as string, 'base64url').toString()).not.toMatch(/Somebody|active/)
    }
  })

  it('skips and repeats no operator when those at its end were removed', () => {
    const first = page(rosterOf('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), { limit: 5 })
    const left = people('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h').filter(({ id }) => ![1, 2, 5].includes(id))
    const goOn = (operators: Operator[]) =>
      ids(page(createRoster(organization, operators), { limit: 2, cursor: cursorOf(first) }))
    expect(goOn(left)).toEqual([6, 7])
    expect(goOn(left.filter(({ id }) => id > 5))).toEqual([6, 7])
  })

  it('continues after its last operator, also when that one no longer matches the filter', () => {
    const query: OperatorQuery = { limit: 3, status: ['active'] }
    const first = page(rosterOf('a', 'b', 'c', 'd', 'e', 'f'), query)
    const later = rosterOf('a:inactive', 'b', 'c:deleted', 'd', 'e', 'f')
    expect(ids(page(later, { ...query, cursor: cursorOf(first) }))).toEqual([4, 5, 6])
  })

  it('ends when everything after its cursor was removed', () => {
    const first = page(rosterOf('a', 'b', 'c'), { limit: 2 })
    expect(page(rosterOf('a'), { limit: 2, cursor: cursorOf(first) })).toMatchObject({
      items: [],
      nextCursor: null,
    })
  })

  it('after page returns every operator once, in any order, when nothing changes', () => {
    fc.assert(
      fc.property(somePeople, fc.integer({ min: 1, max: 7 }), sorts, (operators, limit, sort) => {
        const roster = createRoster(organization, operators)
        const all = page(roster, { sort })
        const seen: unknown[] = []
        for (let cursor: string | null | undefined; cursor !== null; ) {
          const next = page(roster, { sort, limit, ...(cursor && { cursor: CursorText.parse(cursor) }) })
          seen.push(...ids(next))
          cursor = next.nextCursor
        }
        expect(seen).toEqual(ids(all))
      }),
    )
  })

  type Change = { at: number; what: 'new' | 'removed' | Partial<Operator> }
  /** The list after a change, and the operator that it touched. */
  const changedList = (operators: readonly Operator[], { at, what }: Change, newId: number) => {
    const touched = operators[at % operators.length]
    if (what === 'new')
      return { list: [...operators, { id: newId, name: 'Olena', status: 'active' } as const] }
    const others = operators.filter((operator) => operator !== touched)
    if (what === 'removed') return { touched, list: others }
    return {
      touched,
      list: operators.map((operator) => (operator === touched ? { ...operator, ...what } : operator)),
    }
  }

  /** Reads page after page, with the changes of one refresh between two pages. */
  const readOver = (
    start: readonly Operator[],
    limit: number,
    sort: SortKey[] | undefined,
    refreshes: Change[][],
  ) => {
    let operators = start
    let newId = 1000
    const steady = new Set(operators.filter(({ status }) => status === 'active').map(({ id }) => id))
    const seen: unknown[] = []
    let cursor: string | null = null
    for (const changes of refreshes) {
      const query = { sort, limit, status: ['active' as const] }
      const roster = createRoster(organization, operators)
      const next = page(roster, { ...query, ...(cursor && { cursor: CursorText.parse(cursor) }) })
      seen.push(...ids(next))
      cursor = next.nextCursor
      if (cursor === null) break
      for (const change of changes) {
        const { list, touched } = changedList(operators, change, newId++)
        operators = list
        if (touched) steady.delete(touched.id)
      }
    }
    return { steady, seen, isComplete: cursor === null }
  }

  it('after page, over refreshes, returns every operator exactly once that did not change meanwhile', () => {
    let checked = 0
    const someChange = fc.record({
      at: fc.nat(60),
      what: fc.oneof(
        fc.record({ status: fc.constantFrom('active' as const, 'inactive' as const) }),
        fc.record({ name: someName }),
        fc.constant('new' as const),
        fc.constant('removed' as const),
      ),
    })
    const someRefreshes = fc.array(fc.array(someChange, { maxLength: 4 }), { minLength: 50, maxLength: 50 })
    const limits = fc.integer({ min: 1, max: 5 })
    fc.assert(
      fc.property(somePeople, limits, sorts, someRefreshes, (start, limit, sort, refreshes) => {
        const { steady, seen, isComplete } = readOver(start, limit, sort, refreshes)
        fc.pre(isComplete) // else new operators came faster than pages
        checked += steady.size
        for (const id of steady) expect(seen.filter((one) => one === id)).toEqual([id])
      }),
      { numRuns: 300 },
    )
    expect(checked).toBeGreaterThan(300)
  })
})
