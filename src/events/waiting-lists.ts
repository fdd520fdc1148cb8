import { type Clock, pause } from '../clock.ts'
import type { Roster } from '../lists/roster.ts'
import type { Listed } from './differences.ts'

/** A list that was loaded. Equal lists are the same object where possible. `askedAt`: monotonic ms. */
export type LoadedList = {
  /** The organization; 0: the list of organizations. */
  list: number
  listed: readonly Listed[]
  askedAt: number
  roster?: Roster
}

/**
 * Runs `work` while no write of the organization is in flight or in doubt, after late requests were marked. False: it did
 * not run. @throws Failure
 */
export type BetweenWrites = (roster: Roster, askedAt: number, work: () => Promise<void>) => Promise<boolean>

const againMs = 1000
// An older list says too little. A newer one comes.
const oldMs = 60_000

/** Lists whose differences are told later, when no write is in flight. The newest of each organization waits. */
export const createWaitingLists = (options: {
  clock: Clock
  betweenWrites: BetweenWrites
  /** Whether nothing is left to tell of the list. @throws Failure */
  settle(loaded: LoadedList): Promise<boolean>
}) => {
  const { clock, betweenWrites, settle } = options
  const waiting = new Map<number, LoadedList>()
  let isClosed = false

  const settleBetweenWrites = async (loaded: LoadedList): Promise<boolean> => {
    const { roster, askedAt } = loaded
    if (!roster) return settle(loaded)
    let isSettled = false
    await betweenWrites(roster, askedAt, async () => {
      isSettled = await settle(loaded)
    })
    return isSettled
  }
  /** Tells of the newest list that waits, as soon as that can be done. */
  const tellWaiting = async (list: number): Promise<void> => {
    for (let loaded = waiting.get(list); loaded && !isClosed; loaded = waiting.get(list)) {
      const isOver =
        clock.now() - loaded.askedAt > oldMs || (await settleBetweenWrites(loaded).catch(() => false))
      if (!isOver) await pause(clock, againMs)
      else if (waiting.get(list) === loaded) waiting.delete(list)
    }
  }
  const tellLater = (loaded: LoadedList): void => {
    const isTelling = waiting.has(loaded.list)
    waiting.set(loaded.list, loaded)
    if (!isTelling) void tellWaiting(loaded.list)
  }
  return {
    tellLater,
    close: (): void => {
      isClosed = true
    },
  }
}
