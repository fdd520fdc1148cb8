import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  type AssignmentRequest,
  assign,
  emptyRotation,
  type HeldChat,
  type Rotation,
} from '../../src/assignments/assign.ts'

const wish = (active: readonly number[], more: Partial<AssignmentRequest> = {}): AssignmentRequest => ({
  strategy: 'roundRobin',
  active,
  exclude: [],
  number: undefined,
  isNumber: false,
  ...more,
})
const heldBy = (operator: number): HeldChat => ({
  operator,
  strategy: 'roundRobin',
  assignedAt: 0,
  isNumber: false,
})

/** Operators of the organization, some of them active, in an order that is not that of their ids. */
const somePeople = fc
  .shuffledSubarray([11, 3, 7, 5, 2, 13], { minLength: 0 })
  .map((active) => active as readonly number[])
const lists = fc.array(fc.tuple(somePeople, fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 12 })

/** Gives `chats` new chats in turn and tells `each` after every one. */
const give = (
  start: Rotation,
  active: readonly number[],
  chats: number,
  each: (operator: number) => void,
): Rotation => {
  let turns = start
  for (let i = 0; i < chats; i++) {
    const choice = assign(wish(active), undefined, turns)
    if (!choice) return turns
    turns = choice.turns as Rotation
    each(choice.operator)
  }
  return turns
}

describe('round robin', () => {
  it('gives those who are there throughout the same number of chats or one more, whoever else comes and goes', () => {
    const throughout = [50, 20]
    fc.assert(
      fc.property(lists, fc.nat(2), (story, place) => {
        const got = new Map(throughout.map((id) => [id, 0]))
        let turns = emptyRotation
        for (const [others, chats] of story)
          turns = give(turns, others.toSpliced(place, 0, ...throughout), chats, (operator) => {
            if (got.has(operator)) got.set(operator, (got.get(operator) as number) + 1)
            const [first, second] = [...got.values()] as [number, number]
            expect(Math.abs(first - second)).toBeLessThanOrEqual(1)
          })
      }),
    )
  })

  it('compares numbers that are never more than one apart, newcomers and those who come back included', () => {
    fc.assert(
      fc.property(lists, (story) => {
        let turns = emptyRotation
        for (const [active, chats] of story) {
          for (let i = 0; i < chats && active.length > 0; i++) {
            turns = give(turns, active, 1, () => {})
            const now = active.map((id) => turns.given.get(id) as number)
            expect(Math.max(...now) - Math.min(...now)).toBeLessThanOrEqual(1)
          }
        }
      }),
    )
  })

  it('floods no newcomer: of n chats after somebody came everybody gets an even share, but for less than two', () => {
    fc.assert(
      fc.property(somePeople, fc.nat(50), fc.integer({ min: 1, max: 60 }), (active, earlier, later) => {
        const before = give(emptyRotation, active, earlier, () => {})
        const all = [99, ...active]
        const got = new Map<number, number>()
        give(before, all, later, (operator) => got.set(operator, (got.get(operator) ?? 0) + 1))
        for (const id of all) expect(Math.abs((got.get(id) ?? 0) - later / all.length)).toBeLessThan(2)
      }),
    )
  })

  it('remembers who is gone only while ahead, so that its memory does not grow with everyone who ever was', () => {
    let turns = emptyRotation
    for (let id = 1; id <= 500; id++) turns = give(turns, [id, id + 1], 2, () => {})
    expect(turns.given.size).toBeLessThanOrEqual(3)
  })

  it('lets nobody starve who came back long after everyone else was replaced', () => {
    let turns = give(emptyRotation, [1, 2], 1000, () => {})
    turns = give(turns, [3, 4], 10, () => {})
    const got: number[] = []
    give(turns, [1, 3, 4], 3, (operator) => got.push(operator))
    expect(got.toSorted()).toEqual([1, 3, 4])
  })
})

describe('a choice', () => {
  it('leaves a held chat alone while its operator is active and not excluded, whatever else is wished', () => {
    fc.assert(
      fc.property(
        somePeople,
        fc.constantFrom('roundRobin' as const, 'modulo' as const),
        (active, strategy) => {
          for (const id of active) {
            const exclude = active.filter((other) => other !== id)
            const wished = wish(active, { strategy, exclude, number: 1 })
            const choice = assign(wished, heldBy(id), emptyRotation)
            expect(choice).toEqual({ operator: id, why: { reason: 'held' } })
          }
        },
      ),
    )
  })

  it('is always an active operator that is not excluded, and nobody only when there is none', () => {
    const strategy = fc.constantFrom('roundRobin' as const, 'modulo' as const)
    fc.assert(
      fc.property(somePeople, somePeople, strategy, fc.maxSafeNat(), (active, exclude, by, number) => {
        const choice = assign(wish(active, { exclude, strategy: by, number }), heldBy(1), emptyRotation)
        const candidates = active.filter((id) => !exclude.includes(id))
        if (choice) expect(candidates).toContain(choice.operator)
        else expect(candidates).toEqual([])
        if (choice) expect(choice.why.moved).toBe('inactive')
      }),
    )
  })

  it('by modulo is the function of the ChatHub document', () => {
    fc.assert(
      fc.property(somePeople, fc.maxSafeNat(), (active, chatId) => {
        fc.pre(active.length > 0)
        const choice = assign(wish(active, { strategy: 'modulo', number: chatId }), undefined, emptyRotation)
        expect(choice?.operator).toBe(active[chatId % active.length])
        expect(choice?.turns).toBeUndefined()
      }),
    )
  })
})
