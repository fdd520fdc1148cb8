import type { Place } from '../contract/event.ts'
import type { Step } from './coverage-steps.ts'

/** How much is kept of the log of each organization, and of the log of all together. */
export type Retention = { keepMs: number; eventsMax: number }

/** An event as it is kept: JSON without its id. */
export type Logged = { ms: number; seq: number; organization: number; text: string }

/** What was compared of a list. */
export type Seen = {
  /** When the list was asked for and had arrived that was compared last, and that which began it. */
  askedAt: number
  arrivedAt: number
  begunAt: number
  /** How many accounts are active by now; since when these are fewer than the floor, 0: they are not; whether that was told. */
  active: number
  belowSince: number
  isLow: boolean
}

/** What is remembered of a list. Its rows are texts, by id. Times are ms since 1970, on the clock of the store. */
export type KnownList = {
  /** Another one after each change of a row. */
  version: string
  now: number
  rows: ReadonlyMap<number, string>
  seen: Seen | undefined
}

/** What a change of a known list is made of. It is kept with its events in one step, or not at all. */
export type ListChange = {
  /** A text, or null for a row that is gone. */
  rows: ReadonlyMap<number, string | null>
  seen: Seen | undefined
  events: readonly Pick<Logged, 'organization' | 'text'>[]
  /** Undefined: as many accounts are active as before. */
  step?: Step | undefined
}

/** `end`: what was read reaches to here. `isComplete`: the log ended here. */
type ReadEvents = { logged: Logged[]; end: Place; isComplete: boolean }

/**
 * The log of events and the lists it was made from: in this process, or in Redis for all instances. Both pass one suite.
 * Lists are numbered by organization; 0 is the list of organizations. A flushed store begins a new epoch.
 * @throws Failure `redis.unavailable`
 */
export type EventStore = {
  /** What is known of a list; of these ids alone where given. */
  load(list: number, ids?: readonly number[]): Promise<KnownList>
  /** Notes that the list was asked for so many ms ago and had nothing new. False: it has another version by now. */
  touch(list: number, version: string, askedMs: number): Promise<boolean>
  /** Returns the new version, or undefined when the list had another one. At most 500 events. */
  append(list: number, version: string, change: ListChange): Promise<string | undefined>
  place(): Promise<Place>
  /**
   * Events of these logs, or of all together, behind a place or from the oldest on. `gone`: the log does not reach back to
   * that place, or has another epoch.
   */
  read(
    after: Place | undefined,
    organizations: readonly number[] | 'all',
    count: number,
  ): Promise<ReadEvents | 'gone'>
  /**
   * The newest events of an organization before a place, newest first, and the last ms whose events are not all kept; 0:
   * none. Fewer than `count`: there are no older ones.
   */
  readBack(
    organization: number,
    before: Pick<Place, 'ms' | 'seq'> | undefined,
    count: number,
  ): Promise<{ logged: Logged[]; lostMs: number }>
  /** The steps of the number of active accounts, oldest first: the last ones, as many as events and 5,000 at most. */
  steps(list: number): Promise<Pick<KnownList, 'now' | 'seen'> & { steps: Step[] }>
  /** The same of many lists at once. */
  seen(lists: readonly number[]): Promise<{ now: number; seen: (Seen | undefined)[] }>
  /** Changes the texts of the events of an organization, without moving one. */
  rewrite(organization: number, change: (text: string) => string): Promise<void>
  /** Calls back soon after something was appended by any instance. It may call too often, and miss some. */
  listen(heard: () => void): () => void
}

/** Whether `a` comes after `b` in one epoch. */
export const isAfter = (a: Pick<Place, 'ms' | 'seq'>, b: Pick<Place, 'ms' | 'seq'>): boolean =>
  a.ms > b.ms || (a.ms === b.ms && a.seq > b.seq)
