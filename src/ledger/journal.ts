import { EventEmitter } from 'node:events'
import { LRUCache } from 'lru-cache'
import { isFinal, isSending, type Operation, type Row } from './operation.ts'
import type { Turn } from './turns.ts'

/** The memory of writes: what was asked, what is on its way, how each row ended. In this process, or in Redis. */
export type Journal = {
  /** Keeps an operation with all its rows, before anything is sent. @throws Failure `redis.unavailable` */
  create(operation: Operation, chunks: readonly Row[][]): Promise<void>
  get(id: string): Promise<Operation | undefined>
  chunk(id: string, number: number): Promise<Row[]>
  /** Keeps what changed, in one step. False: the turn has gone to somebody else, nothing was kept. */
  save(operation: Operation, turn: Turn, chunk?: { number: number; rows: Row[] }): Promise<boolean>
  remove(operation: Operation): Promise<void>
  /** Asks whoever runs it to stop before the next chunk. */
  cancel(id: string): Promise<void>
  cancelled(id: string): Promise<boolean>
  /** Takes an operation up again that had ended: open, and asked by nobody to stop. */
  reopen(operation: Operation): Promise<void>
  /** The operation of this organization that has rows on their way, or in doubt. */
  unsettled(organization: number): Promise<string | undefined>
  /** Operations that are not final, oldest first. */
  open(): Promise<string[]>
  /** Called with each state that is kept, on any instance; returns how to stop. */
  watch(id: string, changed: (operation: Operation) => void): () => void
}

/** Kept this long after they ended. */
export const operationKeepMs = 7 * 24 * 3600 * 1000

// About 200 MB of rows; a journal that remembers less than its last writes would be none.
const rowsMax = 1_000_000

/** The journal of a gateway without Redis: as good as the process lives. Bounded by rows, longest unused first. */
export const createMemoryJournal = (): Journal => {
  type Kept = { operation: Operation; chunks: Row[][]; cancelled: boolean }
  const kept = new LRUCache<string, Kept>({
    maxSize: rowsMax,
    sizeCalculation: ({ operation }) => operation.total + 10,
  })
  const open = new Set<string>()
  const unsettled = new Map<number, string>()
  const changes = new EventEmitter().setMaxListeners(0)
  const put = (operation: Operation): void => {
    if (isFinal(operation)) open.delete(operation.id)
    else open.add(operation.id)
    if (isSending(operation)) unsettled.set(operation.organization, operation.id)
    else if (unsettled.get(operation.organization) === operation.id) unsettled.delete(operation.organization)
    changes.emit(operation.id, operation)
  }
  return {
    create: async (operation, chunks) => {
      kept.set(operation.id, {
        operation: structuredClone(operation),
        chunks: structuredClone(chunks) as Row[][],
        cancelled: false,
      })
      put(operation)
    },
    get: async (id) => structuredClone(kept.get(id)?.operation),
    chunk: async (id, number) => structuredClone(kept.get(id)?.chunks[number] ?? []),
    save: async (operation, _turn, chunk) => {
      const own = kept.get(operation.id)
      if (!own) return false
      own.operation = structuredClone(operation)
      if (chunk) own.chunks[chunk.number] = structuredClone(chunk.rows)
      put(operation)
      return true
    },
    remove: async ({ id }) => {
      open.delete(id)
      kept.delete(id)
    },
    cancel: async (id) => {
      const own = kept.get(id)
      if (own) own.cancelled = true
    },
    cancelled: async (id) => kept.get(id)?.cancelled ?? false,
    reopen: async ({ id }) => {
      open.add(id)
      const own = kept.get(id)
      if (own) own.cancelled = false
    },
    unsettled: async (organization) => unsettled.get(organization),
    open: async () => [...open],
    watch: (id, changed) => {
      changes.on(id, changed)
      return () => void changes.off(id, changed)
    },
  }
}
