import { nextSlice } from '../clock.ts'
import { createTurns } from './turns.ts'

/**
 * Runs pieces of synchronous work one after the other, each in a turn of the event loop of its own, so that cheap requests
 * are answered between two of them. Clients take turns.
 */
export const createFairWork = () => {
  const waiting = createTurns<() => Promise<void>>()
  let isRunning = false

  const runAll = async (): Promise<void> => {
    isRunning = true
    while (waiting.size() > 0) {
      await nextSlice()
      await waiting.next()?.()
    }
    isRunning = false
  }
  /** Resolves or rejects as `work` does, when it has had its turn. Work that is long goes in slices. */
  return <T>(client: string, work: () => T | Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push(client, async () => {
        try {
          resolve(await work())
        } catch (error) {
          reject(error)
        }
      })
      if (!isRunning) void runAll()
    })
}

export type FairWork = ReturnType<typeof createFairWork>
