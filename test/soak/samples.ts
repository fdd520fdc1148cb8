import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Fleet, Slot } from './fleet.ts'

export type Sample = {
  /** Seconds since the start. */
  at: number
  heapMiB: number
  externalMiB: number
  rssMiB: number
  handles: number
  resources: Record<string, number>
  cpuSeconds: number
  keys?: number
  keysForEver?: number
  redisMiB?: number
}
const MiB = 1024 * 1024

/** What the process at this place holds after a garbage collection. Undefined: it ended meanwhile. */
export const probe = async ({ running }: Slot): Promise<Omit<Sample, 'at'> | undefined> => {
  const probes = () => running.lines().filter(({ msg }) => msg === 'probe')
  const before = probes().length
  running.signal('SIGWINCH')
  for (let tries = 0; tries < 100; tries++) {
    await sleep(100)
    const said = probes()[before] as Record<string, number> & { resources: Record<string, number> }
    if (!said) continue
    const { heapUsed = 0, external = 0, rss = 0, cpuSeconds = 0, resources } = said
    const handles = Object.values(resources).reduce((sum, count) => sum + count, 0)
    return {
      heapMiB: heapUsed / MiB,
      externalMiB: external / MiB,
      rssMiB: rss / MiB,
      handles,
      resources,
      cpuSeconds,
    }
  }
  return undefined
}

/** Records that are kept for a day, a week or a month. */
const kept =
  /:(idempotency:|token:|session:|ticket:|assignment:\{\d+\}:chat|journal:\{\d+\}:operation:|audit:\{\d+\}:step)/
export const keptForMs = 180_000

/**
 * Looks at Redis, and lets its records end after three minutes instead of a day, a week or a month, so that a number of
 * keys that does not become steady is a leak. Operations that are open stay.
 */
export const createRedisWatch = (fleet: Fleet) => {
  const client: Redis = fleet.redis.client({ commandTimeout: 2000, maxRetriesPerRequest: 1 })
  const firstSeen = new Map<string, number>()
  let families = new Map<string, number>()
  const look = async () => {
    const now = performance.now()
    const keys: string[] = []
    for (let cursor = '0'; ; ) {
      const [next, found] = await client.scan(cursor, 'COUNT', 1000)
      keys.push(...found)
      cursor = next
      if (cursor === '0') break
    }
    const all = new Set(keys)
    for (const key of firstSeen.keys()) if (!all.has(key)) firstSeen.delete(key)
    for (const key of all) if (!firstSeen.has(key)) firstSeen.set(key, now)
    // A member begins with the id of its operation.
    const members = await client.zrange('chathub:journal:{kept}:open', '0', '-1')
    const open = new Set(members.map((member) => member.split(' ')[0]))
    const isOld = (key: string) =>
      kept.test(key) &&
      now - (firstSeen.get(key) ?? now) > keptForMs &&
      !open.has(key.split(':operation:')[1]?.split(':')[0] ?? '')
    const old = [...all].filter(isOld)
    if (old.length > 0) await client.unlink(...old)
    const left = [...all].filter((key) => !isOld(key))
    families = new Map()
    for (const key of left) {
      const family = key
        .replace(/\{[^}]*\}/g, '{…}')
        .split(':')
        .slice(0, 4)
        .map((part) => (/^[\w-]{20,}$|^soak/.test(part) ? '…' : part))
        .join(':')
      families.set(family, (families.get(family) ?? 0) + 1)
    }
    const ttls = await Promise.all(left.map((key) => client.pttl(key)))
    const info = await client.info('memory')
    return {
      keys: left.length,
      keysForEver: ttls.filter((ttl) => ttl === -1).length,
      redisMiB: Number(/used_memory:(\d+)/.exec(info)?.[1]) / MiB,
    }
  }
  return {
    /** Undefined while Redis is away. */
    look: () => look().catch(() => undefined),
    families: () => [...families].toSorted(([, a], [, b]) => b - a),
  }
}

/** Least squares. `growth`: by the line, from the first to the last of the samples; `mean` of the values. */
export const trendOf = (points: readonly (readonly [at: number, value: number])[]) => {
  const count = Math.max(1, points.length)
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / count
  const [meanAt, meanValue] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))]
  const covariance = mean(points.map(([at, value]) => (at - meanAt) * (value - meanValue)))
  const variance = mean(points.map(([at]) => (at - meanAt) ** 2))
  const span = (points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0)
  return { mean: meanValue, growth: variance === 0 ? 0 : (covariance / variance) * span }
}
