import { encodeEntry } from '../../src/audit/entry.ts'
import type { ChangeSet } from '../../src/contract/audit.ts'
import type { Operator } from '../../src/contract/operator.ts'
import { changeOfWrite, writtenIn } from '../../src/events/written-changes.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { changesOf } from '../../src/writes/changes.ts'
import { announced } from '../../src/writes/chunk-runner.ts'
import { encodeRows } from '../../src/writes/journal.ts'
import {
  type NewWrite,
  newOperation,
  type Operation,
  type Row,
  withChunk,
} from '../../src/writes/operation.ts'
import { planRows, replaceRows } from '../../src/writes/row-planner.ts'
import type { createListModel } from './model-lists.ts'
import { client, now, type World } from './model-world.ts'

export const requestKey = 'AbCdEfGhIjKlMnOp'
export const requestId = '01234567-89ab-cdef-0123-456789abcdef'

/** How a write goes: under the lock, in the journal, at ChatHub, to the other instances, into audit and events. */
export const createWriteModel = (
  world: World,
  { readNew }: ReturnType<typeof createListModel>,
  batchSize: number,
) => {
  const { ledger, cache, journal, events, instances, sharedOf, ownOf, listening } = world
  const recordOf = (operation: Operation): string => JSON.stringify({ v: 2, ...operation })
  const encoded = (rows: readonly Row[]): Buffer => encodeRows({ retryKey: undefined, rows })
  /** Sends a chunk, commits the list, and tells of the changes. Returns the operation as it is kept then, and its rows. */
  const runChunk = (
    instance: number,
    sent: Operation,
    number: number,
    kept: readonly Row[],
    background: boolean,
  ) => {
    const list = sent.organization
    const all = sharedOf(list)
    cache.slot(background ? 'background' : 'urgent')
    ledger.request()
    const ids = new Set(sent.sending?.rows)
    const decided = kept
      .filter(({ index }) => ids.has(index))
      .map(
        (row): Row =>
          row.id === undefined
            ? { ...row, outcome: 'created', id: world.nextId++ }
            : { ...row, outcome: 'changed' },
      )
    const isAdding = sent.status === undefined
    all.roster = isAdding
      ? all.roster.with(
          decided.map(({ id, name = '' }): Operator => ({ id: id as number, name, status: 'active' })),
        )
      : createRoster(
          all.roster.organization,
          all.roster.operators.map((one) =>
            one.id === decided[0]?.id ? { ...one, status: sent.status as 'active' } : one,
          ),
        )
    cache.commit(list, all.roster.bytes)
    for (let other = 0; other < instances; other++)
      Object.assign(ownOf(other, list), { current: other === instance, answered: false })
    const rows = planRows(all.roster, replaceRows(kept, decided), sent)
    const next = withChunk({ ...sent, sending: undefined, next: number + 1 }, { number, kept, rows }, now)
    tell(instance, changesOf(next, { number, kept, rows }, now))
    return { next, rows }
  }
  const tell = (instance: number, set: ChangeSet): void => {
    const list = set.organization as number
    const [all, mine] = [sharedOf(list), ownOf(instance, list)]
    if (!mine.isListed) events.auditList(list)
    mine.isListed = true
    const keys = set.changes.map(({ key = 0 }) => key)
    events.audit(list, encodeEntry(set), keys, set.step?.name ?? '')
    const rows = all.rows ?? new Map<number, string>()
    const written = writtenIn(set)
    const seen = { askedAt: now, arrivedAt: now, begunAt: now, active: 20, belowSince: 0, isLow: false }
    events.load(
      list,
      rows,
      written.map(({ operator }) => operator.id),
    )
    const change = changeOfWrite({ ...set, organization: list }, written, { version: '', now, rows, seen })
    events.append(list, change, listening())
    for (const [id, row] of change.rows) rows.set(id, row ?? '')
    all.rows = rows
    const texts = change.events.map(({ text }) => text)
    if (listening() > 0) events.read(0, texts, listening())
    if (world.webhooks > 0) for (const text of texts) events.deliver(list, text)
  }
  const writeOf = (list: number, kind: 'add' | 'import', names: readonly string[]): NewWrite => ({
    ...{ kind, client, subject: undefined, requestId, organization: list, requestKey },
    rows: names.map((name, index): Row => ({ index, name, outcome: 'pending' })),
  })
  const lock = (list: number, record: string | null = null): void => {
    const all = sharedOf(list)
    journal.lock(list, `${list}-${requestKey}`, record, false, !all.wasWritten)
    all.wasWritten = true
  }
  /** A write whose rows fit into one request to ChatHub. */
  const writeAtOnce = (instance: number, write: NewWrite, forget: boolean): Operation => {
    const { organization: list } = write
    const rows = planRows(sharedOf(list).roster, write.rows, write)
    const { operation, chunks } = newOperation({ ...write, rows }, batchSize, now)
    const sent = announced(operation, { number: 0, kept: rows, rows }, sharedOf(list).roster, now)
    journal.create(list, operation.id, rows.length, recordOf(sent), chunks.map(encoded), true)
    const { next, rows: after } = runChunk(instance, sent, 0, rows, false)
    if (forget) journal.forget(list, operation.id)
    else {
      journal.save(list, operation.id, recordOf(next), encoded(after), false)
      journal.end(list, operation.id, rows.length)
    }
    return next
  }

  const importAll = (instance: number, list: number, names: readonly string[]): void => {
    const { operation, chunks } = newOperation(writeOf(list, 'import', names), batchSize, now)
    const { id } = operation
    journal.get(list, id, null)
    journal.create(list, id, names.length, recordOf(operation), chunks.map(encoded), false)
    let current = operation
    for (const [number, kept] of chunks.entries()) {
      lock(list, recordOf(current))
      journal.cancelled(list, id)
      journal.chunk(list, id, encoded(kept))
      if (number === 0) readNew(instance, list, 'background')
      const rows = planRows(sharedOf(list).roster, kept, current)
      const sent = announced(current, { number, kept, rows }, sharedOf(list).roster, now)
      journal.save(list, id, recordOf(sent), encoded(rows), true)
      const ran = runChunk(instance, sent, number, rows, true)
      current = ran.next
      journal.save(list, id, recordOf(current), encoded(ran.rows), false)
      if (current.state === 'done') journal.end(list, id, names.length)
    }
  }
  return { lock, writeOf, writeAtOnce, importAll }
}
