import type { Event, Place } from '../contract/event.ts'
import type { DeadLetter } from '../contract/webhook.ts'
import type { Sent } from './sender.ts'

/** A key that signs, encrypted. `until`: ms since 1970, undefined for the newest one. */
export type SigningSecret = {
  sealed: string
  createdAt: number
  until?: number
  /** The request that made it, so that a repetition finds it. */
  by: string
}

/** A webhook as it is kept. It has the rights that its key has now. */
export type Webhook = {
  id: string
  client: string
  keyHash: string
  url: string
  organizations?: number[] | undefined
  types?: Exclude<Event['type'], 'resync'>[] | undefined
  description: string
  createdAt: number
  /** The newest first. */
  secrets: SigningSecret[]
  /** How often it was set back. Who delivers then reads its progress again. */
  replays: number
}

/**
 * An organization with events that are not delivered yet: a cursor into its log. Organization 0 has a `resync` of all. Times
 * are ms since 1970.
 */
export type Backlog = {
  /** Everything up to here is delivered. */
  after: Place
  /** A `resync` comes first: since then it is known that events are missing. */
  resync?: number | undefined
  /** Of the next event. */
  attempts: number
  firstAt: number
  nextAt: number
  /** Of the last attempt, which failed. */
  status?: number | null
  reason?: DeadLetter['reason'] | undefined
}

/** How far a webhook is. Its size follows the organizations that are behind, never the events. */
export type Progress = {
  /** Up to here the log of all organizations was looked through. Without a backlog an organization has everything until here. */
  place: Place
  backlogs: Map<number, Backlog>
  /** The organizations that it had then. One that comes later begins with `resync`. */
  known: number[] | 'all'
  /** The receiver answered 410 then. */
  stopped?: number | undefined
  /** Since then it has no key. */
  keyless?: number | undefined
  dead: DeadLetter[]
}

/** What changes of the progress, in one step. Null removes. */
export type ProgressChange = {
  place?: Place
  backlogs?: readonly (readonly [organization: number, backlog: Backlog | null])[]
  known?: Progress['known']
  stopped?: number | null
  keyless?: number | null
  /** Is added to the dead letters. */
  deadLetter?: DeadLetter
  /** Replaces all of them. */
  dead?: DeadLetter[]
}

/** The most dead letters of a webhook. The oldest go first. */
export const deadLettersMax = 1000

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
  ...{ event: id, organization: organization as number, type, attempts: attempts + 1, status },
  reason: outcome as DeadLetter['reason'],
  firstAttemptAt: new Date(firstAt).toISOString(),
  deadAt: new Date(now).toISOString(),
})
