import type { Redis } from './redis.ts'

const scanCount = 1000

/**
 * The keys that match a glob-style pattern, of all nodes, without the prefix of every key. Each page is a command of its
 * own, because a Redis with many other keys takes long over all of them.
 */
export const scanKeys = async (
  { prefix, tolerant }: Pick<Redis, 'prefix'> & { tolerant: Pick<Redis, 'run'> },
  pattern: string,
): Promise<string[]> => {
  const whole = prefix.replace(/[[\]*?\\]/g, '\\$&') + pattern
  const nodes = await tolerant.run(async (client) => ('nodes' in client ? client.nodes('master') : [client]))
  const found: string[] = []
  for (const node of nodes) {
    let cursor = '0'
    do {
      const scan = () => node.scan(cursor, 'MATCH', whole, 'COUNT', scanCount)
      const [next, keys] = await tolerant.run(scan)
      for (const key of keys) found.push(key.slice(prefix.length))
      cursor = next
    } while (cursor !== '0')
  }
  return found
}
