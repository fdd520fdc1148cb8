import type { Clock } from '../clock.ts'
import type { Place } from '../contract/event.ts'
import { createMemoryLogs } from '../redis/memory-logs.ts'
import { type Step, stepsMax } from './coverage-steps.ts'
import { type EventStore, isAfter, type KnownList, type Logged, type Retention } from './event-store.ts'

type List = Omit<KnownList, 'now' | 'rows'> & { rows: Map<number, string>; steps: Step[] }

/** Of all logs together, that of all organizations included. */
const bytesMaxDefault = 64 * 1024 * 1024
// What an event takes besides its text.
const eventBytes = 200
/** The log of all organizations together. */
const everything = 0
const never = { ms: 0, seq: 0 }

/** The log of a gateway without Redis. Its epoch ends with the process. */
export const createMemoryEventStore = (
  clock: Clock,
  { keepMs, eventsMax }: Retention,
  bytesMax = bytesMaxDefault,
): EventStore => {
  const epoch = String(Math.round(clock.wall() * 1000))
  const lists = new Map<number, List>()
  /** The last event of each log that went. */
  const removed = new Map<number, Pick<Place, 'ms' | 'seq'>>()
  const logs = createMemoryLogs<Logged>({
    bounds: { keepMs, entriesMax: eventsMax, bytesMax },
    sizeOf: ({ text }) => text.length + eventBytes,
    onRemoved: (organization, { ms, seq }) => removed.set(organization, { ms, seq }),
  })
  const listeners = new Set<() => void>()
  let last = { ms: Math.round(clock.wall()), seq: 0 }
  let versions = 0

  const listOf = (list: number): List =>
    lists.get(list) ?? { version: '0', rows: new Map(), seen: undefined, steps: [] }
  /** Where the log ends. The end of a quiet log moves on, or who waits there would seem to come from before the log. */
  const end = (): Place => {
    if (last.ms < clock.wall() - keepMs / 2) last = { ...last, ms: Math.round(clock.wall()) }
    return { epoch, ...last }
  }

  return {
    load: async (list, ids) => {
      const { rows, version, seen } = listOf(list)
      const some = ids?.flatMap((id) => (rows.has(id) ? [[id, rows.get(id) as string] as const] : []))
      return { version, seen, now: Math.round(clock.wall()), rows: new Map(some ?? rows) }
    },
    touch: async (list, version, askedMs) => {
      const known = listOf(list)
      if (known.version !== version || !known.seen) return false
      const now = Math.round(clock.wall())
      known.seen = {
        ...known.seen,
        askedAt: Math.max(known.seen.askedAt, Math.round(now - askedMs)),
        arrivedAt: now,
      }
      return true
    },
    append: async (list, version, { rows, seen, events, step }) => {
      const known = listOf(list)
      if (known.version !== version) return undefined
      for (const [id, row] of rows) {
        if (row === null) known.rows.delete(id)
        else known.rows.set(id, row)
      }
      known.version = `${epoch}.${++versions}`
      known.seen = seen
      if (step) known.steps = [...known.steps, step].slice(-Math.min(eventsMax, stepsMax))
      lists.set(list, known)
      for (const { organization, text } of events) {
        last = { ms: Math.max(last.ms, Math.round(clock.wall())), seq: last.seq + 1 }
        const event = { ...last, organization, text }
        logs.add(organization, event)
        logs.add(everything, event)
      }
      if (events.length > 0) for (const heard of listeners) heard()
      return known.version
    },
    place: async () => end(),
    read: async (after, organizations, count) => {
      const wanted = organizations === 'all' ? [everything] : organizations
      const here = end()
      const isOld = after && after.ms < clock.wall() - keepMs
      if (after && (isOld || after.epoch !== epoch || isAfter(after, here))) return 'gone'
      if (after && wanted.some((one) => isAfter(removed.get(one) ?? never, after))) return 'gone'
      const merged = wanted
        .flatMap((one) => behind(logs.of(one), after).slice(0, count + 1))
        .sort((a, b) => (isAfter(a, b) ? 1 : -1))
      const logged = merged.slice(0, count)
      const isComplete = merged.length <= count
      const { ms, seq } = isComplete ? here : (logged.at(-1) ?? here)
      return { logged, isComplete, end: { epoch, ms, seq } }
    },
    readBack: async (organization, before, count) => {
      const events = logs.of(organization)
      const behindLast = before ? events.findLastIndex((one) => isAfter(before, one)) + 1 : events.length
      const oldest = clock.wall() - keepMs
      const newest = events.slice(Math.max(0, behindLast - count), behindLast)
      const found = newest.filter(({ ms }) => ms >= oldest)
      return { logged: found.toReversed(), lostMs: (removed.get(organization) ?? never).ms }
    },
    steps: async (list) => {
      const { seen, steps } = listOf(list)
      return { now: Math.round(clock.wall()), seen, steps }
    },
    seen: async (some) => ({ now: Math.round(clock.wall()), seen: some.map((list) => listOf(list).seen) }),
    rewrite: async (organization, change) => {
      const rewritten = new Map<Logged, Logged>()
      // Another object, because what was read of the old one is remembered with it. Both logs have the same.
      const rewrite = (event: Logged): Logged => {
        const known = rewritten.get(event)
        if (known || event.organization !== organization) return known ?? event
        const text = change(event.text)
        const next = text === event.text ? event : { ...event, text }
        rewritten.set(event, next)
        return next
      }
      for (const log of [organization, everything]) await logs.replace(log, rewrite)
    },
    listen: (heard) => {
      listeners.add(heard)
      return () => void listeners.delete(heard)
    },
  }
}

/** The events behind a place; they are in order. Most readers are near the end. */
const behind = (events: readonly Logged[], after: Place | undefined): readonly Logged[] =>
  after ? events.slice(events.findLastIndex((one) => !isAfter(one, after)) + 1) : events
