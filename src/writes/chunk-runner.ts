import type { Cache, Copy } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import { announced, createChunkSender } from './chunk-sender.ts'
import { isPending, type Operation, type Row } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'
import { planOperation, replaceRows } from './row-planner.ts'
import type { Chunk, SaveOperation } from './save-operation.ts'

/** How the states of a chunk are kept. Each returns the operation as it was kept. @throws LockLost */
export type ChunkKeeper = {
  /** Before the first byte leaves. */
  announce(next: Operation): Promise<Operation>
  /** Nothing was sent after all. */
  withdraw(announced: Operation): Promise<unknown>
  /** With the outcome of the rows. */
  settle(next: Operation, chunk: Chunk): Promise<Operation>
}

/** A chunk after one step: its operation as it is kept, its rows, and the list with them. */
export type ChunkResult = { operation: Operation; rows: readonly Row[]; roster: Roster }

/**
 * Does what the planned rows of a chunk need next: announces it, sends it, commits the list, keeps the outcome.
 * @throws Failure when ChatHub refused it and nothing, or not everything, was sent; the chunk is kept as it is then
 */
export type RunChunk = (
  operation: Operation,
  lock: HeldLock,
  chunk: Chunk,
  copy: Copy<Roster>,
  context: CallContext,
  keeper?: ChunkKeeper,
) => Promise<ChunkResult>

export const createChunkRunner = (options: {
  chathub: Pick<ChatHub, 'synchronize' | 'setStatus'>
  cache: Cache<Roster>
  clock: Clock
  save: SaveOperation
}): RunChunk => {
  const { cache, clock, save } = options
  const sendChunk = createChunkSender(options.chathub)

  return async (operation, lock, chunk, copy, context, keeper) => {
    const { number, rows } = chunk
    const { announce, withdraw, settle } = keeper ?? {
      announce: (next) => save(next, lock, chunk),
      withdraw: (sent) => save({ ...sent, state: operation.state, sending: operation.sending }, lock),
      settle: (next, after) => save(next, lock, after),
    }
    const next = announced(operation, number, rows, copy.value, clock.wall())
    if (!next.sending)
      return { operation: await save({ ...next, next: number + 1 }, lock, chunk), rows, roster: copy.value }
    const sent = await announce(next)
    const delivery = await sendChunk(sent, rows, copy.value, { ...context, maySend: lock.isHeld })
    const { settled, doubtful, noReply, roster } = delivery
    const isKnown = doubtful.length === 0
    if (delivery.refused && isKnown && settled.length === 0) {
      await withdraw(sent)
      throw delivery.refused
    }
    // Committed before it is kept: after a crash between the two the request is in doubt, and a new list settles it.
    if (roster !== copy.value || !isKnown)
      await cache.commit(
        operatorsKey(operation.organization),
        isKnown ? { ...copy, value: roster, bytes: roster.bytes } : undefined,
      )
    const replaced = replaceRows(rows, settled)
    const after = isKnown ? planOperation(roster, replaced, operation) : replaced
    const sending = isKnown ? undefined : { ...next.sending, rows: doubtful, noReply }
    const isDone = isKnown && !after.some(isPending)
    const kept = await settle(
      { ...sent, sending, next: isDone ? number + 1 : number },
      { number, kept: rows, rows: after },
    )
    if (delivery.refused) throw delivery.refused
    return { operation: kept, rows: after, roster }
  }
}
