import type { Cache } from '../cache/cache.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Roster } from '../lists/roster.ts'
import type { Journal } from './journal.ts'
import { countRows, type Operation, type Row } from './operation.ts'
import type { Modes } from './row-planner.ts'
import type { Runner } from './runner.ts'

/** What every kind of write works with. */
export type WriteDependencies = {
  chathub: ChatHub
  cache: Cache<Roster>
  journal: Journal
  runner: Runner
  clock: Clock
  /** Rows that ChatHub takes at once. */
  batchSize: number
}

/** How a write stands when its caller is answered: over, or an operation that goes on (or is in doubt). */
export type WriteResult<T> = { done: T } | { operation: Operation }

/** The id of the operation that a request writes under its requestKey: the same for every repetition of the request. */
export const operationId = (organization: number, requestKey: string): string =>
  `${organization}-${requestKey}`

export const rowsOf = async (journal: Journal, { id, chunks }: Operation): Promise<Row[]> => {
  const rows: Row[] = []
  for (let number = 0; number < chunks; number++) rows.push(...(await journal.chunk(id, number)))
  return rows
}

const chunksOf = <T>(rows: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(rows.length / size) }, (_, chunk) =>
    rows.slice(chunk * size, (chunk + 1) * size),
  )

/** A new operation and its rows in chunks. */
export const newOperation = (
  { clock, batchSize }: Pick<WriteDependencies, 'clock' | 'batchSize'>,
  { client }: CallContext,
  of: Pick<Operation, 'kind' | 'organization' | 'status'> & { requestKey: string; rows: readonly Row[] },
  { onDuplicate = 'skip', onDeleted = 'report' }: Partial<Modes> = {},
): { operation: Operation; chunks: Row[][] } => {
  const { kind, organization, status, requestKey, rows } = of
  const chunks = chunksOf(rows, batchSize)
  const operation: Operation = {
    id: operationId(organization, requestKey),
    kind,
    client,
    organization,
    onDuplicate,
    onDeleted,
    status,
    chunks: chunks.length,
    state: 'queued',
    total: rows.length,
    counts: countRows(rows),
    next: 0,
    startedAt: clock.wall(),
  }
  return { operation, chunks }
}

// What is left of the deadline for writing the answer.
const answerMs = 100

/**
 * How a write that has begun stands at the deadline: its rows once it is done, else the operation, as it was last `known`
 * when it cannot be asked. @throws Failure `write.in-doubt` when nothing of it is left, as in a Redis that was flushed
 */
export const awaitOutcome = async (
  id: string,
  known: Operation | undefined,
  context: CallContext,
  { runner, journal, clock }: WriteDependencies,
): Promise<WriteResult<Row[]>> => {
  const enough = new AbortController()
  const late = pause(clock, context.deadline - answerMs - clock.now(), enough.signal)
  const ended = await Promise.race([runner.run(id), late]).finally(() => enough.abort())
  const operation = ended ?? (await journal.get(id).catch(() => known))
  if (!operation) throw new Failure('write.in-doubt')
  if (operation.state !== 'done') return { operation }
  return rowsOf(journal, operation).then(
    (done) => ({ done }),
    () => ({ operation }),
  )
}
