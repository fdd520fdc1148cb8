import { randomBytes } from 'node:crypto'
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
/**
 * KEYS: counts of a day; ARGV: who adds, the number of this addition, ms to keep, then fields and counts. The same number again
 * adds nothing: its answer was lost.
 */
const add = `
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])`

const inMemory = new Set(['hit', 'revalidated', 'stale'])

export type Answered = {
  caller: { id: string } | undefined
  freshness: { how: string } | undefined
}

/**
 * What each client causes, by day in UTC. Instances add theirs to Redis every ten seconds, so a killed one loses ten seconds.
 * Without Redis, or while it is away, this instance knows its own alone.
 */
export const createUsage = (options: { redis(): Redis | undefined; clock: Clock }) => {
  const { clock } = options
  const today = (): string => new Date(clock.wall()).toISOString().slice(0, 10)
  let day = today()
  let counted = new Map<string, Counts>()
  const id = `@${randomBytes(6).toString('hex')}`
  /** Sent to Redis, and again under the same number, until it answers. */
  let sent: { day: string; number: number; counts: Map<string, Counts> } | undefined
  let number = 0
  let script: ReturnType<Redis['script']> | undefined
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
    if (redis && !sent && counted.size > 0) {
      sent = { day, number: ++number, counts: counted }
      counted = new Map()
    }
    turnDay()
    if (!redis || !sent) return
    const counts = [...sent.counts].flatMap(([name, one]) =>
      fields.flatMap((field) => (one[field] > 0 ? [`${field} ${name}`, Math.round(one[field])] : [])),
    )
    script ??= redis.script('usageAdd', add)
    const added = script([`usage:${sent.day}`], id, sent.number, keptDays * dayMs, ...counts)
    // What Redis does not get now, it gets with the next flush.
    await added.then(
      () => {
        sent = undefined
      },
      () => {},
    )
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
      if (name.startsWith('@')) continue // the number of the last addition of an instance
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
      for (const own of [sent, { day, counts: counted }])
        for (const [client, counts] of own?.day === asked ? own.counts : [])
          for (const field of fields) countsIn(all, client)[field] += counts[field]
      const items = [...all].map(([client, { waitedMs, ...counts }]) => {
        return { client, ...counts, waitedSeconds: Math.round(waitedMs) / 1000 }
      })
      return { day: asked, items: items.toSorted((a, b) => b.calls - a.calls || b.requests - a.requests) }
    },
    /** Keeps what is counted. */
    stop: async (): Promise<void> => {
      stopFlushing()
      await flush()
      // What was counted while another flush was under way.
      await flush()
    },
  }
}
