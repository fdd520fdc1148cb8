import type { Redis } from 'ioredis'
import { registry } from '../../src/cache/coherence.ts'
import { until } from './until.ts'

const hourMs = 3_600_000

/**
 * Makes a new Redis one that has lost nothing for an hour. A gateway waits after a loss until no request of before can
 * be in flight: a window of the budget, and the longest time that a write takes.
 */
export const hasLostNothing = (client: Redis, prefix = 'chathub:'): Promise<unknown> =>
  client.set(prefix + registry.redisDataSince, Date.now() - hourMs)

/**
 * Makes `gateways`, all that use this Redis, members that joined an hour ago. The first write of a new member waits for
 * leases that it may not know. Resolves when every one is connected and a member.
 */
export const joinedLongAgo = async (
  client: Redis,
  gateways: readonly { jump(ms: number): void }[],
  prefix = 'chathub:',
): Promise<void> => {
  const joined = prefix + registry.joined
  const channels = `${prefix}{gateway}:confirm:*`
  await until(async () => ((await client.pubsub('CHANNELS', channels)) as string[]).length >= gateways.length)
  await until(async () => (await client.hlen(joined)) >= gateways.length)
  for (const id of await client.hkeys(joined)) await client.hset(joined, id, Date.now() - hourMs)
  for (const gateway of gateways) gateway.jump(hourMs / 1000)
}
