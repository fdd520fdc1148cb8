import { EventEmitter } from 'node:events'
import { LRUCache } from 'lru-cache'
import { type Clock, nextSlice } from '../clock.ts'
import { isFinal, isSending, type Operation, type Row } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'

/** The memory of writes: what was asked, what is on its way, how each row ended. In this process, or in Redis. */
export type Journal = {
  /**
   * Keeps an operation with all its rows, before anything is sent. What is kept already under its id stays as it is and
   * comes back. @throws Failure `redis.unavailable`: it is not kept; `write.in-doubt`: it may be, and then it will be run
   */
  create(operation: Operation, chunks: readonly (readonly Row[])[]): Promise<Operation | undefined>
  get(id: string): Promise<Operation | undefined>
  chunk(id: string, number: number): Promise<readonly Row[]>
  /** Keeps what changed, in one step. False: the lock has gone to somebody else, nothing was kept. */
  save(
    operation: Operation,
    lock: HeldLock,
    chunk?: { number: number; rows: readonly Row[] },
  ): Promise<boolean>
  /** As if it had never been. False: the lock has gone to somebody else, who may go on with it. */
  remove(operation: Operation, lock: HeldLock): Promise<boolean>
  /** Asks whoever runs it to stop before the next chunk. */
  cancel(id: string): Promise<void>
  cancelled(id: string): Promise<boolean>
  /** Takes an operation up again that had ended: open, and asked by nobody to stop. */
  reopen(operation: Operation): Promise<void>
  /** The operation of this organization that has rows on their way, or in doubt. */
  unsettled(organization: number): Promise<string | undefined>
  /** Operations that are not final, oldest first. */
  open(): Promise<string[]>
  /** Called with each state that is kept, on any instance, and with undefined once it is gone; returns how to stop. */
  watch(id: string, changed: (operation: Operation | undefined) => void): () => void
}

/** Kept this long after they ended. */
export const operationKeepMs = 7 * 24 * 3600 * 1000

// About 200 MB of rows; a journal that remembers less than its last writes would be none.
const rowsMax = 1_000_000

/**
 * The journal of a gateway without Redis: as good as the process lives. What has ended is kept as long as it has room,
 * bounded by rows; what is open always is.
 */
export const createMemoryJournal = (clock: Pick<Clock, 'now'>): Journal => {
  type Kept = { operation: Operation; chunks: (readonly Row[])[]; cancelled: boolean }
  const open = new Map<string, Kept>()
  const ended = new LRUCache<string, Kept>({
    maxSize: rowsMax,
    sizeCalculation: ({ operation }) => operation.total + 10,
    ttl: operationKeepMs,
    ttlResolution: 0,
    perf: clock,
  })
  const unsettled = new Map<number, string>()
  const changes = new EventEmitter().setMaxListeners(0)
  const find = (id: string): Kept | undefined => open.get(id) ?? ended.get(id)
  const forget = (id: string): void => {
    open.delete(id)
    ended.delete(id)
  }
  const put = (kept: Kept): void => {
    const { operation } = kept
    const { id, organization } = operation
    forget(id)
    if (isFinal(operation)) ended.set(id, kept)
    else open.set(id, kept)
    if (isSending(operation)) unsettled.set(organization, id)
    else if (unsettled.get(organization) === id) unsettled.delete(organization)
    changes.emit(id, operation)
  }
  return {
    create: async (operation, chunks) => {
      const known = find(operation.id)
      if (known) return known.operation
      put({ operation, chunks: [...chunks], cancelled: false })
      return undefined
    },
    get: async (id) => find(id)?.operation,
    chunk: async (id, number) => find(id)?.chunks[number] ?? [],
    save: async (operation, _turn, chunk) => {
      const own = find(operation.id)
      if (!own) return false
      if (chunk) own.chunks[chunk.number] = chunk.rows
      put({ ...own, operation })
      await nextSlice() // a write of many steps lets others have their lock between them, as it does with Redis
      return true
    },
    remove: async ({ id, organization }) => {
      forget(id)
      if (unsettled.get(organization) === id) unsettled.delete(organization)
      changes.emit(id, undefined)
      return true
    },
    cancel: async (id) => {
      const own = find(id)
      if (own) own.cancelled = true
    },
    cancelled: async (id) => find(id)?.cancelled ?? false,
    reopen: async ({ id }) => {
      const own = find(id)
      if (own) own.cancelled = false
    },
    unsettled: async (organization) => unsettled.get(organization),
    open: async () => [...open.keys()],
    watch: (id, changed) => {
      changes.on(id, changed)
      return () => void changes.off(id, changed)
    },
  }
}
