import { describe, expect, it } from '@jest/globals'
import type { Caller } from '../../src/access/caller.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import { systemClock } from '../../src/clock.ts'
import type { Scope } from '../../src/contract/scopes.ts'
import { Failure } from '../../src/errors.ts'
import { createJournal, type JournalStore, rowsOf } from '../../src/writes/journal.ts'
import type { Operation, Row } from '../../src/writes/operation.ts'
import { createOperations } from '../../src/writes/operations.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis } from '../support/redis.ts'
import { operationOf } from './operations-of.ts'
import { openRedisJournal } from './redis-journal.ts'
import { createHarness, unsent } from './writes-harness.ts'

const callerWith = (...scopes: Scope[]): Caller => ({
  id: 'crm',
  kind: 'key',
  scopes: new Set(scopes),
  organizations: '*',
  requestsPerMinute: 1,
  expiresAt: undefined,
})
const caller = callerWith('operators:write')
const rowOf = (index: number, change: Partial<Row>): Row => ({
  index,
  name: `Row ${index}`,
  outcome: 'unknown',
  ...change,
})

const setUp = () => {
  const harness = createHarness({ batchSize: 1 })
  const { journal, runner, clock } = harness
  /** Keeps a final operation with one row in each chunk. */
  const keep = async (rows: Row[], change: Partial<Operation> = {}): Promise<Operation> => {
    const operation = operationOf(rows, {
      state: 'needsReview',
      chunks: rows.length,
      next: rows.length,
      ...change,
    })
    await journal.create(
      operation,
      rows.map((row) => [row]),
    )
    return operation
  }
  return {
    ...harness,
    keep,
    operations: createOperations(journal, runner, harness.writer, clock, async () => {}),
  }
}

describe('retrying an operation', () => {
  it('tries rows again that are unknown or were not sent, and no others', async () => {
    const { keep, operations, journal, ended, calls } = setUp()
    const operation = await keep([
      rowOf(0, { outcome: 'unknown' }),
      rowOf(1, { outcome: 'rejected', reason: 'chathub.unavailable' }),
      rowOf(2, { outcome: 'rejected', reason: 'chathub.rejected' }),
      rowOf(3, { outcome: 'unknown', reason: 'spelled-otherwise' }),
      rowOf(4, { outcome: 'created', id: 7 }),
    ])
    const again = await operations.retry(caller, operation.id, {} as CallContext, 'retry-1')
    expect([again.state, again.counts.pending]).toEqual(['running', 2])
    await ended(operation)
    expect(calls).toEqual(['list', 'add Row 0', 'add Row 1'])
    expect((await rowsOf(journal, operation)).map(({ outcome }) => outcome)).toEqual([
      'created',
      'created',
      'rejected',
      'unknown',
      'created',
    ])
  })

  it('goes on with the rows that a cancelled operation left', async () => {
    const { keep, operations, ended, people } = setUp()
    const rows = [
      rowOf(0, { outcome: 'created' }),
      rowOf(1, { outcome: 'pending' }),
      rowOf(2, { outcome: 'pending' }),
    ]
    const operation = await keep(rows, { state: 'cancelled' })
    await operations.retry(caller, operation.id, {} as CallContext, 'retry-1')
    expect((await ended(operation)).state).toBe('done')
    expect(people().map(({ name }) => name)).toEqual(['Row 1', 'Row 2'])
  })

  it('shows the rows that it tries again as pending before they are sent', async () => {
    const { keep, operations, hold, ended } = setUp()
    const operation = await keep([rowOf(0, { outcome: 'created', id: 7 }), rowOf(1, {}), rowOf(2, {})])
    const release = hold()
    const again = await operations.retry(caller, operation.id, {} as CallContext, 'retry-1')
    const outcomes = async () => (await operations.rows(caller, operation.id)).map(({ outcome }) => outcome)
    expect(again.counts).toMatchObject({ created: 1, pending: 2, unknown: 0 })
    expect(await outcomes()).toEqual(['created', 'pending', 'pending'])
    release()
    await ended(operation)
    expect(await outcomes()).toEqual(['created', 'created', 'created'])
  })

  it('keeps nothing when the lock is lost, and may be repeated', async () => {
    const { keep, operations, journal, ended } = setUp()
    const operation = await keep([rowOf(0, {}), rowOf(1, {})])
    const { save } = journal
    journal.save = async () => {
      throw new Failure('queue.full')
    }
    await expect(operations.retry(caller, operation.id, {} as CallContext, 'retry-1')).rejects.toMatchObject({
      code: 'queue.full',
    })
    journal.save = save
    expect(await journal.get(operation.id)).toEqual(operation)
    await operations.retry(caller, operation.id, {} as CallContext, 'retry-1')
    expect((await ended(operation)).counts.created).toBe(2)
  })

  it('tries rows again that ended in doubt in an earlier retry', async () => {
    const { keep, operations, ended, failNext, pass } = setUp()
    const operation = await keep([rowOf(0, {})])
    failNext(unsent, unsent, unsent)
    await operations.retry(caller, operation.id, {} as CallContext, 'retry-1')
    await pass(100_000)
    expect(await ended(operation)).toMatchObject({ state: 'needsReview', counts: { unknown: 1 } })
    await operations.retry(caller, operation.id, {} as CallContext, 'retry-2')
    expect((await ended(operation)).counts.created).toBe(1)
  })

  it('is done once per request key', async () => {
    const { keep, operations, ended, calls } = setUp()
    const operation = await keep([rowOf(0, {})])
    await operations.retry(caller, operation.id, {} as CallContext, 'retry-1')
    await ended(operation)
    expect((await operations.retry(caller, operation.id, {} as CallContext, 'retry-1')).state).toBe('done')
    expect(calls.filter((call) => call.startsWith('add'))).toHaveLength(1)
  })

  it('is not done again for the key of an earlier retry', async () => {
    const { keep, operations, ended, failNext, pass, calls } = setUp()
    const operation = await keep([rowOf(0, {})])
    const keys = ['retry-1', 'retry-2', 'retry-3']
    for (const key of keys) {
      failNext(unsent, unsent, unsent)
      await operations.retry(caller, operation.id, {} as CallContext, key)
      await pass(100_000)
      await ended(operation)
    }
    const sent = calls.length
    for (const key of keys) {
      const same = await operations.retry(caller, operation.id, {} as CallContext, key)
      expect([key, same.state, same.counts.unknown]).toEqual([key, 'needsReview', 1])
    }
    expect(calls).toHaveLength(sent)
    await operations.retry(caller, operation.id, {} as CallContext, 'retry-4')
    expect((await ended(operation)).counts.created).toBe(1)
  })

  it.each([
    ['runs', { state: 'running' }, caller, 'operation.running'],
    ['has nothing to try again', { state: 'done' }, caller, 'operation.settled'],
    ['needs another scope', { kind: 'import' }, caller, 'scope.missing'],
    ['adds operators', {}, callerWith('operators:status', 'operators:import'), 'scope.missing'],
    ['deletes', { kind: 'setStatus', status: 'deleted' }, callerWith('operators:status'), 'scope.missing'],
    ['switches', { kind: 'setStatus', status: 'active' }, callerWith('operators:import'), 'scope.missing'],
    ['is kept for another client', { client: 'other' }, caller, 'operation.unknown'],
  ] as const)('is refused where the operation %s', async (_, change, who, code) => {
    const { keep, operations } = setUp()
    const operation = await keep([rowOf(0, { outcome: 'created' })], change)
    await expect(operations.retry(who, operation.id, {} as CallContext, 'retry-1')).rejects.toMatchObject({
      code,
    })
  })
})

describe('a retried change of status', () => {
  it.each([
    ['operators:status', 'rejected', 'scope.missing'],
    ['operators:write', 'changed', undefined],
  ] as const)('has the rights of the caller that retries: %s', async (scope, outcome, reason) => {
    const { keep, operations, journal, ended, calls, setPeople, setStatus } = setUp()
    setPeople('Gone')
    await setStatus(1, 'deleted')
    calls.length = 0
    const rows: Row[] = [{ index: 0, id: 1, outcome: 'unknown' }]
    // Another caller began it, with other rights.
    const switchOnly = scope === 'operators:write'
    const operation = await keep(rows, { kind: 'setStatus', status: 'active', switchOnly })
    await operations.retry(callerWith(scope), operation.id, {} as CallContext, 'retry-1')
    const [row] = await rowsOf(journal, await ended(operation))
    expect([row?.outcome, row?.reason]).toEqual([outcome, reason])
    expect(calls.filter((call) => call !== 'list')).toEqual(outcome === 'changed' ? ['set 1 active'] : [])
  })
})

describe('watching an operation', () => {
  it('waits for the answer of a slow journal, so that none comes after a newer one', async () => {
    const { journal, runner, writer, clock, keep } = setUp()
    const operation = await keep([rowOf(0, {})])
    let asked = 0
    const get = (): Promise<Operation> => {
      asked++
      return new Promise(() => {})
    }
    const { watch } = createOperations({ ...journal, get }, runner, writer, clock, async () => {})
    const stop = watch(caller, operation, () => {})
    await clock.advance(2000)
    stop()
    expect(asked).toBe(1)
  })

  it('shows each later state, and at the end that the operation is gone', async () => {
    const { keep, operations, journal, clock } = setUp()
    const operation = await keep([rowOf(0, {})], { state: 'running' })
    const lock = { owner: 'here', isHeld: () => true }
    const seen: (string | undefined)[] = []
    const stop = operations.watch(caller, operation, (now) => void seen.push(now?.state))
    await clock.advance(250)
    await journal.save({ ...operation, detail: 'Look at it.' }, lock)
    await clock.advance(250)
    await journal.remove(operation, lock)
    await clock.advance(250)
    stop()
    await clock.advance(1000)
    expect(seen).toEqual(['running', 'needsReview', undefined])
  })
})

describeWithRedis('a retried operation', () => {
  it('stays listed as open, although another instance that saw it final removed it from the list', async () => {
    const database = await openRedis()
    const { journal, close } = await openRedisJournal(database)
    const rows = [rowOf(0, {})]
    const operation = operationOf(rows, { state: 'needsReview' })
    await journal.create(operation, [rows])
    const racing: JournalStore = {
      ...journal,
      save: async (...args) => {
        await journal.open() // the sweep of the other instance
        return journal.save(...args)
      },
    }
    const clock = systemClock
    const runner = { run: async () => undefined }
    const operations = createOperations(
      createJournal(
        racing,
        clock,
        () => {},
        async () => {},
      ),
      runner,
      createHarness().writer,
      clock,
      async () => {},
    )
    await operations.retry(caller, operation.id, {} as CallContext, 'retry-1')
    expect((await journal.open()).map(({ id }) => id)).toEqual([operation.id])
    close()
    await database.stop()
  })
})
