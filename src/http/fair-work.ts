import { nextSlice } from '../clock.ts'

/**
 * Runs pieces of synchronous work one after the other, each in a turn of the event loop of its own, so that cheap requests
 * are answered between two of them. Clients take turns: one with many pieces does not delay one with few.
 */
export const createFairWork = () => {
  const waiting = new Map<string, (() => void | Promise<void>)[]>()
  let isRunning = false

  const runAll = async (): Promise<void> => {
    isRunning = true
    while (waiting.size > 0)
      for (const [client, jobs] of waiting) {
        await nextSlice()
        await jobs.shift()?.()
        if (jobs.length === 0) waiting.delete(client)
      }
    isRunning = false
  }
  /** Resolves or rejects as `work` does, when it has had its turn. Work that is long goes in slices. */
  return <T>(client: string, work: () => T | Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const job = async (): Promise<void> => {
        try {
          resolve(await work())
        } catch (error) {
          reject(error)
        }
      }
      const jobs = waiting.get(client)
      if (jobs) jobs.push(job)
      else waiting.set(client, [job])
      if (!isRunning) void runAll()
    })
}

export type FairWork = ReturnType<typeof createFairWork>
