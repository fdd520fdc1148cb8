import { minterOf } from '../access/caller.ts'
import { type Clock, every } from '../clock.ts'
import type { Usage } from '../contract/usage.ts'
import type { Redis } from '../redis/redis.ts'
import type { Report } from '../report.ts'

const fields = ['requests', 'fromCache', 'calls', 'waitedMs', 'refused', 'wouldRefuse'] as const
type Field = (typeof fields)[number]
type Counts = Record<Field, number>

const flushMs = 10_000
const keptDays = 8
const dayMs = 86_400_000
const clientsMax = 1000
const others = '(others)'
const inMemory = new Set(['hit', 'revalidated', 'stale'])

/** A pipeline resolves whatever Redis says of its commands. @throws the first refusal */
const requireAll = (answers: [Error | null, unknown][] | null): void => {
  for (const [error] of answers ?? []) if (error) throw error
}

export type Answered = {
  caller: { id: string } | undefined
  freshness: { how: string } | undefined
}

/**
 * What each client causes, by day in UTC. Instances add theirs to Redis every ten seconds, so a killed one loses ten seconds.
 * Without Redis, or while it is away, this instance knows its own alone. Counts whose answer is lost may be added twice.
 */
export const createUsage = (options: { redis(): Redis | undefined; clock: Clock }) => {
  const { clock } = options
  const today = (): string => new Date(clock.wall()).toISOString().slice(0, 10)
  let day = today()
  let counted = new Map<string, Counts>()
  /** Without Redis: the days before. */
  const before = new Map<string, Map<string, Counts>>()

  const countsIn = (all: Map<string, Counts>, client: string): Counts => {
    const known = all.get(client)
    if (known) return known
    if (all.size >= clientsMax && client !== others) return countsIn(all, others)
    const counts: Counts = { requests: 0, fromCache: 0, calls: 0, waitedMs: 0, refused: 0, wouldRefuse: 0 }
    all.set(client, counts)
    return counts
  }
  const of = (client: string): Counts => counted.get(client) ?? countsIn(counted, minterOf(client))

  /** Another day begins with the first flush after midnight. */
  const turnDay = (): void => {
    if (!options.redis() && day !== today()) {
      before.set(day, counted)
      counted = new Map()
      for (const one of before.keys()) if (before.size > keptDays) before.delete(one)
    }
    day = today()
  }
  const flush = async (): Promise<void> => {
    const redis = options.redis()
    if (!redis || counted.size === 0) return turnDay()
    const [taken, key] = [counted, `${redis.prefix}usage:${day}`]
    counted = new Map()
    turnDay()
    try {
      await redis.run(async (client) => {
        const pipeline = client.pipeline()
        for (const [name, counts] of taken)
          for (const field of fields)
            if (counts[field] > 0) pipeline.hincrby(key, `${field} ${name}`, Math.round(counts[field]))
        pipeline.expire(key, (keptDays * dayMs) / 1000)
        requireAll(await pipeline.exec())
      })
    } catch {
      for (const [name, counts] of taken)
        for (const field of fields) countsIn(counted, name)[field] += counts[field]
    }
  }
  const stopFlushing = every(clock, flushMs, () => void flush())

  const keptOf = async (asked: string): Promise<Map<string, Counts>> => {
    const found = new Map<string, Counts>()
    const redis = options.redis()
    if (!redis) {
      for (const [client, counts] of before.get(asked) ?? []) found.set(client, { ...counts })
      return found
    }
    const kept = await redis.run((client) => client.hgetall(`${redis.prefix}usage:${asked}`))
    for (const [name, count] of Object.entries(kept)) {
      const [field, client] = [name.slice(0, name.indexOf(' ')), name.slice(name.indexOf(' ') + 1)]
      countsIn(found, client)[field as Field] += Number(count)
    }
    return found
  }

  return {
    answered: ({ caller, freshness }: Answered, status: number): void => {
      if (!caller) return
      const counts = of(caller.id)
      counts.requests++
      if (freshness && inMemory.has(freshness.how)) counts.fromCache++
      if (status === 429 || status === 503) counts.refused++
    },
    /** A limit that is tried out would have refused a request. */
    wouldRefuse: (client: string): void => {
      of(client).wouldRefuse++
    },
    reported: (report: Report): void => {
      if (report.name === 'upstream') of(report.client).calls++
      if (report.name === 'upstream-wait') of(report.client).waitedMs += report.ms
    },
    /** All instances together. @throws Failure `redis.unavailable` */
    read: async (asked = today()): Promise<Usage> => {
      const all = await keptOf(asked)
      if (asked === day)
        for (const [client, counts] of counted)
          for (const field of fields) countsIn(all, client)[field] += counts[field]
      const items = [...all].map(([client, { waitedMs, ...counts }]) => {
        return { client, ...counts, waitedSeconds: Math.round(waitedMs) / 1000 }
      })
      return { day: asked, items: items.toSorted((a, b) => b.calls - a.calls || b.requests - a.requests) }
    },
    /** Keeps what is counted. */
    stop: (): Promise<void> => {
      stopFlushing()
      return flush()
    },
  }
}
