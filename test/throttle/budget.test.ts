import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  type Budget,
  type BudgetClass,
  backgroundShare,
  createLocalBudget,
  jitterMs,
  type Slot,
  slowedRate,
} from '../../src/throttle/budget.ts'
import { createClock } from '../support/clock.ts'

const setUp = (requestsPerSecond: number) => {
  const clock = createClock()
  return { clock, budget: createLocalBudget({ requestsPerSecond: () => requestsPerSecond, clock }) }
}
const take = (budget: Budget, budgetClass: BudgetClass = 'urgent'): Slot | undefined => {
  const granted = budget.take(budgetClass) as { slot: Slot } | { waitMs: number }
  return 'slot' in granted ? granted.slot : undefined
}
const waitOf = (budget: Budget, budgetClass: BudgetClass = 'urgent'): number =>
  (budget.take(budgetClass) as { waitMs: number }).waitMs

type Step =
  | { do: 'take'; budgetClass: BudgetClass }
  | { do: 'consume' | 'release'; which: number }
  | { do: number }
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('take' as const), budgetClass: fc.constantFrom('urgent', 'background') }),
    fc.record({ do: fc.constantFrom('consume' as const, 'release' as const), which: fc.nat(20) }),
    fc.record({ do: fc.integer({ min: 1, max: 700 }) }),
  ) as fc.Arbitrary<Step>,
  { minLength: 20, maxLength: 200 },
)

describe('the budget of one process', () => {
  it('lets at most N requests leave in any sliding second, whatever is taken, used and released', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), steps, async (n, sequence) => {
        const { clock, budget } = setUp(n)
        const open: { slot: Slot; budgetClass: BudgetClass }[] = []
        const left: { at: number; budgetClass: BudgetClass }[] = []
        for (const step of sequence) {
          if (step.do === 'take') {
            const slot = take(budget, step.budgetClass)
            if (slot) open.push({ slot, budgetClass: step.budgetClass })
          } else if (typeof step.do === 'number') await clock.advance(step.do)
          else if (open.length > 0) {
            const [one] = open.splice(step.which % open.length, 1)
            if (step.do === 'release') one!.slot.release()
            else if (one!.slot.consume()) left.push({ at: clock.now(), budgetClass: one!.budgetClass })
          }
        }
        for (const { at } of left) {
          const second = left.filter((other) => other.at >= at && other.at - at <= 1000)
          expect(second.length).toBeLessThanOrEqual(n)
          const background = second.filter(({ budgetClass }) => budgetClass === 'background')
          expect(background.length).toBeLessThanOrEqual(backgroundShare(n))
        }
      }),
      { numRuns: 150 },
    )
  })

  it('grants all N slots again one window after their requests left', async () => {
    const { clock, budget } = setUp(5)
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5; i++) expect(take(budget)?.consume()).toBe(true)
      const wait = waitOf(budget)
      await clock.advance(wait - 1)
      expect(take(budget)).toBeUndefined()
      await clock.advance(1)
    }
    expect(budget.status().usedInLastSecond).toBe(0)
  })

  it('counts a slot from its grant until one window after its request left, however late that is', async () => {
    const { clock, budget } = setUp(1)
    const slot = take(budget)
    await clock.advance(60_000)
    expect(take(budget)).toBeUndefined()
    slot?.consume()
    await clock.advance(1000)
    expect(take(budget)).toBeUndefined()
    await clock.advance(jitterMs)
    expect(take(budget)).toBeDefined()
  })

  it('grants nothing before it opens, which is no pause that ChatHub asked for', async () => {
    const clock = createClock()
    const budget = createLocalBudget({ requestsPerSecond: () => 5, clock, opensAt: 1050 })
    expect([waitOf(budget), budget.status().pausedForMs]).toEqual([1050, 0])
    await clock.advance(1050)
    expect(take(budget)).toBeDefined()
  })

  it('slows down once for all refusals of one burst', () => {
    const { budget } = setUp(9)
    for (let refusal = 0; refusal < 5; refusal++) budget.pause(2000)
    expect(budget.status().allowedNow).toBe(6)
  })

  it('counts noted requests for one window', async () => {
    const { clock, budget } = setUp(5)
    for (let i = 0; i < 100; i++) {
      budget.note('urgent')
      await clock.advance(100)
    }
    expect(budget.status().usedInLastSecond).toBe(10)
    expect(budget.idleInMs()).toBeGreaterThan(0)
  })

  it('counts a slot once, whichever of consume and release comes first', () => {
    const { budget } = setUp(3)
    const [sent, unused] = [take(budget)!, take(budget)!]
    sent.consume()
    sent.release()
    unused.release()
    unused.consume()
    unused.release()
    expect(budget.status().usedInLastSecond).toBe(1)
  })

  it('keeps two fifths for urgent calls, which may use everything', () => {
    expect([1, 2, 5, 10, 50].map(backgroundShare)).toEqual([1, 1, 3, 6, 30])
    const { budget } = setUp(5)
    for (let i = 0; i < 3; i++) expect(take(budget, 'background')).toBeDefined()
    expect(take(budget, 'background')).toBeUndefined()
    expect(take(budget)).toBeDefined()
    expect(take(budget)).toBeDefined()
    expect(take(budget)).toBeUndefined()
    const other = setUp(5).budget
    for (let i = 0; i < 5; i++) expect(take(other)).toBeDefined()
  })

  it('grants nothing during a pause, then two thirds, then a tenth more each minute', async () => {
    const { clock, budget } = setUp(30)
    budget.pause(4000)
    expect(waitOf(budget)).toBe(4000)
    expect(budget.status().pausedForMs).toBe(4000)
    await clock.advance(4000)
    expect(budget.status().allowedNow).toBe(20)
    await clock.advance(60_000)
    expect(budget.status().allowedNow).toBe(23)
    await clock.advance(3 * 60_000)
    expect(budget.status().allowedNow).toBe(30)
  })

  it('keeps the rate between one a second and the full rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.nat(20_000),
        fc.nat(7_200_000),
        (full, slow, ms) => {
          const rate = slowedRate(full, slow, ms)
          expect(rate).toBeGreaterThanOrEqual(1)
          expect(rate).toBeLessThanOrEqual(full)
          expect(slowedRate(full, 0, 12 * 60_000)).toBe(full)
        },
      ),
    )
  })

  it('does not end a longer pause for a shorter one', async () => {
    const { clock, budget } = setUp(5)
    budget.pause(10_000)
    budget.pause(1000)
    await clock.advance(9999)
    expect(take(budget)).toBeUndefined()
    await clock.advance(1)
    expect(take(budget)).toBeDefined()
  })

  it('estimates a lower bound: a call that asks all the time is not served earlier', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.nat(400), { maxLength: 12 }),
        fc.nat(25),
        fc.option(fc.integer({ min: 1, max: 3000 })),
        async (n, gaps, ahead, paused) => {
          const { clock, budget } = setUp(n)
          for (const gap of gaps) {
            take(budget)?.consume()
            await clock.advance(gap)
          }
          if (paused !== null) budget.pause(paused)
          const estimate = budget.estimate(ahead)
          const askedAt = clock.now()
          for (let served = 0; served <= ahead; ) {
            const granted = budget.take('urgent') as { slot: Slot } | { waitMs: number }
            if ('slot' in granted) {
              granted.slot.consume()
              served++
            } else await clock.advance(granted.waitMs)
          }
          expect(estimate).toBeLessThanOrEqual(clock.now() - askedAt)
        },
      ),
      { numRuns: 60 },
    )
  })
})
