/**
 * Bounds the work of each client: so much at a time, whatever the number of its requests. Requests of a client take turns.
 */
export const createClientPlaces = (most: number) => {
  const clients = new Map<string, { used: number; waiting: (() => void)[] }>()
  /** Runs `work` when the client has a free place. */
  return async <T>(client: string, work: () => Promise<T>): Promise<T> => {
    const places = clients.get(client) ?? { used: 0, waiting: [] }
    clients.set(client, places)
    if (places.used < most) places.used++
    else await new Promise<void>((resolve) => places.waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The place goes to the next one, or is free.
      const next = places.waiting.shift()
      if (next) next()
      else if (--places.used === 0) clients.delete(client)
    }
  }
}
