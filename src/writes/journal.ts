import { EventEmitter } from 'node:events'
import { LRUCache } from 'lru-cache'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, nextSlice } from '../clock.ts'
import { isFinal, isSending, type Operation, type Row } from './operation.ts'
import type { HeldLock, OrganizationLock } from './organization-lock.ts'

/** The lock went to another instance, or the record is gone. Nothing was kept. */
export class LockLost extends Error {}

/** What the journal knew when a lock was taken. */
export type Known = {
  /** The operation that was asked for. */
  operation: Operation | undefined
  /** Id of the operation of this organization that has rows in flight or in doubt. */
  unsettled: string | undefined
}

/** The memory of writes: what was asked, what is in flight, how each row ended. In this process, or in Redis. */
export type Journal = {
  /**
   * Runs `work` under the organization's lock, with what is known of the operation `id`.
   * @throws Failure `queue.full` when the deadline comes first, `redis.unavailable`
   */
  withLock<T>(
    organization: number,
    context: Pick<CallContext, 'deadline' | 'signal'>,
    work: (lock: HeldLock, known: Known) => Promise<T>,
    id?: string,
  ): Promise<T>
  /**
   * Keeps a new operation with all its rows. An operation that exists under its id stays as it is, and is returned. `lock`:
   * needed when rows of it are in flight.
   * @throws LockLost
   * @throws Failure `redis.unavailable`: it is not kept; `write.in-doubt`: it may be kept, and is then carried out
   */
  create(
    operation: Operation,
    chunks: readonly (readonly Row[])[],
    lock?: HeldLock,
  ): Promise<Operation | undefined>
  get(id: string): Promise<Operation | undefined>
  chunk(id: string, number: number): Promise<readonly Row[]>
  /** Keeps what changed, in one step. @throws LockLost */
  save(operation: Operation, lock: HeldLock, chunk?: { number: number; rows: readonly Row[] }): Promise<void>
  /** Forgets the operation. @throws LockLost */
  remove(operation: Operation, lock: HeldLock): Promise<void>
  /** Asks the instance that carries it out to stop before the next chunk. */
  cancel(id: string): Promise<void>
  isCancelled(id: string): Promise<boolean>
  /** Lists an operation as open again, and withdraws the request to stop. */
  reopen(operation: Operation): Promise<void>
  /** Operations that are not final, oldest first. */
  open(): Promise<Operation[]>
  /** Calls back with each state that any instance keeps, and with undefined once it is gone. The returned function ends it. */
  watch(id: string, changed: (operation: Operation | undefined) => void): () => void
}

/** All rows of an operation, in order. */
export const rowsOf = async (journal: Pick<Journal, 'chunk'>, { id, chunks }: Operation): Promise<Row[]> => {
  const rows: Row[] = []
  for (let number = 0; number < chunks; number++) rows.push(...(await journal.chunk(id, number)))
  return rows
}

/** A final operation is kept for this long. */
export const operationKeepMs = 7 * 24 * 3600 * 1000

// About 200 MB of rows.
const rowsMax = 1_000_000

/** The journal of a gateway without Redis. Open operations are always kept, final ones while there is room for their rows. */
export const createMemoryJournal = (clock: Pick<Clock, 'now'>, lock: OrganizationLock): Journal => {
  type Kept = { operation: Operation; chunks: (readonly Row[])[]; isCancelled: boolean }
  const open = new Map<string, Kept>()
  const final = new LRUCache<string, Kept>({
    maxSize: rowsMax,
    sizeCalculation: ({ operation }) => operation.total + 10,
    ttl: operationKeepMs,
    ttlResolution: 0,
    perf: clock,
  })
  const unsettled = new Map<number, string>()
  const changes = new EventEmitter().setMaxListeners(0)
  const find = (id: string): Kept | undefined => open.get(id) ?? final.get(id)
  const forget = ({ id, organization }: Operation): void => {
    open.delete(id)
    final.delete(id)
    if (unsettled.get(organization) === id) unsettled.delete(organization)
  }
  const put = (kept: Kept): void => {
    const { operation } = kept
    const { id, organization } = operation
    forget(operation)
    if (isFinal(operation)) final.set(id, kept)
    else open.set(id, kept)
    if (isSending(operation)) unsettled.set(organization, id)
    changes.emit(id, operation)
  }
  return {
    withLock: (organization, context, work, id) =>
      lock.withLock(organization, context, (held) => {
        const operation = id === undefined ? undefined : find(id)?.operation
        return work(held, { operation, unsettled: unsettled.get(organization) })
      }),
    create: async (operation, chunks) => {
      const known = find(operation.id)
      if (!known) put({ operation, chunks: [...chunks], isCancelled: false })
      return known?.operation
    },
    get: async (id) => find(id)?.operation,
    chunk: async (id, number) => find(id)?.chunks[number] ?? [],
    save: async (operation, _lock, chunk) => {
      const kept = find(operation.id)
      if (!kept) throw new LockLost()
      if (chunk) kept.chunks[chunk.number] = chunk.rows
      put({ ...kept, operation })
      await nextSlice() // a long write lets other work run between its steps, as it does with Redis
    },
    remove: async (operation) => {
      forget(operation)
      changes.emit(operation.id, undefined)
    },
    cancel: async (id) => {
      const kept = find(id)
      if (kept) kept.isCancelled = true
    },
    isCancelled: async (id) => find(id)?.isCancelled ?? false,
    reopen: async ({ id }) => {
      const kept = find(id)
      if (kept) kept.isCancelled = false
    },
    open: async () => [...open.values()].map(({ operation }) => operation),
    watch: (id, changed) => {
      changes.on(id, changed)
      return () => void changes.off(id, changed)
    },
  }
}
