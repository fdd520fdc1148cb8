import { LRUCache } from 'lru-cache'
import { type Clock, every } from '../clock.ts'

const askAgainMs = 150

/** Who has confirmed which notice. `ask`: which of these members by a beat, should what they published be lost. */
export const createConfirmations = (options: {
  clock: Clock
  waitMs: number
  ask(number: number, members: readonly string[]): Promise<string[]>
}) => {
  const { clock } = options
  const heard = new LRUCache<number, { members: Set<string>; told?: () => void }>({ max: 1000 })
  const of = (number: number) => {
    const known = heard.get(number) ?? { members: new Set<string>() }
    heard.set(number, known)
    return known
  }
  /** A member says that it has heard a notice; it may say so before the writer knows the notice's number. */
  const confirm = (number: number, member: string): void => {
    const known = of(number)
    known.members.add(member)
    known.told?.()
  }
  return {
    confirm,
    /** Resolves when all of `members` have confirmed `number`, or after `waitMs`. */
    from: (members: readonly string[], number: number): Promise<void> =>
      new Promise((resolve) => {
        const known = of(number)
        const finish = (): void => {
          known.told = undefined
          heard.delete(number)
          stopAsking()
          cancelEnd()
          resolve()
        }
        const look = (): void => {
          if (members.every((member) => known.members.has(member))) finish()
        }
        const stopAsking = every(clock, askAgainMs, () => {
          options.ask(number, members).then(
            (confirmed) => {
              for (const member of confirmed) confirm(number, member)
            },
            () => {}, // the whole wait runs out
          )
        })
        const cancelEnd = clock.after(options.waitMs, finish)
        known.told = look
        look()
      }),
  }
}
