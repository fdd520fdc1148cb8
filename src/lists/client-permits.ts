/**
 * Bounds the work of each client: so much at a time, whatever the number of its requests. Requests of a client take turns.
 */
export const createClientPermits = (most: number) => {
  const clients = new Map<string, { used: number; waiting: (() => void)[] }>()
  /** Runs `work` when the client has a free permit. */
  return async <T>(client: string, work: () => Promise<T>): Promise<T> => {
    const permits = clients.get(client) ?? { used: 0, waiting: [] }
    clients.set(client, permits)
    if (permits.used < most) permits.used++
    else await new Promise<void>((resolve) => permits.waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The permit goes to the next one, or is free.
      const next = permits.waiting.shift()
      if (next) next()
      else if (--permits.used === 0) clients.delete(client)
    }
  }
}
