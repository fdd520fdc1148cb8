import type { Event, Place } from '../contract/event.ts'
import type { DeadLetter } from '../contract/webhook.ts'

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

/**
 * Webhooks and how far they are: in this process, or in Redis for all instances. Both pass one suite. Who delivers for a
 * webhook holds its lease, and nobody else can change its progress. Nothing expires.
 * @throws Failure `redis.unavailable`
 */
export type WebhookStore = {
  list(): Promise<Webhook[]>
  /** Keeps a new webhook. A count: its client has as many, and no more are allowed. One with its id is left as it is. */
  create(webhook: Webhook, progress: Omit<Progress, 'dead'>, most: number): Promise<'created' | number>
  /** False: it is not as `before` any more. */
  replace(before: Webhook, after: Webhook): Promise<boolean>
  /** With all that is kept of it. */
  remove(id: string): Promise<void>
  /**
   * Takes every lease that is free, and renews those of the owner. Returns the ids of these, and all webhooks if they changed
   * since `version`.
   */
  claim(owner: string, version: string): Promise<{ version: string; webhooks?: Webhook[]; mine: string[] }>
  /** Takes the lease from whoever has it. */
  seize(id: string, owner: string): Promise<void>
  release(owner: string, ids: readonly string[]): Promise<void>
  load(id: string): Promise<Progress>
  /** False: the owner has no lease any more, and nothing is changed. */
  save(id: string, owner: string, change: ProgressChange): Promise<boolean>
}

/** How long a lease holds without a renewal. */
export const leaseMs = 5000
