import { type Clock, every } from '../clock.ts'
import type { Journal } from './journal.ts'
import type { Operation } from './operation.ts'
import type { Runner } from './runner.ts'

const sweepMs = 5000
// A younger operation has a live owner, or its lock has not run out yet.
const orphanMs = 20_000

/** Carries on operations that a stopped instance left, every five seconds. The returned function ends it. */
export const sweep = (journal: Journal, runner: Pick<Runner, 'run'>, clock: Clock): (() => void) => {
  // When each was first seen open here: the clock of the instance that began it may differ.
  let seenAt = new Map<string, number>()
  const sweepOnce = async (): Promise<void> => {
    const open = await journal.open().catch((): Operation[] => [])
    seenAt = new Map(open.map(({ id }) => [id, seenAt.get(id) ?? clock.now()]))
    for (const { id, state, startedAt } of open) {
      const ageMs = Math.max(clock.wall() - startedAt, clock.now() - (seenAt.get(id) as number))
      if (state === 'queued' || ageMs > orphanMs) void runner.run(id)
    }
  }
  void sweepOnce()
  return every(clock, sweepMs, () => void sweepOnce())
}
