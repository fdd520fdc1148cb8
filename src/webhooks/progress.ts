import { type Event, type Place, parseEventPlace } from '../contract/event.ts'
import type { DeadLetter } from '../contract/webhook.ts'
import { isAfter } from '../events/event-store.ts'
import type { Sent } from './sender.ts'
import { type Backlog, deadLettersMax, type Progress, type ProgressChange } from './webhook.ts'

/** Makes a change, in place. */
export const applyChange = (progress: Progress, change: ProgressChange): void => {
  const { backlogs = [], deadLetter, stopped, keyless, ...replaced } = change
  Object.assign(progress, replaced)
  for (const [organization, backlog] of backlogs)
    if (backlog) progress.backlogs.set(organization, backlog)
    else progress.backlogs.delete(organization)
  if (stopped !== undefined) progress.stopped = stopped ?? undefined
  if (keyless !== undefined) progress.keyless = keyless ?? undefined
  if (deadLetter) progress.dead = [...progress.dead, deadLetter].slice(-deadLettersMax)
}

export const newBacklog = (after: Place): Backlog => ({ after, attempts: 0, firstAt: 0, nextAt: 0 })
export const placeBefore = ({ epoch, ms, seq }: Place): Place => ({ epoch, ms, seq: seq - 1 })

/** How long an event is tried, from its first attempt on. */
const triedMs = 24 * 3_600_000
const firstPauseMs = 5000
const pauseMaxMs = 2 * 3_600_000

/**
 * The backlog after an attempt at the event before `behind`. It moves on if the event was delivered or is given up. A `resync`
 * never is, because nothing else says that events are missing. The pauses are 5 s, 15 s, 45 s … 2 h, a quarter more or less.
 */
export const afterAttempt = (
  backlog: Backlog,
  { outcome, status, retryAfterMs = 0 }: Sent,
  behind: Place,
  now: number,
  random = Math.random(),
): { backlog: Backlog; isGivenUp: boolean } => {
  if (outcome === 'delivered') return { backlog: newBacklog(behind), isGivenUp: false }
  const { resync } = backlog
  const attempts = backlog.attempts + 1
  const firstAt = backlog.firstAt || now
  const ends = resync === undefined ? firstAt + triedMs : Infinity
  const isGivenUp = now >= ends
  const pauseMs = Math.min(pauseMaxMs, firstPauseMs * 3 ** backlog.attempts) * (0.75 + random / 2)
  // The last attempt is made at the end.
  const nextAt = Math.min(ends, Math.round(now + Math.max(pauseMs, retryAfterMs)))
  const failed = { ...backlog, attempts, firstAt, nextAt, status, reason: outcome as Backlog['reason'] }
  return { backlog: isGivenUp ? newBacklog(behind) : (failed as Backlog), isGivenUp }
}

/** What is kept of an event that is given up: where it is in the log, not what it says. */
export const deadLetterOf = (
  { id, type, organization }: Event,
  { attempts, firstAt }: Backlog,
  { outcome, status }: Sent,
  now: number,
): DeadLetter => ({
  event: id,
  organization: organization as number,
  type,
  attempts: attempts + 1,
  status,
  reason: outcome as DeadLetter['reason'],
  firstAttemptAt: new Date(firstAt).toISOString(),
  deadAt: new Date(now).toISOString(),
})

/**
 * What brings a webhook to the organizations that are its own now. Those that went lose their backlog. Those that came begin with
 * `resync`. Undefined: nothing changed.
 */
export const followRights = (
  now: Progress,
  mine: Progress['known'],
  at: number,
): { went: number[]; change: ProgressChange } | undefined => {
  const { known: before, backlogs, place } = now
  if (JSON.stringify(before) === JSON.stringify(mine)) return undefined
  const went = mine === 'all' ? [] : [...backlogs.keys()].filter((one) => one !== 0 && !mine.includes(one))
  const all = mine === 'all' ? [0] : mine
  const came = before === 'all' ? [] : all.filter((one) => !before.includes(one))
  const changed = [
    ...went.map((one) => [one, null] as const),
    ...came.map((one) => [one, { ...newBacklog(place), resync: at }] as const),
  ]
  return { went, change: { known: mine, backlogs: changed } }
}

const placeOf = (event: string): Place => parseEventPlace(event) as Place

/**
 * Sets a webhook back, and tries at once what waits. Without `after` each organization goes on from its oldest dead
 * letter, so its events stay in order. One event alone could overwrite what came later.
 */
export const replayed = ({ backlogs, dead }: Progress, after: Place | undefined): ProgressChange => {
  const next = new Map<number, Backlog | null>()
  for (const [organization, backlog] of backlogs) {
    const isBehind = !after || backlog.resync !== undefined || !isAfter(backlog.after, after)
    next.set(organization, isBehind ? { ...newBacklog(backlog.after), resync: backlog.resync } : null)
  }
  if (after) {
    const left = dead.filter(({ event }) => !isAfter(placeOf(event), after))
    return { place: after, backlogs: [...next], stopped: null, dead: left }
  }
  for (const { event, organization } of dead) {
    const place = placeBefore(placeOf(event))
    const backlog = next.get(organization)
    if (!backlog || isAfter(backlog.after, place)) next.set(organization, newBacklog(place))
  }
  return { backlogs: [...next], stopped: null, dead: [] }
}
