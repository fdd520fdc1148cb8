import type { Errand } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { Failure } from '../errors.ts'

/** The right to write to one organization. Every send and every record of it is held against it. */
export type Turn = {
  /** Names the holder; what is stored under another one is refused. */
  owner: string
  /** False as soon as somebody else might hold it: nothing may be sent any more. */
  live(): boolean
}

/** One write at a time per organization: a list that is compared with must not change before the write it decided. */
export type Turns = {
  /** Runs `work` when all that came before have ended. @throws Failure `chathub.busy` when the deadline comes first, `redis.unavailable` */
  take<T>(
    organization: number,
    errand: Pick<Errand, 'deadline'>,
    work: (turn: Turn) => Promise<T>,
  ): Promise<T>
}

/** Turns within this process, first come first served. */
export const createLocalTurns = (clock: Clock): Turns => {
  const tails = new Map<number, Promise<void>>()
  const turn: Turn = { owner: 'here', live: () => true }
  return {
    take: async (organization, errand, work) => {
      const before = tails.get(organization) ?? Promise.resolve()
      let done = (): void => {}
      const tail = before.then(() => new Promise<void>((resolve) => (done = resolve)))
      tails.set(organization, tail)
      try {
        await inTime(before, errand.deadline, clock)
        return await work(turn)
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
      reject(new Failure('chathub.busy', { retryAfterMs: 1000 })),
    )
    void before.then(() => {
      cancel()
      resolve()
    })
  })
