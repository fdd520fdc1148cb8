import type { ChangeSet } from '../contract/audit.ts'
import type { Entry } from './entry.ts'

/** How long, and about how many entries are kept of each organization. An entry has 1 to `CHATHUB_BATCH_SIZE` changes. */
export type Retention = { keepMs: number; entriesMax: number }

/** Where an entry is. Without `seq`: the last one of the millisecond. */
export type EntryId = { ms: number; seq?: number }

/**
 * The records of each organization, in the order in which they were appended. `organization` 0: changes of all at once.
 * @throws Failure `redis.unavailable`
 */
export type AuditStore = {
  /** Appends the changes that were not appended before under the same `step` and `key`. They are in one entry. */
  append(organization: number, changes: ChangeSet): Promise<void>
  /** Organizations that may have entries, 0 included. */
  organizations(): Promise<number[]>
  /** At most `count` entries from `newest` down, that one included. */
  read(organization: number, newest: EntryId, oldestMs: number, count: number): Promise<Entry[]>
  /** Replaces the bytes of entries, without moving one. Entries that are appended meanwhile are replaced too. */
  rewrite(organization: number, change: (bytes: Buffer) => Buffer): Promise<void>
}
