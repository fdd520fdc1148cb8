import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, within } from '../clock.ts'
import { Failure } from '../errors.ts'

/** The right to write to one organization. Every request and every record is checked against it. */
export type HeldLock = {
  /** Names the holder; records under another owner are refused. */
  owner: string
  /** False as soon as another instance might hold it: nothing may be sent any more. */
  isHeld(): boolean
  /** Is told that the last record has released it. A lock within this process ends with its work. */
  released?(): void
}

/** How long a caller waits for a lock. */
export type LockContext = Pick<CallContext, 'deadline' | 'signal'>

/** One write at a time per organization: the list that a write was planned with must not change before it is sent. */
export type OrganizationLock = {
  /**
   * Runs `work` when all earlier work has ended. `reads`: keys of this organization that Redis reads in the step that takes
   * the lock; `work` gets their values.
   * @throws Failure `queue.full` when the deadline or the signal comes first, `redis.unavailable`
   */
  withLock<T>(
    organization: number,
    context: LockContext,
    work: (lock: HeldLock, values: readonly (Buffer | null)[]) => Promise<T>,
    reads?: readonly string[],
  ): Promise<T>
}

/** Locks within this process, in the order of request. */
export const createLocalOrganizationLock = (clock: Clock): OrganizationLock => {
  const tails = new Map<number, Promise<void>>()
  const lock: HeldLock = { owner: 'here', isHeld: () => true }
  return {
    withLock: (organization, context, work) => {
      const before = tails.get(organization) ?? Promise.resolve()
      const result = beforeDeadline(before, context.deadline, clock).then(() => work(lock, []))
      // A waiter that timed out keeps its queue position: the next one still waits for those before it.
      const tail = Promise.allSettled([before, result]).then(() => {
        if (tails.get(organization) === tail) tails.delete(organization)
      })
      tails.set(organization, tail)
      return result
    },
  }
}

const beforeDeadline = async (before: Promise<void>, deadline: number, clock: Clock): Promise<void> => {
  const isFree = before.then(() => true)
  if (!(await within(clock, isFree, deadline - clock.now())))
    throw new Failure('queue.full', { retryAfterMs: 1000 })
}
