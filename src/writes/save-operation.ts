import type { Clock } from '../clock.ts'
import type { Reporter } from '../report.ts'
import type { Journal } from './journal.ts'
import { concluded, type Operation, type Row, recount } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'

/** Rows of one chunk: as they are kept, and as they are now. */
export type Chunk = { number: number; kept: readonly Row[]; rows: readonly Row[] }

/**
 * Keeps an operation, with a chunk whose rows changed. Returns it as it was kept: the rows counted, final if nothing is
 * left. @throws LockLost
 */
export type SaveOperation = (operation: Operation, lock: HeldLock, chunk?: Chunk) => Promise<Operation>

/** The operation with the chunk's rows counted, and final if nothing is left. */
export const withChunk = (operation: Operation, chunk: Chunk | undefined, now: number): Operation => {
  const { counts } = operation
  return concluded({ ...operation, counts: chunk ? recount(counts, chunk.kept, chunk.rows) : counts }, now)
}

export const createSaveOperation =
  ({ journal, clock, report }: { journal: Journal; clock: Clock; report: Reporter }): SaveOperation =>
  async (operation, lock, chunk) => {
    const next = withChunk(operation, chunk, clock.wall())
    await journal.save(next, lock, chunk)
    const { kind, organization, client } = operation
    for (const [outcome, count] of Object.entries(next.counts)) {
      const rows = count - operation.counts[outcome as Row['outcome']]
      if (rows > 0 && outcome !== 'pending')
        report({ name: 'write', operation: kind, organization, client, outcome, rows })
    }
    return next
  }

/** Changes rows of all chunks, from the last chunk to the first. Chunks that stay the same are not written. */
export const changeRows = async (
  operation: Operation,
  lock: HeldLock,
  { journal, save }: { journal: Journal; save: SaveOperation },
  change: (row: Row, chunk: number) => Row,
): Promise<Operation> => {
  let next = operation
  for (let number = operation.chunks - 1; number >= 0; number--) {
    const kept = await journal.chunk(operation.id, number)
    const rows = kept.map((row) => change(row, number))
    if (rows.some((row, place) => row !== kept[place])) next = await save(next, lock, { number, kept, rows })
  }
  return next
}
