import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'

/** The right to write to one organization. Every send and every record of it is held against it. */
export type HeldLock = {
  /** Names the holder; what is stored under another one is refused. */
  owner: string
  /** False as soon as somebody else might hold it: nothing may be sent any more. */
  isHeld(): boolean
}

/** One write at a time per organization: a list that is compared with must not change before the write it decided. */
export type OrganizationLock = {
  /** Runs `work` when all that came before have ended. @throws Failure `queue.full` when the deadline comes first, `redis.unavailable` */
  withLock<T>(
    organization: number,
    context: Pick<CallContext, 'deadline'>,
    work: (lock: HeldLock) => Promise<T>,
  ): Promise<T>
}

/** Turns within this process, first come first served. */
export const createLocalOrganizationLock = (clock: Clock): OrganizationLock => {
  const tails = new Map<number, Promise<void>>()
  const lock: HeldLock = { owner: 'here', isHeld: () => true }
  return {
    withLock: async (organization, context, work) => {
      const before = tails.get(organization) ?? Promise.resolve()
      let done = (): void => {}
      const tail = before.then(() => new Promise<void>((resolve) => (done = resolve)))
      tails.set(organization, tail)
      try {
        await inTime(before, context.deadline, clock)
        return await work(lock)
      } finally {
        // Who gave up waiting lets the next one in only after those before it.
        void before.then(() => {
          done()
          if (tails.get(organization) === tail) tails.delete(organization)
        })
      }
    },
  }
}

const inTime = (before: Promise<void>, deadline: number, clock: Clock): Promise<void> =>
  new Promise((resolve, reject) => {
    const cancel = clock.after(deadline - clock.now(), () =>
      reject(new Failure('queue.full', { retryAfterMs: 1000 })),
    )
    void before.then(() => {
      cancel()
      resolve()
    })
  })
