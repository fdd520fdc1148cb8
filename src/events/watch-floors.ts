import { alone, type Clock, every } from '../clock.ts'
import { type Floors, withFloor } from './coverage-floor.ts'
import type { EventStore, KnownList } from './event-store.ts'

const checkMs = 1000

/**
 * Tells of floors what time alone changes: hours that begin or end, and accounts that are missing for long enough. All
 * instances look; one of them tells.
 */
export const watchFloors = (options: {
  store: EventStore
  clock: Clock
  floors: Floors
  /** The organizations whose lists are kept fresh. */
  listenedTo(): readonly number[]
}): (() => void) => {
  const { store, clock, floors, listenedTo } = options

  const judged = (list: number, now: number, seen: KnownList['seen']) => {
    const change = withFloor(floors, list, now, { rows: new Map(), seen, events: [] })
    const isSame = change.seen?.belowSince === seen?.belowSince && change.seen?.isLow === seen?.isLow
    return isSame ? undefined : change
  }
  const run = async (): Promise<void> => {
    const organizations = listenedTo()
    if (organizations.length === 0) return
    const { now, seen } = await store.seen(organizations)
    for (const [place, organization] of organizations.entries()) {
      if (!judged(organization, now, seen[place])) continue
      const known = await store.load(organization, [])
      const change = judged(organization, known.now, known.seen)
      // When the list changed meanwhile, that change was judged.
      if (change) await store.append(organization, known.version, change)
    }
  }
  return every(clock, checkMs, alone(run))
}
