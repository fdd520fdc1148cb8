import { describe, expect, it } from '@jest/globals'
import type { Cache } from '../../src/cache/cache.ts'
import type { Operator } from '../../src/contract/operator.ts'
import { createRoster, type Roster } from '../../src/lists/roster.ts'
import { createJournal, rowsOf } from '../../src/writes/journal.ts'
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
  const store = createMemoryJournal(clock, createLocalOrganizationLock(clock))
  const journal = createJournal(
    store,
    clock,
    () => {},
    async () => {},
  )
  const story: string[] = []
  const startedAt = clock.now()
  const stopping = new AbortController()
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
  return { clock, journal, story, reconciler, keep, reconcile, stopping }
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

  it.each([
    ['had no answer', { noReply: true }, true],
    ['had an answer of ChatHub', { noReply: false }, false],
    ['was left by an instance that died', {}, true],
  ])('needs a later check for duplicates when it is absent and %s', async (_, sending, isChecked) => {
    const { keep, reconcile, reconciler } = setUp()
    const baseline: Baseline = [['anna', [3]]]
    const { next } = await reconcile(await keep(rowsNamed('Anna'), { baseline, ...sending }))
    expect(next.duplicateCheck?.baseline).toEqual(isChecked ? baseline : undefined)
    expect(reconciler.duplicateCheckIn(next)).toBe(isChecked ? 5 * settleMs : 0)
  })

  it('keeps the oldest baseline for the check', async () => {
    const { keep, reconcile } = setUp()
    const duplicateCheck: Operation['duplicateCheck'] = { since: 1, baseline: [['anna', [3]]] }
    const operation = await keep(
      rowsNamed('Anna'),
      {
        baseline: [
          ['anna', [3, 4]],
          ['borys', []],
        ],
      },
      { duplicateCheck },
    )
    expect((await reconcile(operation)).next.duplicateCheck?.baseline).toEqual([
      ['anna', [3]],
      ['borys', []],
    ])
  })
})

describe('the check for duplicates', () => {
  const sent: Row[] = [
    { index: 0, name: 'Anna', outcome: 'created', id: 7 },
    { index: 1, name: 'Borys', outcome: 'created', id: 8 },
  ]
  const check: Partial<Operation> = {
    sending: undefined,
    next: 1,
    duplicateCheck: {
      since: 1,
      baseline: [
        ['anna', [3]],
        ['borys', []],
      ],
    },
  }

  it('ends the operation when no other operator carries the names', async () => {
    const { clock, journal, keep, reconciler } = setUp(
      [3, 7, 8].map((id) => operatorOf(id, id === 8 ? 'Borys' : 'Anna')),
    )
    const operation = { ...(await keep(sent, {})), ...check }
    expect(await reconciler.checkDuplicates(operation, lock)).toBe(operation) // It is not due yet.
    await clock.advance(5 * settleMs)
    const final = await reconciler.checkDuplicates(operation, lock)
    expect([final.state, final.duplicateCheck]).toEqual(['done', undefined])
    expect(await journal.get(operation.id)).toEqual(final)
  })

  it('makes a name unknown that another operator carries, and asks for a review', async () => {
    const { clock, journal, keep, reconciler } = setUp([3, 7, 9].map((id) => operatorOf(id, 'Anna')))
    const operation = { ...(await keep(sent, {})), ...check }
    expect(await reconciler.checkDuplicates(operation, lock)).toBe(operation) // It is not due yet.
    await clock.advance(5 * settleMs)
    const final = await reconciler.checkDuplicates(operation, lock)
    expect([final.state, final.detail]).toEqual([
      'needsReview',
      'ChatHub applied a request long after it was given up: 1 name exists twice.',
    ])
    const rows = await rowsOf(journal, final)
    expect(rows.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['unknown', 'doubled'],
      ['created', undefined],
    ])
  })
})
