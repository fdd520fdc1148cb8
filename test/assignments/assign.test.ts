import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  type AssignmentRequest,
  assign,
  change,
  type HeldChat,
  type Rotation,
} from '../../src/assignments/assign.ts'

const requestFor = (
  active: readonly number[],
  { exclude = [], ...more }: Partial<AssignmentRequest> & { exclude?: readonly number[] } = {},
): AssignmentRequest => ({
  strategy: 'roundRobin',
  active,
  candidates: active.filter((id) => !exclude.includes(id)),
  chatId: 'chat',
  held: undefined,
  now: 0,
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

/** Assigns `chats` new chats, and tells `each` the operator of every one. */
const give = (
  rotation: Rotation,
  active: readonly number[],
  chats: number,
  each: (operator: number) => void = () => {},
): void => {
  for (let i = 0; i < chats; i++) {
    const choice = assign(requestFor(active), rotation)
    if (!choice) return
    change(rotation, choice.changes)
    each(choice.hold.operator)
  }
}

describe('round robin', () => {
  it('gives operators that stay active equal numbers of chats, or one more, while others come and go', () => {
    const throughout = [50, 20]
    fc.assert(
      fc.property(lists, fc.nat(2), (story, place) => {
        const got = new Map(throughout.map((id) => [id, 0]))
        const rotation: Rotation = new Map()
        for (const [others, chats] of story)
          give(rotation, others.toSpliced(place, 0, ...throughout), chats, (operator) => {
            if (got.has(operator)) got.set(operator, (got.get(operator) as number) + 1)
            const [first, second] = [...got.values()] as [number, number]
            expect(Math.abs(first - second)).toBeLessThanOrEqual(1)
          })
      }),
    )
  })

  it('keeps the counts of active operators at most one apart, also of new and returning ones', () => {
    fc.assert(
      fc.property(lists, (story) => {
        const rotation: Rotation = new Map()
        for (const [active, chats] of story) {
          for (let i = 0; i < chats && active.length > 0; i++) {
            give(rotation, active, 1)
            const present = [...rotation].filter(([, { isActive }]) => isActive)
            expect(present.map(([id]) => id).toSorted()).toEqual(active.toSorted())
            const now = present.map(([, { count }]) => count)
            expect(Math.max(...now) - Math.min(...now)).toBeLessThanOrEqual(1)
          }
        }
      }),
    )
  })

  it('does not flood a new operator: afterwards each gets an even share, give or take two', () => {
    fc.assert(
      fc.property(somePeople, fc.nat(50), fc.integer({ min: 1, max: 60 }), (active, earlier, later) => {
        const rotation: Rotation = new Map()
        give(rotation, active, earlier)
        const all = [99, ...active]
        const got = new Map<number, number>()
        give(rotation, all, later, (operator) => got.set(operator, (got.get(operator) ?? 0) + 1))
        for (const id of all) expect(Math.abs((got.get(id) ?? 0) - later / all.length)).toBeLessThan(2)
      }),
    )
  })

  it('starts a new operator at the fewest of those that stayed, including an excluded one', () => {
    const rotation: Rotation = new Map()
    for (let i = 0; i < 10; i++) {
      const choice = assign(requestFor([1, 2, 3], { exclude: [1] }), rotation)
      change(rotation, choice?.changes ?? new Map())
    }
    expect([1, 2, 3].map((id) => rotation.get(id)?.count)).toEqual([0, 5, 5])
    expect(assign(requestFor([4, 1, 2, 3]), rotation)).toMatchObject({
      hold: { operator: 4 },
      why: { given: 0 },
    })
    expect(assign(requestFor([4, 2, 3]), rotation)).toMatchObject({
      hold: { operator: 4 },
      why: { given: 5 },
    })
  })

  it('remembers an operator that left only while its count is higher', () => {
    const rotation: Rotation = new Map()
    for (let id = 1; id <= 500; id++) give(rotation, [id, id + 1], 2)
    expect(rotation.size).toBeLessThanOrEqual(3)
  })

  it('does not starve an operator that comes back after all others were replaced', () => {
    const rotation: Rotation = new Map()
    give(rotation, [1, 2], 1000)
    give(rotation, [3, 4], 10)
    const got: number[] = []
    give(rotation, [1, 3, 4], 3, (operator) => got.push(operator))
    expect(got.toSorted()).toEqual([1, 3, 4])
  })
})

describe('a choice', () => {
  it('leaves a held chat with its operator while that one is active and not excluded', () => {
    fc.assert(
      fc.property(
        somePeople,
        fc.constantFrom('roundRobin' as const, 'modulo' as const),
        (active, strategy) => {
          for (const id of active) {
            const exclude = active.filter((other) => other !== id)
            const held = heldBy(id)
            const request = requestFor(active, { strategy, exclude, chatId: 1, held })
            const choice = assign(request, new Map())
            expect(choice).toEqual({ hold: held, why: { reason: 'held' }, changes: new Map() })
            expect(choice?.hold).toBe(held)
          }
        },
      ),
    )
  })

  it('is always an active operator that is not excluded, and undefined only when there is none', () => {
    const strategy = fc.constantFrom('roundRobin' as const, 'modulo' as const)
    fc.assert(
      fc.property(somePeople, somePeople, strategy, fc.maxSafeNat(), (active, exclude, by, chatId) => {
        const request = requestFor(active, { exclude, strategy: by, chatId, held: heldBy(1) })
        const choice = assign(request, new Map())
        const candidates = active.filter((id) => !exclude.includes(id))
        if (choice) expect(candidates).toContain(choice.hold.operator)
        else expect(candidates).toEqual([])
        if (choice) expect(choice.why.moved).toBe('inactive')
      }),
    )
  })

  it('by modulo is the function of the ChatHub document', () => {
    fc.assert(
      fc.property(somePeople, fc.maxSafeNat(), (active, chatId) => {
        fc.pre(active.length > 0)
        const choice = assign(requestFor(active, { strategy: 'modulo', chatId }), new Map())
        expect(choice?.hold.operator).toBe(active[chatId % active.length])
        expect(choice?.changes).toEqual(new Map())
      }),
    )
  })
})
