import { alone, type Clock, every } from '../clock.ts'
import type { EventStore, ListChange, Seen } from './event-store.ts'
import { coverageEvent } from './event-text.ts'

/** Too few accounts are active: fewer than `floor`, for `forMs`, within hours of a time zone, or always. */
export type Floor = { floor: number; forMs: number; zone: string; hours: Hours | undefined }

/** `named`: the organizations that have a floor of their own. Their lists are kept fresh. */
export type Floors = { named: ReadonlyMap<number, Floor>; others: Floor }

/** Days of a week, and minutes. */
export const days = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su']
export const dayMinutes = 24 * 60
const weekMinutes = 7 * dayMinutes
/** Minutes of a week. */
export type Hours = { start: number; minutes: number }[]

/** The minute of the week that a clock on a wall of the zone shows. @throws RangeError for a zone that is none */
const createWallClock = (timeZone: string) => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  })
  let last = { minute: Number.NaN, shown: 0 }
  return (at: number): number => {
    const minute = Math.floor(at / 60_000)
    if (minute === last.minute) return last.shown
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
    const day = days.indexOf((parts.get('weekday') as string).slice(0, 2))
    const shown = day * dayMinutes + Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
    last = { minute, shown }
    return shown
  }
}

/** Made once for each zone of the settings, because making one takes a millisecond. */
const wallClocks = new Map<string, ReturnType<typeof createWallClock>>()
const wallClockOf = (zone: string) => {
  const made = wallClocks.get(zone) ?? createWallClock(zone)
  wallClocks.set(zone, made)
  return made
}
export const isZone = (zone: string): boolean => {
  try {
    return Boolean(wallClockOf(zone))
  } catch {
    return false
  }
}

/** Whether a floor counts at an instant, ms since 1970. */
export const isOpen = ({ zone, hours }: Floor, at: number): boolean => {
  if (!hours) return true
  const minute = wallClockOf(zone)(at)
  return hours.some(({ start, minutes }) => (minute - start + weekMinutes) % weekMinutes < minutes)
}

/** Whether so few active accounts are too few now, however short the time. */
export const isBelow = ({ named, others }: Floors, list: number, active: number, at: number): boolean => {
  const floor = named.get(list) ?? others
  return active < floor.floor && isOpen(floor, at)
}

/** Whether too few are active, and since when. A list must show it after `forMs`, so that nothing is told unknown. */
const judge = (floor: Floor, seen: Seen, now: number, isChange: boolean): Seen => {
  if (seen.active >= floor.floor || !isOpen(floor, now)) return { ...seen, belowSince: 0, isLow: false }
  const belowSince = seen.belowSince || now
  const isProven = seen.askedAt >= belowSince + floor.forMs || (isChange && floor.forMs === 0)
  return { ...seen, belowSince, isLow: seen.isLow || isProven }
}

/**
 * The change with what it means for the floor of the organization: its state, and an event where that is another one. Both
 * are kept in one step with the change, so each is told once.
 */
export const withFloor = (
  { named, others }: Floors,
  list: number,
  now: number,
  change: ListChange,
): ListChange => {
  if (!change.seen || list === 0) return change
  const floor = named.get(list) ?? others
  const seen = judge(floor, change.seen, now, change.step !== undefined)
  if (seen.isLow === change.seen.isLow) return { ...change, seen }
  const since = seen.belowSince || change.seen.belowSince
  const told = coverageEvent(list, seen.isLow, { active: seen.active, floor: floor.floor, since }, now)
  return { ...change, seen, events: [...change.events, { organization: list, text: JSON.stringify(told) }] }
}

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

  const judged = (list: number, now: number, seen: Seen | undefined) => {
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
