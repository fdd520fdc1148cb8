import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import { alone, type Clock, every } from '../clock.ts'

const askAgainMs = 150

/** Which members confirmed which message. `ask` finds those whose published confirmation was lost. */
export const createConfirmations = (options: {
  clock: Clock
  waitMs: number
  ask(number: number, members: readonly string[]): Promise<string[]>
}) => {
  const { clock, waitMs, ask } = options
  // A member may confirm before the writer knows the number of its message.
  const confirmed = new LRUCache<number, Set<string>>(atMost(1000))
  const checks = new Map<number, () => void>()
  const confirm = (number: number, member: string): void => {
    confirmed.set(number, (confirmed.get(number) ?? new Set()).add(member))
    checks.get(number)?.()
  }
  return {
    confirm,
    /** Resolves when all of `members` have confirmed `number`, or after `waitMs`. */
    from: (members: readonly string[], number: number): Promise<void> =>
      new Promise((resolve) => {
        const end = (): void => {
          stopAsking()
          cancelEnd()
          checks.delete(number)
          confirmed.delete(number)
          resolve()
        }
        const check = (): void => {
          if (members.every((member) => confirmed.get(number)?.has(member))) end()
        }
        const askAgain = async (): Promise<void> => {
          for (const member of await ask(number, members).catch(() => [])) confirm(number, member)
        }
        const stopAsking = every(clock, askAgainMs, alone(askAgain))
        const cancelEnd = clock.after(waitMs, end)
        checks.set(number, check)
        check()
      }),
  }
}
