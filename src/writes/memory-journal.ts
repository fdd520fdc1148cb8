import { LRUCache } from 'lru-cache'
import { type Clock, nextSlice } from '../clock.ts'
import { Failure } from '../errors.ts'
import { type JournalStore, listNewest, operationKeepMs } from './journal.ts'
import { isFinal, isSending, type Operation, organizationOf } from './operation.ts'
import type { OrganizationLock } from './organization-lock.ts'
import { decodeRows, encodeRows } from './row-codec.ts'

// About 200 MB of rows.
const rowsMax = 1_000_000

/** The journal of a gateway without Redis. Open operations are always kept, final ones while there is room for their rows. */
export const createMemoryJournal = (clock: Pick<Clock, 'now'>, lock: OrganizationLock): JournalStore => {
  type Kept = { operation: Operation; chunks: Buffer[]; isCancelled: boolean }
  const open = new Map<string, Kept>()
  const final = new LRUCache<string, Kept>({
    maxSize: rowsMax,
    sizeCalculation: ({ operation }) => operation.total + 10,
    ttl: operationKeepMs,
    ttlResolution: 0,
    perf: clock,
  })
  const sendingIds = new Map<number, string>()
  const find = (id: string): Kept | undefined => open.get(id) ?? final.get(id)
  const forget = ({ id, organization }: Operation): void => {
    open.delete(id)
    final.delete(id)
    if (sendingIds.get(organization) === id) sendingIds.delete(organization)
  }
  const put = (kept: Kept): void => {
    const { operation } = kept
    const { id, organization } = operation
    forget(operation)
    if (isFinal(operation)) final.set(id, kept)
    else open.set(id, kept)
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
      if (!known) put({ operation, chunks: chunks.map((rows) => encodeRows({ rows })), isCancelled: false })
      return known?.operation
    },
    get: async (id) => find(id)?.operation,
    chunk: async (id, number) => decodeRows(find(id)?.chunks[number]),
    save: async (operation, _lock, chunk) => {
      const kept = find(operation.id)
      if (!kept) throw new Failure('queue.full', { retryAfterMs: 1000 })
      if (chunk) kept.chunks[chunk.number] = encodeRows({ retryKey: operation.retryKey, rows: chunk.rows })
      put({ ...kept, operation })
      await nextSlice() // a long write lets other work run between its steps, as it does with Redis
    },
    remove: async (operation) => forget(operation),
    cancel: async (id) => setCancelled(id, true),
    isCancelled: async (id) => find(id)?.isCancelled ?? false,
    reopen: async ({ id }) => setCancelled(id, false),
    listed: async (before, count) => {
      const all = [...open.values(), ...final.values()].map(({ operation }) => operation)
      return listNewest(
        all.map(({ id, startedAt, client }) => ({ id, startedAt, client })),
        before,
        count,
      )
    },
    open: async () => [...open.values()].map(({ operation }) => operation),
  }
}
