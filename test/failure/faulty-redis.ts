import { expect } from '@jest/globals'
import type { Redis } from 'ioredis'
import { type FaultProxy, startProxy } from '../support/fault-proxy.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing, joinedLongAgo } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { type Faulty, type Seen, seeing } from './faulty-chathub.ts'

export type BesideRedis = TestGateway & {
  see: Faulty['see']
  read: Faulty['read']
  /** Adds one person; a new name each time unless told. */
  add(name?: string): Promise<Seen>
  redisState(): Promise<'ready' | 'away' | 'refused' | 'none'>
  /** Resolves when this instance holds a lease, so that what it remembers is fresh. */
  isTrusted(): Promise<void>
  listed(organization?: number): number
}

let people = 0
/** What a test that failed has left behind, latest last. */
const running = new Set<() => Promise<void>>()
/** Ends what still runs of this file; for `afterEach`, so that a failure leaves nothing that keeps jest alive. */
export const endWhatIsLeft = async (): Promise<void> => {
  for (const end of [...running].toReversed()) await end()
}
/** `end`, once, and until then remembered. */
const remembered = (end: () => Promise<void>): (() => Promise<void>) => {
  const once = async (): Promise<void> => {
    if (running.delete(once)) await end()
  }
  running.add(once)
  return once
}

export const startBeside = async (
  redisUrl: string,
  options: NonNullable<Parameters<typeof startGateway>[0]> = {},
): Promise<BesideRedis> => {
  const gateway = await startGateway({ ...options, env: { REDIS_URL: redisUrl, ...options.env } })
  const see = seeing(gateway)
  const read: Faulty['read'] = (organization, ask) =>
    see('GET', `/v1/organizations/${organization}/operators`, ask)
  return {
    ...gateway,
    close: remembered(gateway.close),
    see,
    read,
    add: (name = `Newcomer ${++people}`) =>
      see('POST', '/v1/organizations/24/operators', { body: { operators: [{ name }] } }),
    redisState: async () => (await see('GET', '/v1/upstream')).answer.body.redis.state,
    isTrusted: () => until(async () => /hit; ttl=\d/.test((await read(24)).how ?? '')),
    listed: (organization) =>
      gateway.simulator
        .arrivals()
        .filter(
          (arrival) =>
            arrival.route === 'list' && (organization === undefined || arrival.organization === organization),
        ).length,
  }
}

/** `admin`: a client of the server itself, connected from the start. */
export type World = {
  redis: TestRedis
  admin: Redis
  proxy: FaultProxy
  gateway: BesideRedis
  end(): Promise<void>
}

/** A gateway whose Redis stands behind the fault proxy, with list 24 in memory under a lease. */
export const startWorld = async (
  options: NonNullable<Parameters<typeof startGateway>[0]> & { args?: string[] } = {},
): Promise<World> => {
  const redis = await startRedis({ args: options.args ?? [] })
  const stopRedis = remembered(async () => {
    redis.resume()
    await redis.stop()
  })
  const admin = redis.client()
  await hasLostNothing(admin)
  const proxy = await startProxy({ to: { host: '127.0.0.1', port: redis.port } })
  const closeProxy = remembered(proxy.close)
  const gateway = await startBeside(`redis://127.0.0.1:${proxy.port}`, options)
  await joinedLongAgo(admin, [gateway])
  await gateway.isTrusted()
  return {
    redis,
    admin,
    proxy,
    gateway,
    end: async () => {
      await gateway.close()
      await closeProxy()
      await stopRedis()
    },
  }
}

export const startingWrites = ({ simulator }: BesideRedis): number =>
  simulator.arrivals().filter(({ route }) => route === 'synchronize' || route === 'status').length

/** How many commands Redis left without a good answer; connections that were refused do not count. */
const failedCommands = ({ reports }: BesideRedis): number =>
  reports.filter((report) => report.name === 'redis-error' && report.reason !== 'connection').length

/** Reads list 24 without an error until Redis is away or refuses, and from then on without asking Redis. */
export const readsGoOn = async (gateway: BesideRedis): Promise<void> => {
  const read = async (): Promise<void> => {
    const seen = await gateway.read(24)
    expect([seen.status, seen.answer.body.organization.id]).toEqual([200, 24])
  }
  await until(async () => {
    await read()
    return (await gateway.redisState()) !== 'ready'
  })
  const failed = failedCommands(gateway)
  for (let i = 0; i < 50; i++) await read()
  // Heartbeats and probes fail meanwhile, more of them on a busy machine. Reads that asked Redis would add 50.
  expect(failedCommands(gateway)).toBeLessThan(failed + 50)
}

/** Refused before ChatHub is asked, with the time after which it is worth asking again. */
export const writesAreRefused = async (gateway: BesideRedis): Promise<void> => {
  const already = startingWrites(gateway)
  const asks = [
    () => gateway.add(),
    () => gateway.see('PATCH', '/v1/organizations/24/operators/101', { body: { status: 'inactive' } }),
    () =>
      gateway.see('POST', '/api/operator/synchronize', { body: [{ organizationId: 24, name: 'Nobody' }] }),
  ]
  for (const ask of asks) {
    const seen = await ask()
    expect([seen.status, seen.code]).toEqual([503, 'redis.unavailable'])
    expect(seen.retryAfter).toBeGreaterThanOrEqual(1)
  }
  expect(startingWrites(gateway)).toBe(already)
}

/** Waits until Redis is used again, writes are taken and reads are fresh. */
export const comesBack = async (gateway: BesideRedis): Promise<void> => {
  await until(async () => (await gateway.redisState()) === 'ready')
  await until(async () => (await gateway.add()).status === 201)
  await gateway.isTrusted()
}
