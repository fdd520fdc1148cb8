import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'

const askAgainMs = 150

/** Who has confirmed which notice. */
export type Confirmations = {
  /** A member says that it has heard a notice; it may say so before the writer knows the notice's number. */
  confirm(number: number, member: string): void
  /** Resolves when all of `members` have confirmed `number`, or after `waitMs`. */
  from(members: readonly string[], number: number): Promise<void>
}

/** `ask`: which of these members have confirmed by a beat, should what they published be lost. */
export const createConfirmations = (options: {
  clock: Clock
  waitMs: number
  ask(number: number, members: readonly string[]): Promise<string[]>
}): Confirmations => {
  const { clock } = options
  const heard = new LRUCache<number, { members: Set<string>; told?: () => void }>({ max: 1000 })
  const of = (number: number) => {
    const known = heard.get(number) ?? { members: new Set<string>() }
    heard.set(number, known)
    return known
  }
  const confirm = (number: number, member: string): void => {
    const known = of(number)
    known.members.add(member)
    known.told?.()
  }
  return {
    confirm,
    from: (members, number) =>
      new Promise((resolve) => {
        const known = of(number)
        const finish = (): void => {
          known.told = undefined
          heard.delete(number)
          cancelAsking()
          cancelEnd()
          resolve()
        }
        const look = (): void => {
          if (members.every((member) => known.members.has(member))) finish()
        }
        const ask = (): void => {
          options.ask(number, members).then(
            (confirmed) => {
              for (const member of confirmed) confirm(number, member)
            },
            () => {}, // the whole wait runs out
          )
          cancelAsking = clock.after(askAgainMs, ask)
        }
        let cancelAsking = clock.after(askAgainMs, ask)
        const cancelEnd = clock.after(options.waitMs, finish)
        known.told = look
        look()
      }),
  }
}
