import { Redis as Client, Cluster, type ClusterNode, type RedisOptions } from 'ioredis'

/** The longest a command may take: what a reader pays at most for a Redis that hangs. */
export const commandMs = 50

/** Fails fast: nothing queues while disconnected, and nothing is sent a second time by itself (it may have been applied). */
const options: RedisOptions = {
  // The last resort; `redis.ts` stops waiting much sooner.
  commandTimeout: 1000,
  disconnectTimeout: 50,
  connectTimeout: 1000,
  enableOfflineQueue: false,
  // It asks INFO, which may be forbidden, and then prints; a Redis that is still loading says so to every command.
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  retryStrategy: (times) => Math.min(1000, 50 * times),
  // A demoted master answers READONLY for ever on the old connection.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
}

export type RedisClient = Client | Cluster

const hostsOf = (list: string): { host: string; port: number }[] =>
  list.split(',').map((part) => {
    const [, host = '127.0.0.1', port] = /^(.*?)(?::(\d+))?$/.exec(part) ?? []
    return { host, port: Number(port ?? 6379) }
  })

/**
 * A connection for `redis://`, `rediss://`, `redis+sentinel://[user:password@]host,host/name` or
 * `redis+cluster://[user:password@]host,host`. It connects by itself, again and again, as long as it is wanted; errors
 * come as events.
 */
export const connectRedis = (
  url: string,
  isWanted: (client: RedisClient) => boolean,
  more: RedisOptions = {},
): RedisClient => {
  const client = clientOf(url, more)
  // Told of a failover while it asks a Sentinel for the master, ioredis gives up for good.
  client.on('end', () => {
    if (isWanted(client)) client.connect().catch(() => {})
  })
  return client
}

const clientOf = (url: string, more: RedisOptions): RedisClient => {
  const all = { ...options, ...more }
  const special = /^redis\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^/]+)(?:\/([^/?]+))?/.exec(url)
  if (!special) return new Client(url, all)
  const [, kind, login, hosts = '', name] = special
  const [username, password] = (login ?? '').split(':').map(decodeURIComponent)
  const credentials = { ...(username && { username }), ...(password && { password }) }
  if (kind === 'sentinel')
    return new Client({
      ...all,
      ...credentials,
      name: name ?? 'mymaster',
      sentinels: hostsOf(hosts).map((node) => ({ ...node, port: node.port === 6379 ? 26379 : node.port })),
      sentinelRetryStrategy: (times) => Math.min(1000, 50 * times),
      sentinelCommandTimeout: 1000,
      failoverDetector: true,
    })
  return new Cluster(hostsOf(hosts) as ClusterNode[], {
    redisOptions: { ...all, ...credentials },
    enableOfflineQueue: false,
    clusterRetryStrategy: (times) => Math.min(1000, 50 * times),
    slotsRefreshTimeout: 1000,
  })
}
