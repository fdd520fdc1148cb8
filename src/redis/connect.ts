import { Redis as Client, Cluster, type RedisOptions } from 'ioredis'
import { parseRedisUrl, type RedisAddress } from './redis-url.ts'

export type RedisClient = Client | Cluster

const retryMs = (times: number): number => Math.min(1000, 50 * times)

/** Fails fast. Nothing is queued while disconnected, and nothing is sent twice, because it may have been applied. */
const optionsOf = ({ username, password, db, family, tls }: RedisAddress, timeoutMaxMs: number) => {
  const lastResortMs = Math.max(1000, timeoutMaxMs)
  return {
    // The last resort; `redis.ts` stops waiting sooner.
    commandTimeout: lastResortMs,
    disconnectTimeout: 50,
    connectTimeout: lastResortMs,
    enableOfflineQueue: false,
    // Its own check waits for a loading Redis; `check-server.ts` says that it loads.
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: retryMs,
    db,
    family,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  } satisfies RedisOptions
}

/**
 * A connection to what REDIS_URL names. It connects again as long as `isWanted`. Errors come as events. A command or an
 * attempt to connect that took a second, or `timeoutMaxMs` if that is longer, has failed.
 * @throws an error when the URL has a fault
 */
export const connectRedis = (url: string, timeoutMaxMs: number, isWanted: () => boolean): RedisClient => {
  const client = createClient(parseRedisUrl(url), timeoutMaxMs)
  // ioredis gives up for good when it hears of a failover while it asks a Sentinel for the master.
  client.on('end', () => {
    if (isWanted()) client.connect().catch(() => {})
  })
  return client
}

const createClient = (address: RedisAddress, timeoutMaxMs: number): RedisClient => {
  const options = optionsOf(address, timeoutMaxMs)
  const { kind, nodes, master, tls } = address
  if (kind === 'single') return new Client({ ...options, ...nodes[0] })
  if (kind === 'cluster') {
    const { db: _none, ...redisOptions } = options
    return new Cluster(nodes, {
      redisOptions,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryMs,
      slotsRefreshTimeout: options.commandTimeout,
      // A certificate names the host, not its address.
      ...(tls && { dnsLookup: (host, found) => found(null, host) }),
    })
  }
  return new Client({
    ...options,
    name: master,
    sentinels: nodes,
    ...(tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
    sentinelRetryStrategy: retryMs,
    sentinelCommandTimeout: options.commandTimeout,
    failoverDetector: true,
  })
}
