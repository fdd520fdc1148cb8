import { Redis as Client, Cluster, type RedisOptions } from 'ioredis'

export type RedisClient = Client | Cluster

const retryMs = (times: number): number => Math.min(1000, 50 * times)

/** Fails fast. Nothing is queued while disconnected, and nothing is sent twice, because it may have been applied. */
const defaults = {
  // The last resort; `redis.ts` stops waiting much sooner.
  commandTimeout: 1000,
  disconnectTimeout: 50,
  connectTimeout: 1000,
  enableOfflineQueue: false,
  // The ready check needs INFO, which may be forbidden. A Redis that is loading says so to every command.
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  retryStrategy: retryMs,
  // A demoted master answers READONLY for ever on the old connection.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions

const hostsOf = (list: string, defaultPort: number): { host: string; port: number }[] =>
  list.split(',').map((part) => {
    const [, host = '127.0.0.1', port = defaultPort] = /^(.*?)(?::(\d+))?$/.exec(part) ?? []
    return { host, port: Number(port) }
  })

/**
 * A connection for `redis://`, `rediss://`, `redis+sentinel://[user:password@]host,host/name` or
 * `redis+cluster://[user:password@]host,host`. It connects again as long as it is wanted. Errors come as events.
 */
export const connectRedis = (
  url: string,
  isWanted: (client: RedisClient) => boolean,
  more: { autoResubscribe?: boolean } = {},
): RedisClient => {
  const client = createClient(url, { ...defaults, ...more })
  // ioredis gives up for good when it hears of a failover while it asks a Sentinel for the master.
  client.on('end', () => {
    if (isWanted(client)) client.connect().catch(() => {})
  })
  return client
}

const createClient = (url: string, options: typeof defaults): RedisClient => {
  const special = /^redis\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^/]+)(?:\/([^/?]+))?/.exec(url)
  if (!special) return new Client(url, options)
  const [, kind, login = '', hosts = '', name = 'mymaster'] = special
  const [username, password] = login.split(':').map(decodeURIComponent)
  const redisOptions = { ...options, ...(username && { username }), ...(password && { password }) }
  if (kind === 'cluster')
    return new Cluster(hostsOf(hosts, 6379), {
      redisOptions,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryMs,
      slotsRefreshTimeout: 1000,
    })
  return new Client({
    ...redisOptions,
    name,
    sentinels: hostsOf(hosts, 26379),
    sentinelRetryStrategy: retryMs,
    sentinelCommandTimeout: 1000,
    failoverDetector: true,
  })
}
