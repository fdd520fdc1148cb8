import { type Clock, within } from '../clock.ts'
import { Failure } from '../errors.ts'

/** What a write may take beyond its deadline, ms: for a Redis that goes away while the outcome is kept. */
const graceMs = 500

/**
 * The answer of a write, half a second after its deadline at the latest. What was sent goes on.
 * @throws Failure `write.in-doubt`
 */
export const byDeadline = async <A>(clock: Clock, answer: Promise<A>, deadline: number): Promise<A> => {
  const inTime = await within(clock, answer, deadline + graceMs - clock.now())
  if (inTime !== undefined) return inTime
  throw new Failure('write.in-doubt', {
    detail: 'No outcome is known by the deadline. What was sent goes on.',
  })
}
