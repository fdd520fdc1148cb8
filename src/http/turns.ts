/** What waits, with clients in turns: one with many entries does not delay one with few. */
export const createTurns = <T>() => {
  const waiting = new Map<string, T[]>()
  let size = 0
  return {
    size: (): number => size,
    push: (client: string, entry: T): void => {
      const entries = waiting.get(client)
      if (entries) entries.push(entry)
      else waiting.set(client, [entry])
      size++
    },
    /** Takes the oldest entry of the client whose turn it is, among those who may take one. */
    next: (mayTake: (client: string) => boolean = () => true): T | undefined => {
      for (const [client, entries] of waiting) {
        if (!mayTake(client)) continue
        const entry = entries.shift()
        size--
        waiting.delete(client)
        if (entries.length > 0) waiting.set(client, entries)
        return entry
      }
      return undefined
    },
  }
}
