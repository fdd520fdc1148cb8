import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Clock } from '../clock.ts'
import type { NameToErase, OnChange } from '../contract/audit.ts'
import type { EventPage, EventsQuery, Place } from '../contract/event.ts'
import { placeText } from '../contract/event.ts'
import type { Organization } from '../contract/organization.ts'
import { isFailure } from '../errors.ts'
import type { OperatorLists } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Redis } from '../redis/redis.ts'
import { type Floors, isBelow, watchFloors } from './coverage-floor.ts'
import type { Listed } from './differences.ts'
import { createEventFeed, type EventFeed } from './event-feed.ts'
import type { EventStore } from './event-store.ts'
import { eventOf, resyncEvent, withoutName } from './event-text.ts'
import { type EventSink, followEvents, isWanted, logsOf, type Wanted, wantedOf } from './follow-events.ts'
import { createHistory, type History } from './history.ts'
import { createMemoryEventStore } from './memory-event-store.ts'
import { createObserver } from './observer.ts'
import { createRedisEventStore } from './redis-event-store.ts'
import type { BetweenWrites } from './waiting-lists.ts'

/** Events of the caller's organizations. Organizations that the caller may not touch have none. */
export type Events = {
  history: History
  /** A page of the log. @throws Failure `redis.unavailable` */
  page(caller: Caller, query: EventsQuery): Promise<EventPage>
  /** Sends events as they come, after a place: `unknown` is one that nobody knows. */
  follow(
    caller: Caller,
    query: EventsQuery,
    after: Place | 'unknown' | undefined,
    sink: EventSink,
  ): ReturnType<typeof followEvents>
  /** Replaces the name in the log. Returns in how many events. @throws Failure `organization.unknown` */
  eraseName(caller: Caller, organization: number, name: NameToErase): Promise<number>
}

type Interest = { caller: Caller; wanted: Wanted }

/** Reads the log, and hears of what is appended. */
export type EventLog = Pick<EventStore, 'read' | 'place'> & Pick<EventFeed, 'join'>

// Who polls is interested for this long.
const pollerMs = 120_000
const pollersMax = 1000

/** Differences between lists as they are loaded, and writes, as a log of events. */
export const createEvents = (options: {
  redis: Redis | undefined
  clock: Clock
  eventsKeepMs: number
  eventsMax: number
  coverageFloors: Floors
  lists: OperatorLists
  betweenWrites: BetweenWrites
  /** What others listen to, besides streams and pollers. */
  interests(): Iterable<Interest>
  /** Looks for late requests in a list. */
  listLoaded(roster: Roster, askedAt: number): void
  /** Loads a list soon, whatever its age. 0: the list of organizations. */
  loadAgain(list: number): void
  /** Those of `listened` that there are. */
  listenedTo(): readonly number[]
}) => {
  const { redis, clock, eventsKeepMs: keepMs, eventsMax, coverageFloors: floors } = options
  const retention = { keepMs, eventsMax }
  const store = redis
    ? createRedisEventStore(redis.tolerant, retention)
    : createMemoryEventStore(clock, retention)
  const feed = createEventFeed(store, clock)
  const followers = new Set<ReturnType<typeof followEvents>>()
  const pollers = new Map<string, Interest & { until: number }>()

  const interests = function* (): Generator<Interest> {
    for (const follower of followers) yield { caller: follower.caller(), wanted: follower.wanted }
    for (const [key, poller] of pollers)
      if (poller.until > clock.now()) yield poller
      else pollers.delete(key)
    yield* options.interests()
  }
  const cameBackAt = () => redis?.cameBackAt() ?? Number.NEGATIVE_INFINITY
  const stopFloors = watchFloors({ ...options, store, floors })
  const observer = createObserver({ ...options, store, floors, cameBackAt })

  const poll = (caller: Caller, wanted: EventsQuery): void => {
    const key = `${caller.id} ${wanted.organizations?.join() ?? ''}`
    pollers.delete(key)
    if (pollers.size < pollersMax) pollers.set(key, { caller, wanted, until: clock.now() + pollerMs })
  }
  const page: Events['page'] = async (caller, query) => {
    poll(caller, query)
    const { after, limit } = query
    const found = await store.read(after, logsOf(caller, query), limit)
    if (found === 'gone') {
      const place = await store.place()
      const items = [eventOf(resyncEvent(null, clock.wall()), place)]
      return { items, next: placeText(place), hasMore: false }
    }
    const { logged, end, isComplete } = found
    const isReplayed = after !== undefined
    const items = wantedOf(logged, end.epoch, (kept) => isWanted(caller, query, kept, isReplayed))
    return { items, next: placeText(end), hasMore: !isComplete }
  }

  const events: Events = {
    history: createHistory({ ...options, store }),
    page,
    follow: (caller, query, after, sink) => {
      const follower = followEvents({ store, feed, clock }, { caller, wanted: query, after }, sink)
      followers.add(follower)
      const stop = (): void => {
        follower.stop()
        followers.delete(follower)
      }
      return { ...follower, stop }
    },
    eraseName: async (caller, organization, name) => {
      authorize(caller, { organization })
      let count = 0
      await store.rewrite(organization, (text) => {
        const next = withoutName(text, name)
        if (next !== text) count++
        return next
      })
      return count
    },
  }
  return {
    events,
    /** The log itself, for what tells its events in another way. */
    log: { read: store.read, place: store.place, join: feed.join } satisfies EventLog,
    /** Whether fewer accounts are active than the floor of the organization wants now. */
    isBelowFloor: (list: number, active: number): boolean => isBelow(floors, list, active, clock.wall()),
    /** Is told what the gateway has written. An event that cannot be kept now is found in a later list. */
    written: ((set) =>
      observer.written(set).catch((error) => {
        if (!isFailure(error)) throw error
      })) satisfies OnChange,
    /** Is told each list of operators that was loaded, and when it was asked for (monotonic ms). */
    rosterLoaded: (roster: Roster, askedAt: number): Promise<void> => {
      options.listLoaded(roster, askedAt)
      return observer.loaded({ list: roster.organization.id, listed: roster.operators, askedAt, roster })
    },
    organizationsLoaded: (all: ReadonlyMap<number, Organization>, askedAt: number): Promise<void> => {
      const listed = [...all.values()].map((one): Listed => ({ ...one, status: 'active' }))
      return observer.loaded({ list: 0, listed, askedAt })
    },
    /** The organizations that somebody listens to, or that have a floor of their own. */
    listened: (): ReadonlySet<number> | 'all' => {
      const found = new Set(floors.named.keys())
      for (const { caller, wanted } of interests()) {
        const logs = logsOf(caller, wanted)
        if (logs === 'all') return logs
        for (const organization of logs) found.add(organization)
      }
      return found
    },
    stop: (): void => {
      stopFloors()
      observer.close()
    },
  }
}
