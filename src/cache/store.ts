import type { Urgency } from './single-flight.ts'

/** A copy of a list in a store. Its age counts from when its request left for ChatHub. */
export type Stored = { bytes: Buffer; epoch: string; ageMs: number }

/** A request for the right to load a list on behalf of all instances. */
export type Claim = {
  urgency: Urgency
  /** The claim ends after this time, unless it is asked for again. */
  leaseMs: number
  /** Nothing is claimed when there is a copy of the current epoch that is younger than this. */
  youngMs: number
  /** `young`: other copies are not returned. */
  wanted: 'any' | 'young'
}

/**
 * Where instances keep lists: in this process, or in Redis. Both pass one behaviour suite.
 *
 * Every list has an epoch, a string that each write replaces. A load reads the epoch before it asks ChatHub. Its answer
 * is stored only under the same epoch. So an answer that a write invalidated is never stored.
 */
export type Store = {
  /**
   * The copy, and the current epoch. A copy of another epoch was invalidated by a write: it is never fresh.
   * With `claim` also the right to load the list, in the same step. A foreground load takes it from a background load.
   * `claimed` is false when there is a young copy or another instance loads, undefined when the store takes no writes.
   */
  read(
    key: string,
    claim?: Claim,
  ): Promise<{ stored: Stored | undefined; epoch: string; claimed: boolean | undefined }>
  /** Gives back a claim of this urgency. */
  release(key: string, urgency: Urgency): Promise<void>
  /** Keeps a copy for `keepMs` less its age and gives back this instance's claim. False: the epoch is another, nothing was kept. */
  fill(key: string, copy: Stored, keepMs: number): Promise<boolean>
  /**
   * Gives a list that was written a new epoch. A `copy` of the list after the write is kept under it if the list still
   * had `copy.epoch`; `'drop'` removes every copy. Returns the new epoch, and whether the copy was kept.
   */
  bump(
    key: string,
    copy: Stored | 'drop' | undefined,
    keepMs: number,
  ): Promise<{ epoch: string; kept: boolean }>
  /** Keys with this prefix that hold a copy now. */
  keys(prefix: string): Promise<string[]>
}
