import type { Urgency } from './single-flight.ts'

/**
 * Where lists are kept beyond a reader's own memory: in this process, or in Redis. Both pass one behaviour suite.
 *
 * Every list has an epoch, a string that a write replaces. A load takes the epoch before it asks ChatHub and may be
 * stored only while it is still the same: what a write overtook is never stored.
 */
export type Stored = { bytes: Buffer; epoch: string; ageMs: number }

export type Store = {
  /** The copy of `key` and the epoch now. A copy of another epoch was overtaken by a write: never fresh, better than nothing. */
  read(key: string): Promise<{ stored: Stored | undefined; epoch: string }>
  /** Keeps a copy of a list loaded under `epoch`, for `keepMs` less its age. False: a write overtook it, nothing was kept. */
  fill(key: string, copy: Stored, keepMs: number): Promise<boolean>
  /**
   * A write happened: gives the list a new epoch. A `copy` of what the write made of it is kept under the new epoch when
   * the list still has `copy.epoch`; `'drop'` forgets every copy. Returns the new epoch, and whether the copy was kept.
   */
  bump(
    key: string,
    copy: Stored | 'drop' | undefined,
    keepMs: number,
  ): Promise<{ epoch: string; kept: boolean }>
  /**
   * The right to load `key` for all instances, for `leaseMs`; asked again it is renewed. Somebody who waits takes it from
   * a refresh behind. False: another instance is loading.
   */
  claim(key: string, urgency: Urgency, leaseMs: number): Promise<boolean>
  /** Gives back a right that was taken with this urgency. */
  release(key: string, urgency: Urgency): Promise<void>
  /** Keys that hold a copy now, for `purge` of everything. */
  keys(prefix: string): Promise<string[]>
}
