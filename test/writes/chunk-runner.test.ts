import { describe, expect, it } from '@jest/globals'
import type { Cache } from '../../src/cache/cache.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import type { Operator } from '../../src/contract/operator.ts'
import { Failure } from '../../src/errors.ts'
import { createRoster, type Roster } from '../../src/lists/roster.ts'
import { announced, createChunkRunner } from '../../src/writes/chunk-runner.ts'
import type { Journal } from '../../src/writes/journal.ts'
import type { Chunk, Operation, Row } from '../../src/writes/operation.ts'
import { operationOf, rowsNamed } from './operations-of.ts'

const chunkOf = (rows: Row[], number = 0): Chunk => ({ number, kept: rows, rows })
const context: CallContext = { lane: 'writes', client: 'crm', deadline: 1000 }
const operatorOf = (id: number, name: string): Operator => ({ id, name, status: 'active' })
const roster = createRoster({ id: 24, name: 'Sales' }, [operatorOf(1, 'Anna'), operatorOf(2, 'Borys')])

/** Announces the rows and sends them to a ChatHub that answers like this. */
const send = async (
  rows: Row[],
  answers: { synchronize?: () => Promise<Operator[]>; setStatus?: (id: number) => Promise<void> },
  change: Partial<Operation> = {},
) => {
  const chunk = chunkOf(rows)
  const operation = announced(operationOf(rows, change), chunk, roster, 1)
  const none = async () => {
    throw new Error('not expected to be asked')
  }
  const { synchronize = none, setStatus = none } = answers
  const commits: unknown[] = []
  const cache = { commit: async (_key, patched) => void commits.push(patched?.value) } as Partial<
    Cache<Roster>
  >
  const journal = { save: async (next) => next } as Partial<Journal>
  const runChunk = createChunkRunner({ synchronize, setStatus }, cache as Cache<Roster>, journal as Journal)
  const copy = { value: roster, bytes: roster.bytes, askedAt: 0, epoch: '1' }
  const lock = { owner: 'here', isHeld: () => true }
  const result = await runChunk(operation, lock, chunk, copy, context)
  const { rows: doubtful = [] } = result.wasSent ? (result.operation.sending ?? {}) : {}
  const decided = result.rows.filter(({ outcome }) => outcome !== 'pending')
  return { ...result, decided, doubtful, commits }
}
const outcomes = ({ decided }: { decided: Row[] }) =>
  decided.map(({ index, outcome, id, reason }) => [index, outcome, id ?? reason])
const failing = (failure: Failure) => async () => {
  throw failure
}
const statusRows = (count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ index, id: index + 1, outcome: 'pending' }))

describe('announcing a chunk', () => {
  it('notes the rows, the ids that carry their names before, and the number of the attempt', () => {
    const rows = [
      ...rowsNamed('Clara', 'clara'),
      { index: 2, name: 'Anna', id: 1, outcome: 'pending' } as Row,
    ]
    const first = announced(operationOf(rows), chunkOf(rows), roster, 5)
    const sending = { since: 5, chunk: 0, attempt: 1, rows: [0, 2], baseline: [['clara', []]] }
    expect([first.state, first.sending]).toEqual(['running', sending])
    expect(announced(first, chunkOf(rows), roster, 6).sending?.attempt).toBe(2)
    expect(announced(first, chunkOf(rows, 1), roster, 6).sending?.attempt).toBe(1)
  })

  it('announces nothing when the outcome of every row is known', () => {
    const rows: Row[] = [{ index: 0, name: 'Anna', id: 1, outcome: 'exists' }]
    expect(announced(operationOf(rows), chunkOf(rows), roster, 5).sending).toBeUndefined()
  })

  it('announces no more than ten changes of status', () => {
    const rows = statusRows(25)
    const { sending } = announced(operationOf(rows, { status: 'inactive' }), chunkOf(rows), roster, 5)
    expect(sending?.rows).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})

describe('adding names', () => {
  it('takes the ids by name, whatever the order of the answer', async () => {
    const synchronize = async () => [operatorOf(4, 'Dmytro'), operatorOf(3, 'Clara')]
    const delivery = await send(rowsNamed('Clara', 'Dmytro'), { synchronize })
    expect(outcomes(delivery)).toEqual([
      [0, 'created', 3],
      [1, 'created', 4],
    ])
    expect(delivery.roster.operators.map(({ id }) => id)).toEqual([1, 2, 4, 3])
  })

  it('is in doubt when the answer misses a name', async () => {
    const delivery = await send(rowsNamed('Clara', 'Dmytro'), {
      synchronize: async () => [operatorOf(3, 'Clara')],
    })
    expect(delivery).toMatchObject({ decided: [], doubtful: [0, 1] })
    expect(delivery.roster).toBe(roster)
  })

  it('does not take an operator for new that was in the list before', async () => {
    const synchronize = async () => [operatorOf(1, 'Clara')]
    expect((await send(rowsNamed('Clara'), { synchronize })).doubtful).toEqual([0])
  })

  it('leaves a name unknown that ChatHub spells otherwise', async () => {
    const synchronize = async () => [operatorOf(3, 'Clara'), operatorOf(4, 'O&#39;Brien')]
    expect(outcomes(await send(rowsNamed('Clara', "O'Brien"), { synchronize }))).toEqual([
      [0, 'created', 3],
      [1, 'unknown', 'spelled-otherwise'],
    ])
  })

  it('ends the rows as rejected when ChatHub rejects the request', async () => {
    const delivery = await send(rowsNamed('Clara'), { synchronize: failing(new Failure('chathub.rejected')) })
    expect(outcomes(delivery)).toEqual([[0, 'rejected', 'chathub.rejected']])
    expect(delivery.refused).toBeUndefined()
  })

  it('is in doubt after a failure that may have been carried out', async () => {
    const failure = new Failure('chathub.unavailable', { inDoubt: true })
    const delivery = await send(rowsNamed('Clara'), { synchronize: failing(failure) })
    expect(delivery).toMatchObject({ decided: [], doubtful: [0] })
  })

  it('sends no change of status after names that are in doubt or refused', async () => {
    const rows: Row[] = [...rowsNamed('Clara'), { index: 1, name: 'Anna', id: 1, outcome: 'pending' }]
    for (const failure of [new Failure('chathub.timeout', { inDoubt: true }), new Failure('queue.full')]) {
      const delivery = await send(rows, { synchronize: failing(failure) })
      expect([delivery.decided, delivery.refused]).toEqual([[], failure.inDoubt ? undefined : failure])
    }
  })

  it('does not hide an error of the program', async () => {
    const bug = new TypeError('a bug')
    await expect(send(rowsNamed('Clara'), { synchronize: async () => Promise.reject(bug) })).rejects.toBe(bug)
  })
})

describe('changing statuses', () => {
  const status = 'inactive' as const

  it('ends each row, and the list has the new statuses', async () => {
    const delivery = await send(statusRows(2), { setStatus: async () => {} }, { status })
    expect(outcomes(delivery)).toEqual([
      [0, 'changed', 1],
      [1, 'changed', 2],
    ])
    expect(delivery.roster.operators.map((operator) => operator.status)).toEqual([status, status])
  })

  it('goes on after a row in doubt or rejected, and stops at a refusal', async () => {
    const failures: Record<number, Failure> = {
      1: new Failure('chathub.timeout', { inDoubt: true }),
      3: new Failure('chathub.rejected'),
      4: new Failure('chathub.unavailable'),
    }
    const asked: number[] = []
    const setStatus = async (id: number) => {
      asked.push(id)
      if (failures[id]) throw failures[id]
    }
    const delivery = await send(statusRows(5), { setStatus }, { status })
    expect(asked).toEqual([1, 2, 3, 4])
    expect(outcomes(delivery)).toEqual([
      [1, 'changed', 2],
      [2, 'rejected', 3],
    ])
    expect(delivery).toMatchObject({ doubtful: [0], refused: failures[4] })
  })
})

describe('the outcome of a chunk', () => {
  it('is committed with the list before it is kept; a list in doubt is dropped', async () => {
    const created = await send(rowsNamed('Clara'), { synchronize: async () => [operatorOf(3, 'Clara')] })
    expect(created.commits).toEqual([created.roster])
    expect(created.roster.byId(3)?.name).toBe('Clara')
    const doubt = await send(rowsNamed('Clara'), { synchronize: async () => [] })
    expect(doubt.commits).toEqual([undefined])
  })

  it('is kept with the next chunk once no row of this one is pending', async () => {
    const synchronize = async () => [operatorOf(3, 'Clara')]
    const { operation, rows } = await send(rowsNamed('Clara', 'clara'), { synchronize })
    expect([operation.next, operation.sending]).toEqual([1, undefined])
    expect(rows.map(({ outcome, id }) => [outcome, id])).toEqual([
      ['created', 3],
      ['exists', 3],
    ])
  })

  it('is not kept when nothing left', async () => {
    const refused = new Failure('queue.full')
    const result = await send(rowsNamed('Clara'), { synchronize: failing(refused) })
    expect(result).toMatchObject({ wasSent: false, refused, commits: [] })
  })
})
