import type { Place } from '../contract/event.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import { type Step, stepsMax } from './coverage-steps.ts'
import {
  createEventScripts,
  keysFrom,
  listKey,
  logKey,
  logOfAll,
  meta,
  removed,
  stepsKey,
  textsKey,
} from './event-scripts.ts'
import { type EventStore, isAfter, type Logged, type Retention, type Seen } from './event-store.ts'

const logsAtOnce = 100
const listsAtOnce = 500
const rewrittenAtOnce = 200

type LoadAnswer = [now: Buffer, version: Buffer, seen: Buffer, rows: Buffer[]]
type ReadAnswer = [epoch: Buffer, ms: Buffer, seq: Buffer, gone: number, complete: number, ...Buffer[]]

/** The log that instances share. */
export const createRedisEventStore = (redis: Redis, { keepMs, eventsMax }: Retention): EventStore => {
  const scripts = createEventScripts(redis, keepMs)
  const channel = `${redis.prefix}events:appended`
  const from = redis.prefix + keysFrom

  const readLogs: EventStore['read'] = async (after, organizations, count) => {
    const logs = organizations === 'all' ? [0] : organizations
    const place = after ? [after.epoch, after.ms, after.seq] : ['', 0, 0]
    const all: Logged[] = []
    let end: Place | undefined
    let isComplete = true
    // Without logs the answer is where the log ends.
    for (let next = 0; !end || next < logs.length; next += logsAtOnce) {
      const some = logs.slice(next, next + logsAtOnce)
      const answer = await scripts.read([meta, removed], from, keepMs, ...place, count, ...some)
      const [epoch, ms, seq, gone, complete, ...found] = answer as ReadAnswer
      const here = end ?? { epoch: String(epoch), ms: Number(ms), seq: Number(seq) }
      end = here
      if (gone === 1 || String(epoch) !== here.epoch) return 'gone'
      isComplete &&= complete === 1
      // What was appended since the first script is read the next time.
      all.push(
        ...groups(found, 3)
          .map(loggedOf)
          .filter((one) => !isAfter(one, here)),
      )
    }
    all.sort((a, b) => (isAfter(a, b) ? 1 : -1))
    isComplete &&= all.length <= count
    const logged = all.slice(0, count)
    const { ms, seq } = isComplete ? end : (logged.at(-1) ?? end)
    // A text is missing where the log of the organization ended sooner than that of all together.
    const whole = logged.filter(({ text }) => text !== '')
    return { logged: whole, end: { epoch: end.epoch, ms, seq }, isComplete }
  }
  const place: EventStore['place'] = async () => {
    const here = await readLogs(undefined, [], 1)
    if (here === 'gone') throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
    return here.end
  }

  return {
    load: async (list, ids) => {
      // Without an argument the script reads all rows; no row has the id 0.
      const some = ids?.length === 0 ? [0] : (ids ?? [])
      const answer = await scripts.load([meta, listKey(list)], ...some)
      const [now, version, seen, rows] = answer as LoadAnswer
      return { now: Number(now), version: String(version), seen: seenOf(String(seen)), rows: rowsOf(rows) }
    },
    touch: async (list, version, askedMs) => {
      const keys = [meta, listKey(list), stepsKey(list)]
      return (await scripts.touch(keys, version, Math.round(askedMs), 2 * keepMs)) === 1
    },
    append: async (list, version, { rows, seen, events, step }) => {
      const text = seen ? textOf(seen) : ''
      const changed = [...rows].flatMap(([id, row]) => [id, row ?? ''])
      const told = events.flatMap((event) => [event.organization, event.text])
      const keys = [meta, listKey(list), logOfAll, removed, stepsKey(list)]
      const bounds = [keepMs, eventsMax, Math.min(eventsMax, stepsMax)]
      const counted = step ? JSON.stringify(step) : ''
      const args = [from, channel, version, ...bounds, counted, text, rows.size, ...changed, ...told]
      const next = (await scripts.append(keys, ...args)) as Buffer | null
      return next === null ? undefined : String(next)
    },
    place,
    read: readLogs,
    readBack: async (organization, before, count) => {
      const keys = [meta, logKey(organization), textsKey(organization), removed]
      const newest = before ? `(${before.ms}-${before.seq}` : '+'
      const answer = (await scripts.readBack(keys, newest, keepMs, count, organization)) as Buffer[]
      const [lost, ...found] = answer as [Buffer, ...Buffer[]]
      const logged = groups(found, 2).map(([id, text]) => loggedOf([id, organization, text]))
      return { logged, lostMs: Number(String(lost).split('-')[0]) }
    },
    steps: async (list) => {
      const answer = await scripts.steps([meta, listKey(list), stepsKey(list)])
      const [now, seen, steps] = answer as [Buffer, Buffer, Buffer[]]
      const parsed = steps.map((step) => JSON.parse(String(step)) as Step)
      return { now: Number(now), seen: seenOf(String(seen)), steps: parsed }
    },
    seen: async (lists) => {
      const found: (Seen | undefined)[] = []
      let now = 0
      for (let at = 0; at === 0 || at < lists.length; at += listsAtOnce) {
        const keys = lists.slice(at, at + listsAtOnce).map(listKey)
        const [ms, ...seen] = (await scripts.seen([meta, ...keys])) as Buffer[]
        now = Number(ms)
        found.push(...seen.map((one) => seenOf(String(one))))
      }
      return { now, seen: found }
    },
    rewrite: async (organization, change) => {
      let after: Place | undefined
      for (;;) {
        const page = await readLogs(after, [organization], rewrittenAtOnce)
        // Trimmed meanwhile: from the oldest on again.
        if (page === 'gone') {
          after = undefined
          continue
        }
        const changed = page.logged.flatMap(({ ms, seq, text }) => {
          const next = change(text)
          return next === text ? [] : [`${ms}-${seq}`, next]
        })
        if (changed.length > 0) await scripts.replace([meta, textsKey(organization)], ...changed)
        if (page.isComplete) return
        after = page.end
      }
    },
    listen: (heard) => {
      const listening = { channels: [channel], onReady: heard, onLost: () => {}, onMessage: heard }
      return redis.subscribe(listening).close
    },
  }
}

const groups = (found: readonly Buffer[], size: number): Buffer[][] =>
  Array.from({ length: found.length / size }, (_, i) => found.slice(size * i, size * (i + 1)))

const loggedOf = ([id, organization, text]: (Buffer | number | undefined)[]): Logged => {
  const [ms, seq] = String(id).split('-').map(Number) as [number, number]
  return { ms, seq, organization: Number(String(organization)), text: String(text) }
}

const textOf = ({ askedAt, arrivedAt, begunAt, active, belowSince, isLow }: Seen) =>
  `${askedAt} ${arrivedAt} ${begunAt} ${active} ${belowSince} ${Number(isLow)}`
const seenOf = (text: string): Seen | undefined => {
  const [askedAt = 0, arrivedAt = 0, begunAt = 0, active, belowSince = 0, low] = text.split(' ').map(Number)
  return active === undefined
    ? undefined
    : { askedAt, arrivedAt, begunAt, active, belowSince, isLow: low === 1 }
}

/** The fields `@version` and `@seen` are no rows. */
const rowsOf = (found: readonly Buffer[]): Map<number, string> => {
  const rows = groups(found, 2).map(([id, row]) => [Number(String(id)), String(row)] as const)
  return new Map(rows.filter(([id]) => Number.isInteger(id)))
}
