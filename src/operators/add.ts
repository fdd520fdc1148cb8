import type { Cache } from '../cache/cache.ts'
import type { Errand } from '../chathub/exchange.ts'
import { type Clock, pause } from '../clock.ts'
import { type AddOperators, type AddResult, type Outcome, outcomes } from '../contract/operator.ts'
import { Failure, type Fault, isFailure } from '../errors.ts'
import type { Journal } from '../ledger/journal.ts'
import { countRows, type Operation, type Row } from '../ledger/operation.ts'
import type { Turn } from '../ledger/turns.ts'
import { decide, foresee, type Modes } from './decide.ts'
import { operatorsKey } from './list.ts'
import type { Roster } from './roster.ts'
import type { Runner } from './run.ts'

/** How a write stands when its caller is answered: over, or an operation that goes on (or is in doubt). */
export type Written<T> = { done: T } | { operation: Operation }

export type Add = (
  organization: number,
  request: AddOperators,
  errand: Errand,
  mark: string,
) => Promise<Written<AddResult>>

/** The id of the operation that a request writes under its mark: the same for every repetition of the request. */
export const operationId = (organization: number, mark: string): string => `${organization}-${mark}`

type Options = {
  cache: Cache<Roster>
  journal: Journal
  runner: Runner
  clock: Clock
  batchSize: number
}

// What is left of the deadline for writing the answer.
const answerMs = 100

/**
 * Adds operators to one organization: its turn, a list fetched after the request came, names compared within the body
 * and with the list, batches of a hundred. Once the first batch has left, the operation runs to its end, whatever
 * happens to this request.
 * @throws Failure `operator.duplicate` (mode `fail`), and whatever kept anything from being sent
 */
export const createAdd = (options: Options): Add => {
  const { cache, journal, runner, clock, batchSize } = options

  /** True: nothing of it was sent, and nothing is left of it. */
  const forget = async (operation: Operation, turn: Turn): Promise<boolean> => {
    try {
      const now = await journal.get(operation.id)
      return now?.state === 'queued' && (await journal.remove(operation, turn))
    } catch {
      return false // whoever finds it will go on with it
    }
  }

  return async (organization, request, errand, mark) => {
    const id = operationId(organization, mark)
    const asked = request.operators.map(({ name }, index): Row => ({ index, name, outcome: 'pending' }))
    let known = await journal.get(id)
    const begin = async (turn: Turn): Promise<Row[] | undefined> => {
      known = await journal.get(id)
      if (known) return undefined
      const { copy } = await cache.read(operatorsKey(organization), errand, { notBefore: clock.now() })
      const rows = decide(copy.value, asked, request)
      const foreseen = foresee(rows, request)
      if (request.onDuplicate === 'fail') refuseDuplicates(foreseen)
      if (request.dryRun || rows.every(({ outcome }) => outcome !== 'pending')) return foreseen
      const chunks = chunksOf(rows, batchSize)
      const operation = newOperation(
        id,
        'add',
        organization,
        errand.client,
        rows,
        chunks.length,
        request,
        clock.wall(),
      )
      known = await journal.create(operation, chunks)
      if (known) return undefined
      known = operation
      try {
        await runner.begin(operation, chunks[0] as Row[], copy, turn, errand)
      } catch (error) {
        // Nothing was sent, so nothing is remembered. Anything else is in doubt, and the runner settles it.
        if (isFailure(error) && (await forget(operation, turn))) throw error
      }
      return undefined
    }
    // A repetition is written down, and goes on.
    const decided = known ? undefined : await runner.inTurn(organization, errand, begin)
    if (decided) return { done: summarize(decided) }
    const final = await endedBy(runner.run(id), errand.deadline - answerMs, clock)
    // Gone: a Redis that was flushed. Away: as it was last seen.
    const operation = final ?? (await journal.get(id).catch(() => known))
    if (!operation) throw new Failure('write.in-doubt')
    if (operation.state !== 'done') return { operation }
    return { done: summarize(await rowsOf(journal, operation)) }
  }
}

/** What the work came to, if it ends by the deadline. */
export const endedBy = async <T>(
  work: Promise<T>,
  deadline: number,
  clock: Clock,
): Promise<T | undefined> => {
  const enough = new AbortController()
  const late = pause(clock, deadline - clock.now(), enough.signal).then(() => undefined)
  return Promise.race([work, late]).finally(() => enough.abort())
}

export const rowsOf = async (journal: Journal, operation: Operation): Promise<Row[]> => {
  const rows: Row[] = []
  for (let number = 0; number < operation.chunks; number++)
    rows.push(...(await journal.chunk(operation.id, number)))
  return rows
}

export const chunksOf = <T>(rows: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(rows.length / size) }, (_, chunk) =>
    rows.slice(chunk * size, (chunk + 1) * size),
  )

export const newOperation = (
  id: string,
  kind: Operation['kind'],
  organization: number,
  client: string,
  rows: readonly Row[],
  chunks: number,
  { onDuplicate = 'skip', onDeleted = 'report' }: Partial<Modes>,
  now: number,
): Operation => ({
  id,
  kind,
  client,
  organization,
  onDuplicate,
  onDeleted,
  chunks,
  state: 'queued',
  total: rows.length,
  counts: countRows(rows),
  next: 0,
  startedAt: now,
})

const refuseDuplicates = (rows: Row[]): void => {
  const errors = rows
    .filter(({ outcome }) => outcome !== 'created')
    .map(
      ({ index }): Fault => ({
        pointer: `/operators/${index}/name`,
        code: 'duplicate',
        detail: 'An operator of this name exists, or stands earlier in the body.',
      }),
    )
  if (errors.length > 0) throw new Failure('operator.duplicate', { errors })
}

/** Rows in input order with their counts. */
export const summarize = (rows: readonly Row[]): AddResult => {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  const results = rows.map(({ index, name = '', outcome, id }) => {
    counts[outcome as Outcome]++
    return { index, name, outcome: outcome as Outcome, ...(id !== undefined && { id }) }
  })
  return { results, ...counts }
}
