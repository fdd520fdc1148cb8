import { describe, expect, it } from '@jest/globals'
import { isLong } from '../support/long.ts'
import { type Bounds, coherenceModel } from './coherence-model.ts'
import { type Guard, guards } from './coherence-state.ts'
import { explore } from './explore.ts'

const short: Partial<Bounds> = { lease: 1, loads: 0 }
/** In the long form loads cross everything else, and a lease is two ticks. It takes half an hour and 8 GB. */
const whole: Partial<Bounds>[] = isLong
  ? [0, 2].flatMap((victim) => [
      { victim, lease: 2, loads: 0 },
      { victim, lease: 1, losses: 0 },
      { victim, lease: 1, cuts: 0 },
      { victim, lease: 1, loads: 0, logKept: 0 },
    ])
  : [{ victim: 2, ...short }]

/** Where each guard is missed soonest; the rest of the world is left out. */
const missedIn: Record<Guard, Partial<Bounds>> = {
  casOnFill: { losses: 0 },
  generationOnFill: { losses: 0 },
  generationOnAdopt: { losses: 0 },
  generationOnPatch: { victim: 0, loads: 0 },
  casOnPatch: { loads: 0 },
  termOnKeep: { victim: 0, loads: 0 },
  ownClock: { losses: 0 },
  fromSending: { victim: 0, loads: 0 },
  waitMembers: { losses: 0 },
  waitMissing: { cuts: 0 },
  waitJoined: { victim: 0, loads: 0 },
  waitConnected: { cuts: 0 },
  endOnLapse: { victim: 0, loads: 0 },
  endOnGap: { victim: 0, loads: 0, logKept: 0 },
  inLog: { victim: 0, loads: 0 },
  forgetFirst: { losses: 0 },
  absentIsOpen: { victim: 0, loads: 0 },
  joinerConfirmsNothing: { victim: 0, loads: 0 },
  epochUnique: { loads: 0 },
  ackAnnounced: { victim: 0, losses: 0, loads: 0, lease: 2 },
  bumpFirst: { victim: 0, losses: 0, cuts: 0 },
  joinersVouched: { losses: 0 },
}

/** Each of them takes seconds. */
const missedLate = new Set<Guard>([
  ...(['generationOnFill', 'generationOnAdopt', 'termOnKeep', 'ownClock', 'fromSending'] as const),
  ...(['waitMembers', 'waitMissing', 'waitConnected', 'joinerConfirmsNothing'] as const),
])

describe(' in every order in which three instances, two writes, a partition and a loss can go', () => {
  for (const bounds of whole)
    it(`no answer given as fresh is older than an acknowledged write ${JSON.stringify(bounds)}`, () => {
      const { states, violation } = explore(coherenceModel([], bounds))
      process.stdout.write(`${states} states\n`)
      expect(violation).toBeUndefined()
      expect(states).toBeGreaterThan(10_000)
    }, 3_600_000)

  const tried = Object.entries(guards).filter(([, guard]) => isLong || !missedLate.has(guard))
  for (const [sentence, guard] of tried)
    it(`one is, unless ${sentence}`, () => {
      const { violation } = explore(coherenceModel([guard], { lease: 1, ...missedIn[guard] }))
      process.stdout.write(`without "${sentence}": ${violation?.story.join(', ')}: ${violation?.wrong}\n`)
      expect(violation).toBeDefined()
    })
})
