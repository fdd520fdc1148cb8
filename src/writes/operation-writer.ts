import type { Cache, Copy } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import type { KnownStatus, Operator } from '../contract/operator.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Roster } from '../lists/roster.ts'
import type { Reporter } from '../report.ts'
import type { Journal } from './journal.ts'
import { type Operation, type Row, recount } from './operation.ts'
import type { HeldLock } from './organization-lock.ts'

/** The lock went to somebody else, who settles what was on its way. */
export class LockLost extends Error {}

/** Rows of one chunk: as they are kept, and as they were decided against the list. */
export type Chunk = { number: number; kept: readonly Row[]; rows: Row[] }

/** What every step of an operation reads and keeps. */
export type OperationWriter = {
  contextOf(operation: Operation): CallContext
  /** The list, fetched from now on. */
  list(operation: Operation): Promise<Copy<Roster>>
  /** The list as it is remembered, if it is a few seconds old at most: every write of the gateway's own is in it. */
  current(operation: Operation): Promise<Copy<Roster>>
  /** @throws TurnLost */
  save(operation: Operation, lock: HeldLock): Promise<void>
  /** The operation with a chunk's rows changed, kept. @throws TurnLost */
  saveChunk(
    operation: Operation,
    lock: HeldLock,
    chunk: Chunk,
    change?: Partial<Operation>,
  ): Promise<Operation>
  /** The operation with all its rows changed, kept chunk by chunk where a row is another. @throws TurnLost */
  saveEachChunk(
    operation: Operation,
    lock: HeldLock,
    change: (row: Row, chunk: number) => Row,
  ): Promise<Operation>
}

const contextMs = 30_000
// Whoever adds people beside the gateway is seen this soon; one list is then asked for every so many batches.
const currentMs = 5000

export const createOperationWriter = (options: {
  cache: Cache<Roster>
  journal: Journal
  clock: Clock
  report: Reporter
}): OperationWriter => {
  const { cache, journal, clock, report } = options

  const contextOf: OperationWriter['contextOf'] = ({ kind, client }) => ({
    lane: kind === 'import' ? 'imports' : 'writes',
    client,
    deadline: clock.now() + contextMs,
  })
  const list: OperationWriter['list'] = async (operation) => {
    const asked = { notBefore: clock.now() }
    return (await cache.read(operatorsKey(operation.organization), contextOf(operation), asked)).copy
  }
  const reportRows = (operation: Operation, before: Operation['counts']): void => {
    const { kind, organization, client } = operation
    for (const [outcome, count] of Object.entries(operation.counts)) {
      const rows = count - before[outcome as keyof typeof before]
      if (rows > 0 && outcome !== 'pending')
        report({ name: 'write', operation: kind, organization, client, outcome, rows })
    }
  }

  const saveChunk: OperationWriter['saveChunk'] = async (
    operation,
    lock,
    { number, kept, rows },
    change = {},
  ) => {
    const next = { ...operation, ...change, counts: recount(operation.counts, kept, rows) }
    if (!(await journal.save(next, lock, { number, rows }))) throw new LockLost()
    reportRows(next, operation.counts)
    return next
  }

  return {
    contextOf,
    list,
    current: async (operation) => {
      const { copy, freshness } = await cache.read(operatorsKey(operation.organization), contextOf(operation))
      return freshness.ttlMs > 0 && freshness.ageMs < currentMs ? copy : list(operation)
    },
    save: async (operation, lock) => {
      if (!(await journal.save(operation, lock))) throw new LockLost()
    },
    saveChunk,
    saveEachChunk: async (operation, lock, change) => {
      let next = operation
      for (let number = 0; number < operation.chunks; number++) {
        const kept = await journal.chunk(operation.id, number)
        const rows = kept.map((row) => change(row, number))
        if (rows.some((row, place) => row !== kept[place]))
          next = await saveChunk(next, lock, { number, kept, rows })
      }
      return next
    },
  }
}

/** The copy with another roster: as old as the list it was made from. */
export const patched = (copy: Copy<Roster>, value: Roster): Copy<Roster> => ({
  ...copy,
  value,
  bytes: value.bytes,
})

export const withStatus = (operators: readonly Operator[], id: number, status: KnownStatus): Operator[] =>
  operators.map((operator) => (operator.id === id ? { id, name: operator.name, status } : operator))
