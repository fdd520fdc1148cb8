import { describe, expect, it } from '@jest/globals'
import type { Cache } from '../../src/cache/cache.ts'
import type { Operator } from '../../src/contract/operator.ts'
import { createRoster, type Roster } from '../../src/lists/roster.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import { createJournal, operationKeepMs, rowsOf } from '../../src/writes/journal.ts'
import { createMemoryJournal } from '../../src/writes/memory-journal.ts'
import type { Baseline, Operation, Row, Sending } from '../../src/writes/operation.ts'
import { createLocalOrganizationLock, type HeldLock } from '../../src/writes/organization-lock.ts'
import { createReconciler } from '../../src/writes/reconciler.ts'
import { createClock } from '../support/clock.ts'
import { operationOf, rowsNamed } from './operations-of.ts'

const settleMs = 60_000
const lock: HeldLock = { owner: 'here', isHeld: () => true }

const setUp = (people: Operator[] = []) => {
  const clock = createClock()
  const store = createMemoryJournal({
    clock,
    lock: createLocalOrganizationLock(clock),
    quotas: unlimited,
    rowsKeepMs: operationKeepMs,
  })
  const journal = createJournal(
    store,
    clock,
    () => {},
    async () => {},
  )
  const story: string[] = []
  const startedAt = clock.now()
  const stopping = new AbortController()
  const watched: Baseline[] = []
  const late: Parameters<typeof createReconciler>[0]['late'] = {
    add: async (_operation, names) => void watched.push(names),
    compare: async (_roster, askedAt) => void story.push(`a list of ${askedAt - startedAt} ms is compared`),
  }
  const cache = {
    commit: async () => void story.push('the cached list is dropped'),
  } as Partial<Cache<Roster>> as Cache<Roster>
  const reconciler = createReconciler({
    cache,
    journal,
    clock,
    fetchList: async () => {
      story.push(`a list is fetched after ${clock.now() - startedAt} ms`)
      const value = createRoster({ id: 24, name: 'Sales' }, people)
      return { value, bytes: value.bytes, askedAt: clock.now(), epoch: '1' }
    },
    signal: stopping.signal,
    settleMs,
    late,
  })
  const keep = async (rows: Row[], sending: Partial<Sending>, change: Partial<Operation> = {}) => {
    const sent = { since: 1, chunk: 0, attempt: 1, rows: rows.map(({ index }) => index), baseline: [] }
    const operation = operationOf(rows, { state: 'running', sending: { ...sent, ...sending }, ...change })
    await journal.create(operation, [rows])
    return operation
  }
  /** Reconciles the operation once it is due; how each row ended, and the operation. */
  const reconcile = async (operation: Operation) => {
    const reconciling = reconciler.reconcile(operation, lock)
    await clock.advance(settleMs)
    const next = await reconciling
    const rows = (await rowsOf(journal, next)).map(({ outcome, id }) => `${outcome} ${id ?? '-'}`)
    return { next, rows }
  }
  return { clock, journal, story, reconciler, keep, reconcile, stopping, watched }
}
const operatorOf = (id: number, name: string, status: Operator['status'] = 'active'): Operator => ({
  id,
  name,
  status,
})

describe('a request in doubt', () => {
  it('is due a settling time after this process first saw it, independent of the clock of its sender', async () => {
    const { clock, reconciler } = setUp()
    const sentAt = (since: number): Operation =>
      operationOf([], {
        id: '24-operation_in_doubt',
        sending: { since, chunk: 0, attempt: 1, rows: [0], baseline: [] },
      })
    const [slow, fast] = [sentAt(clock.wall() - 3_600_000), sentAt(clock.wall() + 3_600_000)]
    const due = () => [reconciler.dueIn(slow), reconciler.dueIn(fast)]
    expect(due()).toEqual([60_000, 60_000])
    await clock.advance(40_000)
    expect(due()).toEqual([20_000, 20_000])
    clock.jumpWall(-3_600_000)
    await clock.advance(20_000)
    expect(due()).toEqual([0, 0])
    // Another request for the same rows has its own time.
    expect(reconciler.dueIn(sentAt(clock.wall()))).toBe(60_000)
  })

  it('is judged by a list that is fetched after the settling time', async () => {
    const { story, keep, reconcile } = setUp([operatorOf(7, 'anna')])
    const { next, rows } = await reconcile(await keep(rowsNamed('Anna'), {}))
    expect(story).toEqual(['the cached list is dropped', 'a list is fetched after 60000 ms'])
    expect([rows, next.sending]).toEqual([['created 7'], undefined])
  })

  it('is left to another instance when this one stops', async () => {
    const { story, keep, reconciler, stopping } = setUp()
    const reconciling = reconciler.reconcile(await keep(rowsNamed('Anna'), {}), lock)
    stopping.abort()
    await expect(reconciling).rejects.toMatchObject({ code: 'queue.full' })
    expect(story).toEqual([])
  })

  it('did not create the operators that carried the name before', async () => {
    const { keep, reconcile } = setUp([operatorOf(7, 'Anna')])
    const { next, rows } = await reconcile(await keep(rowsNamed('Anna'), { baseline: [['anna', [7]]] }))
    expect([rows, next.sending?.rows, next.sending?.attempt]).toEqual([['pending -'], [], 1])
  })

  it('leaves rows pending that were not part of it', async () => {
    const { keep, reconcile } = setUp([operatorOf(7, 'Anna'), operatorOf(8, 'Borys')])
    const { rows } = await reconcile(await keep(rowsNamed('Anna', 'Borys'), { rows: [0] }))
    expect(rows).toEqual(['created 7', 'pending -'])
  })

  it('changed a status if the list shows it', async () => {
    const { keep, reconcile } = setUp([operatorOf(7, 'Anna', 'inactive'), operatorOf(8, 'Borys')])
    const ids: Row[] = [7, 8].map((id, index) => ({ index, id, outcome: 'pending' }))
    const { rows } = await reconcile(await keep(ids, {}, { kind: 'setStatus', status: 'inactive' }))
    expect(rows).toEqual(['changed 7', 'pending 8'])
  })

  it('is given up after the third attempt: its rows are unknown, and the operation says why', async () => {
    const { keep, reconcile } = setUp()
    const { next, rows } = await reconcile(await keep(rowsNamed('Anna'), { attempt: 3 }))
    expect([rows, next.sending]).toEqual([['unknown -'], undefined])
    expect(next.detail).toBe('ChatHub left some rows in doubt 3 times.')
  })

  it('is watched further for the names that the list does not have, whatever its answer was', async () => {
    const { keep, reconcile, reconciler, watched } = setUp([operatorOf(7, 'Borys')])
    const baseline: Baseline = [
      ['anna', [3]],
      ['borys', []],
    ]
    const { next } = await reconcile(await keep(rowsNamed('Anna', 'Borys'), { baseline }))
    expect(watched).toEqual([[['anna', [3]]]])
    expect(reconciler.lateCheckIn(next)).toBe(5 * settleMs)
  })

  it('needs no further look when it was found, or when it changes a status', async () => {
    const { keep, reconcile, reconciler, watched } = setUp([operatorOf(7, 'Anna')])
    const found = await reconcile(await keep(rowsNamed('Anna'), { baseline: [['anna', []]] }))
    const rows: Row[] = [{ index: 0, id: 7, outcome: 'pending' }]
    const change = await reconcile(await keep(rows, {}, { kind: 'setStatus', status: 'inactive' }))
    expect([found, change].map(({ next }) => reconciler.lateCheckIn(next))).toEqual([0, 0])
    expect(watched).toEqual([])
  })
})

describe('the end of an operation', () => {
  const sent: Row[] = [{ index: 0, name: 'Anna', outcome: 'created', id: 7 }]

  it('comes after a list was compared, five settling times later', async () => {
    const { clock, journal, story, keep, reconciler } = setUp([operatorOf(7, 'Anna')])
    const operation = await keep(sent, {}, { next: 1, lateCheck: 1 })
    const waiting = { ...operation, sending: undefined }
    await journal.save(waiting, lock)
    expect(await reconciler.end(waiting, lock)).toBe(waiting) // It is not due yet.
    await clock.advance(5 * settleMs)
    const final = await reconciler.end(waiting, lock)
    expect([final.state, final.lateCheck]).toEqual(['done', undefined])
    expect(story).toEqual(['a list is fetched after 300000 ms', 'a list of 300000 ms is compared'])
    expect(await journal.get(operation.id)).toEqual(final)
  })
})
