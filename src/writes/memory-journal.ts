import { LRUCache } from 'lru-cache'
import { type Clock, nextSlice } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Quotas } from '../redis/quotas.ts'
import {
  decodeRows,
  encodeRows,
  type JournalStore,
  listNewest,
  operationKeepMs,
  thingsOf,
} from './journal.ts'
import { isFinal, isSending, type Operation, organizationOf } from './operation.ts'
import type { OrganizationLock } from './organization-lock.ts'
import type { Usage } from './storage.ts'

/** Of all operations, ended or not. */
const journalBytesMax = 128 * 1024 * 1024
// Of an operation, besides its rows.
const recordBytes = 2000

/**
 * The journal of a gateway without Redis. Open operations are always kept, ended ones while there is room: the oldest go
 * first. `rowsKeepMs`: for how long rows are kept after the end of their operation.
 */
export const createMemoryJournal = (options: {
  clock: Pick<Clock, 'now'>
  lock: OrganizationLock
  quotas: Quotas
  rowsKeepMs: number
  bytesMax?: number
}): JournalStore & { usage(): Usage } => {
  const { clock, lock, quotas, rowsKeepMs, bytesMax = journalBytesMax } = options
  type Kept = { operation: Operation; chunks: Buffer[]; bytes: number; isCancelled: boolean }
  const open = new Map<string, Kept>()
  let openBytes = 0
  const final = new LRUCache<string, Kept>({
    maxSize: bytesMax,
    sizeCalculation: ({ bytes }) => bytes,
    ttl: operationKeepMs,
    ttlResolution: 0,
    perf: clock,
    dispose: ({ operation }, _, why) => {
      if (why === 'evict' || why === 'expire') void quotas.release(thingsOf(operation))
    },
  })
  /** In the order of their ends, each with the time until which its rows are kept. */
  const ended = new Map<string, number>()
  const sendingIds = new Map<number, string>()
  const find = (id: string): Kept | undefined => open.get(id) ?? final.get(id)
  const forget = ({ id, organization }: Operation): void => {
    openBytes -= open.get(id)?.bytes ?? 0
    open.delete(id)
    final.delete(id)
    ended.delete(id)
    if (sendingIds.get(organization) === id) sendingIds.delete(organization)
  }
  const releaseRows = (): void => {
    for (const [id, until] of ended) {
      if (until > clock.now()) return
      ended.delete(id)
      const kept = final.peek(id)
      if (kept) final.set(id, { ...kept, chunks: [], bytes: recordBytes }, { ttl: final.getRemainingTTL(id) })
    }
  }
  const put = (kept: Kept): void => {
    const { operation, chunks } = kept
    const { id, organization } = operation
    forget(operation)
    releaseRows()
    const bytes = chunks.reduce((sum, rows) => sum + rows.length, recordBytes)
    if (isFinal(operation)) {
      final.set(id, { ...kept, bytes })
      ended.set(id, clock.now() + rowsKeepMs)
      while (openBytes + final.calculatedSize > bytesMax && final.size > 1) final.pop()
    } else {
      open.set(id, { ...kept, bytes })
      openBytes += bytes
    }
    if (isSending(operation)) sendingIds.set(organization, id)
  }
  const setCancelled = (id: string, isCancelled: boolean): void => {
    const kept = find(id)
    if (kept) kept.isCancelled = isCancelled
  }
  return {
    withLock: (id, context, work) => {
      const organization = organizationOf(id)
      return lock.withLock(organization, context, (held) =>
        work(held, find(id)?.operation, sendingIds.get(organization)),
      )
    },
    create: async (operation, chunks) => {
      const known = find(operation.id)
      if (known) return known.operation
      await quotas.take(thingsOf(operation))
      const other = find(operation.id) // two may ask for the same undo at once
      if (other) return other.operation
      const encoded = chunks.map((rows) => encodeRows({ rows }))
      put({ operation, chunks: encoded, bytes: 0, isCancelled: false })
      return undefined
    },
    get: async (id) => find(id)?.operation,
    chunk: async (id, number) => {
      releaseRows()
      return decodeRows(find(id)?.chunks[number])
    },
    save: async (operation, _lock, chunk, { unlessWatched } = {}) => {
      if (unlessWatched) return false // watches are kept elsewhere
      const kept = find(operation.id)
      if (!kept) throw new Failure('queue.full', { retryAfterMs: 1000 })
      if (chunk) kept.chunks[chunk.number] = encodeRows({ retryKey: operation.retryKey, rows: chunk.rows })
      put({ ...kept, operation })
      if (isFinal(operation)) await quotas.extend(thingsOf(operation, rowsKeepMs))
      await nextSlice() // a long write lets other work run between its steps, as it does with Redis
      return true
    },
    remove: async (operation) => {
      forget(operation)
      await quotas.release(thingsOf(operation))
    },
    cancel: async (id) => setCancelled(id, true),
    isCancelled: async (id) => find(id)?.isCancelled ?? false,
    reopen: async (operation) => {
      setCancelled(operation.id, false)
      await quotas.extend(thingsOf(operation))
    },
    listed: async (before, count) => {
      const all = [...open.values(), ...final.values()].map(({ operation }) => operation)
      return listNewest(all, before, count)
    },
    open: async () => {
      releaseRows()
      return [...open.values()].map(({ operation }) => operation)
    },
    // Ended operations go when others need room, so they take none.
    usage: () => ({ usedBytes: openBytes, maxBytes: bytesMax }),
  }
}
