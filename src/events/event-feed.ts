import { type Clock, every } from '../clock.ts'
import type { Place } from '../contract/event.ts'
import type { EventStore, Logged } from './event-store.ts'

/** A reader of what this instance hears of. */
export type FeedReader = {
  /** Events of all organizations, in order, each once. */
  heard(logged: readonly Logged[], end: Place): void
  /** Events are missing before this place. */
  lost(place: Place): void
}

const pollMs = 1000
const readAtOnce = 500

/**
 * Reads the log of all organizations once for all readers of this instance, while there are any. It reads as soon as
 * something was appended, and each second. While Redis is away nothing is heard, and afterwards all that was missed, or
 * `lost`.
 */
export const createEventFeed = (store: EventStore, clock: Clock) => {
  const readers = new Set<FeedReader>()
  let place: Place | undefined
  let stop: (() => void) | undefined
  let isReading = false
  let isAsked = false

  /** True when more is there already. */
  const readPage = async (): Promise<boolean> => {
    place ??= await store.place()
    const page = await store.read(place, 'all', readAtOnce)
    const isGone = page === 'gone'
    const end = isGone ? await store.place() : page.end
    place = end
    for (const reader of readers) {
      if (isGone) reader.lost(end)
      else if (page.logged.length > 0) reader.heard(page.logged, end)
    }
    return isGone || !page.isComplete
  }
  const read = async (): Promise<void> => {
    isAsked = true
    if (isReading) return
    isReading = true
    try {
      while (isAsked && stop) {
        isAsked = false
        // It may be true by now: something was appended while the page was on its way.
        if (await readPage()) isAsked = true
      }
    } catch {
      // The store has reported it. The next second tries again from the same place.
    }
    isReading = false
  }
  const start = (): (() => void) => {
    const stopPolling = every(clock, pollMs, () => void read())
    const stopListening = store.listen(() => void read())
    return () => {
      stopPolling()
      stopListening()
    }
  }
  return {
    /** Up to where all readers have heard everything. Undefined: the store was not read yet. */
    place: (): Place | undefined => place,
    join: (reader: FeedReader): (() => void) => {
      readers.add(reader)
      if (!stop) {
        place = undefined
        stop = start()
        void read()
      }
      return () => {
        readers.delete(reader)
        if (readers.size > 0) return
        stop?.()
        stop = undefined
      }
    },
  }
}

export type EventFeed = ReturnType<typeof createEventFeed>
