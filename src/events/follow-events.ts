import { mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import { type Clock, pause } from '../clock.ts'
import type { Event, EventsQuery, Place } from '../contract/event.ts'
import type { EventFeed } from './event-feed.ts'
import { type EventStore, isAfter, type Logged } from './event-store.ts'
import { eventOf, type KeptEvent, loggedEvent, resyncEvent } from './event-text.ts'

/** What a reader wants: organizations and types. */
export type Wanted = Pick<EventsQuery, 'organizations' | 'types'>

export type EventSink = {
  /** Events in order, and the place up to which the reader has everything. */
  send(events: readonly Event[], place: Place): void
  /** Resolves when the reader has taken nearly all that was sent. */
  drained(): Promise<void>
}

const pageOf = 50
const againMs = 1000

/** The organizations whose logs are read; `all` where the caller may touch every one. */
export const logsOf = (caller: Caller, { organizations }: Wanted): number[] | 'all' => {
  const mine = organizations ?? (caller.organizations === '*' ? 'all' : [...caller.organizations])
  return mine === 'all' ? mine : mine.filter((one) => mayTouch(caller, one))
}

/** Whether the reader gets the event. `isReplayed`: the reader was away when it was appended. */
export const isWanted = (
  caller: Caller,
  { organizations, types }: Wanted,
  { type, organization, begins }: KeptEvent,
  isReplayed: boolean,
): boolean =>
  (organization === null ||
    (mayTouch(caller, organization) && (organizations?.includes(organization) ?? true))) &&
  (type === 'resync' ? !begins || isReplayed : (types?.includes(type) ?? true))

/** Those of the logged events that the reader gets. */
export const wantedOf = (logged: readonly Logged[], epoch: string, isFor: (kept: KeptEvent) => boolean) =>
  logged.flatMap((one) => {
    const { kept, event } = loggedEvent(one, epoch)
    return isFor(kept) ? [event] : []
  })

/**
 * Sends what comes after a place, first from the log and then as it is heard. A place that the log does not reach is answered
 * by `resync`. While Redis is away, nothing is sent.
 */
export const followEvents = (
  { store, feed, clock }: { store: EventStore; feed: EventFeed; clock: Clock },
  first: { caller: Caller; wanted: Wanted; after: Place | 'unknown' | undefined },
  sink: EventSink,
) => {
  const { wanted } = first
  let { caller } = first
  const ended = new AbortController()
  let place = first.after === 'unknown' ? undefined : first.after
  let isLive = false

  const deliver = (logged: readonly Logged[], end: Place, isReplayed: boolean): void => {
    const events = wantedOf(logged, end.epoch, (kept) => isWanted(caller, wanted, kept, isReplayed))
    place = end
    if (events.length > 0) sink.send(events, end)
  }
  const resync = (at: Place, organizations: readonly (number | null)[] = [null]): void => {
    place = at
    const events = organizations.map((one) => eventOf(resyncEvent(one, clock.wall()), at))
    sink.send(events, at)
  }
  /** True once the reader has everything that the feed has told. */
  const catchUp = async (): Promise<boolean> => {
    if (!place) {
      const here = await store.place()
      if (first.after === 'unknown') resync(here)
      else sink.send([], here)
      place = here
    }
    const page = await store.read(place, logsOf(caller, wanted), pageOf)
    if (ended.signal.aborted) return true
    if (page === 'gone') {
      resync(await store.place())
      return false
    }
    deliver(page.logged, page.end, true)
    if (!page.isComplete) {
      await sink.drained()
      return false
    }
    const fed = feed.place()
    if (!fed) await pause(clock, againMs / 10, ended.signal)
    // At once, so that nothing is heard in between.
    isLive = fed?.epoch === page.end.epoch && !isAfter(fed, page.end)
    return isLive
  }
  const run = async (): Promise<void> => {
    while (!ended.signal.aborted)
      try {
        if (await catchUp()) break
      } catch {
        await pause(clock, againMs, ended.signal)
      }
  }
  const leave = feed.join({
    heard: (logged, end) => {
      if (!isLive || !place) return
      const before = place
      const fresh = logged.filter((one) => isAfter(one, before))
      if (fresh.length > 0) deliver(fresh, end, false)
    },
    lost: (at) => {
      if (isLive) resync(at)
    },
  })
  void run()

  return {
    /** Up to where the reader has everything; undefined before it is known. */
    place: (): Place | undefined => {
      const fed = feed.place()
      if (isLive && place && fed?.epoch === place.epoch && isAfter(fed, place)) place = fed
      return place
    },
    caller: () => caller,
    wanted,
    /** Goes on with other rights. Organizations that came are told by `resync`. */
    narrow: (next: Caller): void => {
      const came =
        wanted.organizations?.filter((one) => !mayTouch(caller, one) && mayTouch(next, one)) ??
        cameWith(caller, next)
      caller = next
      if (came.length > 0 && place) resync(place, came)
    },
    stop: (): void => {
      ended.abort()
      leave()
    },
  }
}

/** The organizations that the second caller may touch and the first may not; null: all. */
const cameWith = ({ organizations: before }: Caller, { organizations: after }: Caller): (number | null)[] => {
  if (before === '*' || before === after) return []
  return after === '*' ? [null] : [...after].filter((one) => !before.has(one))
}
